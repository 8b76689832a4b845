import { randomBytes } from 'node:crypto';
import { StringDecoder } from 'node:string_decoder';
import { Problem } from '../../../contract/problem.ts';
import { cleanText } from '../text.ts';
import type { ExecContext } from './exec.ts';
import { exec } from './exec.ts';
import { detachScript, runnerScript, stateScript } from './job-scripts.ts';
import { cancelled } from './problems.ts';
import { shellQuote, shellQuoteAll } from './quote.ts';
import type { DetachedState, Outcome, RemoteScript, SshSession } from './types.ts';

/** Kept bytes of a job's stdout and of its stderr, from their beginnings; the files on the host have all. */
const keep = 4 * 1024 * 1024;
/** Bytes of each stream that one look brings. */
const window = 256 * 1024;
/** Turns of 0.2 s that one look waits for news: 20 s, well within the exec timeout. */
const turns = 100;

/** Implements {@link SshSession.detach}. Throws when it is not known to have been started (`outcome-unknown` after a drop: look with `detached`). */
export async function detach(
  context: ExecContext,
  key: string,
  script: RemoteScript,
  options: { input?: string | Buffer } = {},
): Promise<DetachedState> {
  requireKey(key);
  const program = Buffer.from(`set -- ${shellQuoteAll(script.args ?? [])}\neval ${shellQuote(script.script)}\n`);
  const input = Buffer.from((options.input ?? '') as string);
  const args = [key, `${key}-${randomBytes(8).toString('hex')}`, String(program.length), String(input.length), runnerScript];
  const outcome = await exec(context, { script: detachScript, args }, { input: Buffer.concat([program, input]), timeoutMs: 60_000 });
  if (outcome.outcome === 'unknown') {
    throw new Problem(
      'outcome-unknown',
      `Whether the job ${key} was started on ${context.where} is not known: ${outcome.problem.message}`,
      { hint: 'Connect again and look; starting it again is safe, it never runs twice.', retryable: true, detail: { key } },
    );
  }
  const said = outcome.outcome === 'done' ? outcome.stderr.toString('utf8') : outcome.problem.message;
  if (outcome.outcome === 'failed' || outcome.exitCode !== 0) {
    const full = /No space left|Disk quota/i.test(said);
    throw new Problem(
      full ? 'remote-disk-full' : 'remote-command-failed',
      `The job ${key} could not be started on ${context.where}: ${cleanText(said.trim(), { maxLength: 300 }) || 'its directory could not be prepared'}.`,
      { hint: 'Nothing was run. Check the disk and the home directory of the account.', detail: { key } },
    );
  }
  return detached(context, key);
}

/** Implements {@link SshSession.detached}. */
export async function detached(context: ExecContext, key: string): Promise<DetachedState> {
  requireKey(key);
  const look = await lookAt(context, key, { out: 0, err: 0, most: keep, turns: 0 });
  if (look.outcome !== 'done') throw Problem.from(look.problem);
  return { ...look.facts, stdout: look.stdout.toString('utf8'), stderr: look.stderr.toString('utf8') };
}

/** Implements {@link SshSession.awaitDetached}: looks that wait on the host for news, so that neither side is busy. */
export async function awaitDetached(
  context: ExecContext,
  key: string,
  options: NonNullable<Parameters<SshSession['awaitDetached']>[1]> = {},
): Promise<Outcome<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>> {
  requireKey(key);
  const streams = {
    out: { bytes: [] as Buffer[], size: 0, decoder: new StringDecoder('utf8') },
    err: { bytes: [] as Buffer[], size: 0, decoder: new StringDecoder('utf8') },
  };
  const take = (name: keyof typeof streams, chunk: Buffer): void => {
    const stream = streams[name];
    if (stream.size < keep) stream.bytes.push(chunk.subarray(0, keep - stream.size));
    stream.size += chunk.length;
    const text = stream.decoder.write(chunk);
    if (text !== '') options.onOutput?.(text, name);
  };
  let missed = 0;
  for (;;) {
    if (options.signal?.aborted === true) return { outcome: 'unknown', problem: cancelled(`Waiting for the job ${key}`).data };
    const look = await lookAt(context, key, {
      out: streams.out.size,
      err: streams.err.size,
      most: window,
      turns,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    if (look.outcome === 'unknown') {
      // One channel was lost or one look was slow: the job is not concerned, and the next look goes on where this one was.
      const passing = look.problem.code === 'ssh-connection-lost' || look.problem.code === 'timed-out';
      if (context.lifeline.over === undefined && passing && ++missed < 10) continue;
      return { outcome: 'unknown', problem: look.problem };
    }
    if (look.outcome === 'failed') return { outcome: 'unknown', problem: look.problem };
    missed = 0;
    take('out', look.stdout);
    take('err', look.stderr);
    if (look.facts.state === 'running' || look.stdout.length === window || look.stderr.length === window) continue;
    if (look.facts.state === 'exited' && look.facts.exitCode !== undefined) {
      return {
        outcome: 'done',
        exitCode: look.facts.exitCode,
        stdout: Buffer.concat(streams.out.bytes).toString('utf8'),
        stderr: Buffer.concat(streams.err.bytes).toString('utf8'),
      };
    }
    const why = look.facts.state === 'absent' ? 'there is no such job' : 'its process is gone without leaving an exit code';
    return {
      outcome: 'unknown',
      problem: new Problem('outcome-unknown', `The outcome of the job ${key} on ${context.where} is not known: ${why}.`, {
        hint: 'Look at the host before starting anything again.',
        detail: { key, state: look.facts.state },
      }).data,
    };
  }
}

type Facts = Omit<DetachedState, 'stdout' | 'stderr'>;
type Look = Outcome<{ readonly facts: Facts; readonly stdout: Buffer; readonly stderr: Buffer }>;

async function lookAt(
  context: ExecContext,
  key: string,
  ask: { out: number; err: number; most: number; turns: number; signal?: AbortSignal },
): Promise<Look> {
  const args = [key, ask.out, ask.err, ask.most, ask.turns].map(String);
  const outcome = await exec(
    context,
    { script: stateScript, args },
    { timeoutMs: 60_000, maxBytes: 2 * ask.most + 4096, ...(ask.signal === undefined ? {} : { signal: ask.signal }) },
    ask.turns > 0 ? 'long' : 'short',
  ).catch((error: unknown) => {
    if (error instanceof Problem) return { outcome: 'unknown' as const, problem: error.data };
    throw error;
  });
  if (outcome.outcome === 'unknown') return outcome;
  if (outcome.outcome === 'failed') return { outcome: 'failed', problem: outcome.problem };
  const end = outcome.stdout.indexOf(0x0a);
  const header = /^(absent|running|exited|lost) (\d+|-) (\d+|-) (\d+) (\d+)$/.exec(outcome.stdout.toString('latin1', 0, Math.max(0, end)));
  if (header === null || outcome.exitCode !== 0) {
    return {
      outcome: 'failed',
      problem: new Problem(
        'remote-command-failed',
        `The state of the job ${key} on ${context.where} could not be read: ${cleanText(outcome.stderr.toString('utf8').trim(), { maxLength: 300 })}`,
        { detail: { key } },
      ).data,
    };
  }
  const stdoutEnd = end + 1 + Number(header[4]);
  const facts: Facts = {
    state: header[1] as Facts['state'],
    ...(header[2] === '-' ? {} : { exitCode: Number(header[2]) }),
    ...(header[3] === '-' ? {} : { pid: Number(header[3]) }),
  };
  return {
    outcome: 'done',
    facts,
    stdout: outcome.stdout.subarray(end + 1, stdoutEnd),
    stderr: outcome.stdout.subarray(stdoutEnd, stdoutEnd + Number(header[5])),
  };
}

function requireKey(key: string): void {
  if (!/^[a-z0-9][a-z0-9-]{0,80}$/.test(key))
    throw new Problem('bad-input', 'A job’s key is made of lower-case letters, digits and hyphens, at most 81 of them.', {
      detail: { key: cleanText(key, { maxLength: 100 }) },
    });
}
