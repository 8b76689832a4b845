import { PassThrough, Writable } from 'node:stream';
import { Problem } from '../../../contract/problem.ts';
import type { ExecContext } from './exec.ts';
import { killed, lostDuringWork } from './exec.ts';
import { cancelled } from './problems.ts';
import { streamModes, streamProgram } from './program.ts';
import { createSentinelFilter, createStartFilter } from './sentinel.ts';
import type { ExecStream, Outcome, RemoteScript } from './types.ts';

/** Unread stderr beyond this many bytes is dropped. */
const unreadLimit = 1024 * 1024;

/** Implements {@link SshSession.stream}. Back-pressure reaches the host: a reader that pauses stops the transfer. */
export async function stream(context: ExecContext, script: RemoteScript, options: { signal?: AbortSignal } = {}): Promise<ExecStream> {
  const program = streamProgram(script);
  const slot = await context.queue.open('long', () => context.open(program.command), options.signal);
  const channel = slot.value;
  const filter = createSentinelFilter(program.mark);
  const start = createStartFilter(program.mark);
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  // Nobody has to listen: a stream that ends early tells it through `ended`.
  for (const one of [stdout, stderr]) one.on('error', () => undefined);
  let mode: 'none' | 'pipe' | 'over' = 'none';
  let exit: { code: number | null; signal?: string } | undefined;
  let asked: Problem | undefined;

  const ended = new Promise<Outcome<{ readonly exitCode: number; readonly signal?: string }>>((resolve) => {
    const settle = (): void => {
      slot.release();
      stopWatching();
      options.signal?.removeEventListener('abort', onAbort);
      if (!stderr.writableEnded) stderr.end(filter.flush());
      if (!stdout.writableEnded) stdout.end();
      if (filter.exitCode !== undefined) resolve({ outcome: 'done', exitCode: filter.exitCode });
      else if (asked !== undefined) resolve({ outcome: 'unknown', problem: asked.data });
      else if (context.lifeline.over !== undefined || exit === undefined)
        resolve({ outcome: 'unknown', problem: lostDuringWork(context, 'a stream was open') });
      else if (exit.code === null) resolve({ outcome: 'unknown', problem: killed(context.where, exit.signal) });
      else {
        const problem = new Problem(
          'remote-command-failed',
          `${context.where} ended the stream’s command before it was run whole (exit code ${exit.code}).`,
          { detail: { exitCode: exit.code } },
        ).data;
        resolve({ outcome: 'failed', problem, exitCode: exit.code });
      }
    };
    const stopWatching = context.lifeline.onCut(settle);
    const onAbort = (): void => close();
    options.signal?.addEventListener('abort', onAbort, { once: true });
    channel.once('close', () => {
      if (channel.stderr.readableEnded) settle();
      else channel.stderr.once('end', settle);
    });
  });

  channel.on('data', (chunk: Buffer) => {
    if (stdout.writableEnded || stdout.destroyed || stdout.write(start.push(chunk))) return;
    channel.pause();
    stdout.once('drain', () => channel.resume());
  });
  // A destroyed reader must not leave the channel paused for ever.
  stdout.once('close', () => channel.resume());
  // stderr is always taken in: unread, it would stall stdout and the mark of the end. What nobody reads is bounded.
  channel.stderr.on('data', (chunk: Buffer) => {
    const bytes = filter.push(chunk);
    if (bytes.length > 0 && !stderr.writableEnded && stderr.readableLength < unreadLimit) stderr.write(bytes);
    if (filter.exitCode !== undefined) finish();
  });
  channel.on('exit', (code: number | null, name?: string) => {
    exit = { code, ...(name === undefined ? {} : { signal: name }) };
  });
  channel.on('error', () => undefined);

  /** The script has ended: lets the watcher go, whatever it waits for. */
  const finish = (): void => {
    if (mode === 'over') return;
    if (mode === 'none') channel.write(streamModes.finish);
    mode = 'over';
    channel.end();
  };
  const close = (): void => {
    if (asked !== undefined || filter.exitCode !== undefined) return;
    asked = cancelled(`A stream from ${context.where}`);
    mode = 'over';
    stdout.end();
    stderr.end();
    channel.resume();
    channel.stderr.resume();
    // The end of stdin makes the watcher end the script's processes; then the channel goes.
    channel.end();
    channel.close();
  };

  const stdin = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (mode === 'over') return done();
      if (mode === 'none') {
        mode = 'pipe';
        channel.write(streamModes.pipe);
      }
      channel.write(chunk, done);
    },
    final(done) {
      if (mode !== 'over') {
        if (mode === 'none') channel.write(streamModes.pipe);
        mode = 'over';
        channel.end();
      }
      done();
    },
  });
  stdin.on('error', () => undefined);
  channel.write(program.head);
  if (options.signal?.aborted === true) close();
  return { stdin, stdout, stderr, ended, close };
}
