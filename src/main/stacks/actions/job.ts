import { Problem } from '../../../contract/problem.ts';
import type { RemoteScript, SshSession } from '../../drivers/ssh/types.ts';
import type { ActionContext, ActionOutcome, Facts } from '../../engine/action.ts';
import { FENCED_OUT, fencedScript } from '../../engine/host-lock.ts';
import { plainLine, toProblem } from '../../engine/words.ts';
import { failed, pause, unknown } from './tools.ts';

/** What exit codes of a constant script mean, in words that end a sentence. */
export type Meanings = Readonly<Record<number, string>>;

/** A constant script of a step that changes something. It runs detached and once per step key, whatever happens to the connection. */
export interface StepJob extends RemoteScript {
  /** Tells the jobs of one step apart; part of the job's key on the host. */
  readonly name: string;
  /** The script's stdin: secrets go here. */
  readonly input?: string | Buffer;
  readonly meanings?: Meanings;
  /** What to do when it failed. */
  readonly hint?: string;
}

/** What a script said. `facts` are its lines `name=value`, the last of each name. */
export interface ScriptEnd {
  readonly exitCode: number;
  readonly facts: Facts;
  readonly stdout: string;
  readonly stderr: string;
}

/** How long a step waits for the connection to come back, and how often it asks, in milliseconds. */
const RECONNECT_MS = 120_000;
const ASK_MS = 500;

const keyOf = (context: ActionContext, name: string) => `${context.stepKey}-${name}`;

/** Reads the lines `name=value` of a script's stdout. */
export function scriptFacts(stdout: string): Facts {
  return Object.fromEntries(
    stdout.split('\n').flatMap((line) => {
      const match = /^([a-z][a-z0-9_]{0,39})=(.{0,4096})$/.exec(line);
      return match === null ? [] : [[match[1] as string, plainLine(match[2] as string, 4096)]];
    }),
  );
}

/** The session, waiting while the connection comes back. @throws Problem the last reason, when it does not */
export async function sessionBack(context: ActionContext, withinMs = RECONNECT_MS): Promise<SshSession> {
  const begun = performance.now();
  for (;;) {
    try {
      return await context.session();
    } catch (error) {
      if (performance.now() - begun > withinMs) throw error;
      await pause(context.waits?.askMs ?? ASK_MS);
    }
  }
}

const wasDropped = (code: string) => code === 'ssh-connection-lost' || code === 'outcome-unknown' || code === 'timed-out';

/**
 * Carries a script out as a detached job under the host's lock, and waits for its end over drops of the connection. `ended` was seen
 * to end, whatever its exit code; anything else is the step's outcome. A timeout never kills it.
 */
export async function runJob(
  context: ActionContext,
  job: StepJob,
): Promise<{ readonly ended: ScriptEnd } | { readonly outcome: ActionOutcome }> {
  if (context.fence === undefined) return { outcome: failed(new Problem('internal-error', 'A mutating step needs the lock of the host.')) };
  const key = keyOf(context, job.name);
  const script = fencedScript(job.script, context.fence.token, job.args ?? []);
  let session: SshSession;
  try {
    session = await context.session();
  } catch (error) {
    return { outcome: failed(toProblem(error)) };
  }
  const begun = performance.now();
  // A new attachment begins with what was said already; that is said once.
  const said = { out: 0, err: 0 };
  for (;;) {
    let lost: ReturnType<typeof toProblem>;
    const now = { out: 0, err: 0 };
    const onOutput = (text: string, stream: 'out' | 'err'): void => {
      const known = Math.max(0, said[stream] - now[stream]);
      now[stream] += text.length;
      said[stream] = Math.max(said[stream], now[stream]);
      if (text.length > known) context.say(text.slice(known));
    };
    try {
      // Starting the same key again attaches to what was started.
      await session.detach(key, script, job.input === undefined ? {} : { input: job.input });
      const end = await session.awaitDetached(key, { onOutput });
      if (end.outcome === 'failed') return { outcome: failed(end.problem) };
      if (end.outcome === 'done') {
        const { exitCode, stdout, stderr } = end;
        return { ended: { exitCode, stdout, stderr, facts: scriptFacts(stdout) } };
      }
      lost = end.problem;
    } catch (error) {
      lost = toProblem(error);
    }
    // `lost` on the host itself (its process is gone without an exit code) does not mend by asking again.
    const gone = lost.detail?.['state'] !== undefined;
    if (gone || !wasDropped(lost.code) || performance.now() - begun > RECONNECT_MS) return { outcome: unknown(lost) };
    // Never at once: the session may be over and not yet known to be.
    await pause(context.waits?.askMs ?? ASK_MS);
    try {
      session = await sessionBack(context);
    } catch {
      return { outcome: unknown(lost) };
    }
  }
}

/** The problem that a script's exit code stands for. */
export function scriptProblem(end: ScriptEnd, job: Pick<StepJob, 'meanings' | 'hint'>): Problem {
  const meaning =
    end.exitCode === FENCED_OUT
      ? 'the lock on the host is not ours any more; nothing was done'
      : (job.meanings?.[end.exitCode] ?? `it ended with exit code ${end.exitCode}`);
  const words = plainLine(end.stderr.trim(), 400);
  const full = /No space left on device|Disk quota exceeded|disk is full/i.test(end.stderr);
  return new Problem(
    end.exitCode === FENCED_OUT ? 'host-locked' : full ? 'remote-disk-full' : 'step-failed',
    `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}${words === '' ? '.' : `: ${words}`}`,
    { detail: { exitCode: end.exitCode }, ...(job.hint === undefined ? {} : { hint: job.hint }) },
  );
}

/** {@link runJob}; any exit code but 0 is a failure with the words of `meanings`. */
export async function mustRun(
  context: ActionContext,
  job: StepJob,
): Promise<{ readonly ended: ScriptEnd } | { readonly outcome: ActionOutcome }> {
  const result = await runJob(context, job);
  if ('outcome' in result || result.ended.exitCode === 0) return result;
  return { outcome: failed(scriptProblem(result.ended, job)) };
}

/** How a job that was begun under this step's key stands: `ended` well, `failed`, still `running`, `absent`, or `lost`. */
export async function jobState(
  context: ActionContext,
  name: string,
): Promise<{ readonly state: 'absent' | 'running' | 'ended' | 'failed' | 'lost'; readonly facts: Facts }> {
  const found = await (await context.session()).detached(keyOf(context, name));
  const state = found.state === 'exited' ? (found.exitCode === 0 ? 'ended' : 'failed') : found.state;
  return { state, facts: scriptFacts(found.stdout) };
}

/** A read-only look: a constant script that was seen to end. @throws Problem when it was not */
export async function look(
  session: SshSession,
  script: RemoteScript,
  options: {
    readonly input?: string | Buffer;
    readonly timeoutMs?: number;
    readonly maxBytes?: number;
    readonly signal?: AbortSignal;
  } = {},
): Promise<ScriptEnd> {
  const outcome = await session.exec(script, options);
  if (outcome.outcome !== 'done') throw Problem.from(outcome.problem);
  const stdout = outcome.stdout.toString('utf8');
  return { exitCode: outcome.exitCode, stdout, stderr: outcome.stderr.toString('utf8'), facts: scriptFacts(stdout) };
}
