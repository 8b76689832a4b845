import type { ClientChannel } from 'ssh2';
import type { ProblemData } from '../../../contract/problem.ts';
import { Problem } from '../../../contract/problem.ts';
import { cleanText } from '../text.ts';
import type { ChannelQueue } from './channels.ts';
import type { Lifeline } from './lifeline.ts';
import { cancelled } from './problems.ts';
import { execProgram } from './program.ts';
import { createSentinelFilter, createStartFilter } from './sentinel.ts';
import type { ExecOptions, ExecOutcome, RemoteScript } from './types.ts';

/** What a command runs over. */
export interface ExecContext {
  readonly queue: ChannelQueue;
  readonly lifeline: Lifeline;
  readonly where: string;
  open(command: string): Promise<ClientChannel>;
}

/** Background children may keep the channel open after the script has ended; silence that long after its mark is the end. */
const lingerMs = 2000;

/** Implements {@link SshSession.exec}. `kind` is `long` for waits that may take their slot for long. */
export async function exec(
  context: ExecContext,
  script: RemoteScript,
  options: ExecOptions = {},
  kind: 'short' | 'long' = 'short',
): Promise<ExecOutcome> {
  const { where } = context;
  const timeoutMs = options.timeoutMs ?? 30_000;
  const timeout = AbortSignal.timeout(Math.min(timeoutMs, 2 ** 31 - 1));
  const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
  const started = performance.now();
  const program = execProgram(script);
  const slot = await context.queue
    .open(kind, () => context.open(program.command), signal)
    .catch((error: unknown) => {
      if (!timeout.aborted || options.signal?.aborted === true) throw error;
      throw new Problem('timed-out', `No channel to ${where} became free within ${Math.round(timeoutMs / 1000)} s; nothing was run.`, {
        retryable: true,
        cause: error,
      });
    });
  const channel = slot.value;
  const keep = options.maxBytes ?? 4 * 1024 * 1024;
  const stdout = createCapture(keep);
  const stderr = createCapture(keep);
  const filter = createSentinelFilter(program.mark);
  const start = createStartFilter(program.mark);

  return new Promise<ExecOutcome>((resolve) => {
    let settled = false;
    let linger: NodeJS.Timeout | undefined;
    let exit: { code: number | null | undefined; signal?: string } | undefined;
    const settle = (outcome: ExecOutcome): void => {
      if (settled) return;
      settled = true;
      clearTimeout(linger);
      signal.removeEventListener('abort', onAbort);
      stopWatching();
      resolve(outcome);
    };
    const unknown = (problem: ProblemData): void => settle({ outcome: 'unknown', problem });
    const facts = (exitCode: number) => ({
      exitCode,
      stdout: stdout.bytes(),
      stderr: stderr.bytes(),
      truncated: stdout.truncated || stderr.truncated,
      durationMs: performance.now() - started,
    });
    const finish = (): void => {
      stderr.push(filter.flush());
      settle(ending());
    };
    const ending = (): ExecOutcome => {
      if (filter.exitCode !== undefined) return { outcome: 'done', ...facts(filter.exitCode) };
      if (exit === undefined || exit.code === undefined)
        return { outcome: 'unknown', problem: lostDuringWork(context, 'a command was running') };
      if (exit.code === null) return { outcome: 'unknown', problem: killed(where, exit.signal) };
      // The server says that its process ended, yet our program did not: it never ran, or not whole.
      const said = cleanText((stderr.bytes().length > 0 ? stderr.bytes() : start.noise()).toString('utf8').trim(), { maxLength: 300 });
      const problem = new Problem(
        'remote-command-failed',
        `${where} ended the command before it was run whole (exit code ${exit.code})${said === '' ? '' : `: ${said}`}.`,
        { hint: 'The account may have no login shell, a forced command, or no /bin/sh with dd.', detail: { exitCode: exit.code } },
      ).data;
      return { outcome: 'failed', problem, ...facts(exit.code) };
    };
    const lingerOn = (): void => {
      if (filter.exitCode === undefined || settled) return;
      clearTimeout(linger);
      linger = setTimeout(() => {
        finish();
        channel.close();
      }, lingerMs);
    };
    const onAbort = (): void => {
      if (filter.exitCode !== undefined) finish();
      else if (options.signal?.aborted === true) unknown(cancelled(`A command on ${where}`).data);
      else
        unknown(
          new Problem(
            'timed-out',
            `A command on ${where} was not seen to end within ${Math.round(timeoutMs / 100) / 10} s. It may still be running.`,
            { retryable: true },
          ).data,
        );
      channel.close();
    };

    channel.on('data', (chunk: Buffer) => {
      stdout.push(start.push(chunk));
      lingerOn();
    });
    channel.stderr.on('data', (chunk: Buffer) => {
      stderr.push(filter.push(chunk));
      lingerOn();
    });
    channel.on('exit', (code: number | null, name?: string) => {
      exit = { code, ...(name === undefined ? {} : { signal: name }) };
    });
    // A script that does not read all of its input makes the write fail; its exit code tells the rest.
    channel.on('error', () => undefined);
    channel.once('close', () => {
      slot.release();
      finish();
    });
    const stopWatching = context.lifeline.onCut((reason) => {
      slot.release();
      if (filter.exitCode !== undefined) finish();
      else unknown(reason);
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    channel.write(program.head);
    channel.end(options.input === undefined ? undefined : Buffer.from(options.input as string));
  });
}

/** The reason the line was cut, or that one channel of it was, while work was under way. */
export function lostDuringWork(context: { readonly lifeline: Lifeline; readonly where: string }, while_: string): ProblemData {
  return (
    context.lifeline.over ??
    new Problem(
      'ssh-connection-lost',
      `The channel to ${context.where} ended without an exit code while ${while_}. Its outcome is not known.`,
      { retryable: true, hint: 'Look at the host before trying again.' },
    ).data
  );
}

/** A shell that was killed from outside: whether its script had finished was not seen. */
export function killed(where: string, signal: string | undefined): ProblemData {
  return new Problem('outcome-unknown', `A command on ${where} was ended by ${signal ?? 'a signal'} before it reported its exit code.`, {
    hint: 'Look at the host: the memory may have run out.',
    detail: { signal: signal ?? 'unknown' },
  }).data;
}

interface Capture {
  readonly truncated: boolean;
  push(chunk: Buffer): void;
  bytes(): Buffer;
}

/** Keeps the beginning; the rest is read and dropped, so that the remote side never stalls. */
function createCapture(limit: number): Capture {
  const chunks: Buffer[] = [];
  let size = 0;
  let truncated = false;
  return {
    get truncated() {
      return truncated;
    },
    push(chunk) {
      const room = limit - size;
      if (chunk.length > room) truncated = true;
      if (room <= 0 || chunk.length === 0) return;
      const kept = chunk.length > room ? Buffer.from(chunk.subarray(0, room)) : chunk;
      chunks.push(kept);
      size += kept.length;
    },
    bytes: () => Buffer.concat(chunks),
  };
}
