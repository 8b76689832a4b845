import type { ConnectionState } from '../../contract/connections.ts';
import { AuthPrompt, HostKeyQuestion } from '../../contract/connections.ts';
import type { Environment } from '../../contract/environments.ts';
import type { ProblemData } from '../../contract/problem.ts';
import { Problem } from '../../contract/problem.ts';
import { createHostKeyPolicy } from '../drivers/ssh/host-key-policy.ts';
import type { ConnectionKeeper, KeeperState } from '../drivers/ssh/keeper.ts';
import { createConnectionKeeper } from '../drivers/ssh/keeper.ts';
import type { SshSessionOptions } from '../drivers/ssh/session.ts';
import type { HostKeyPolicy, SshRoute, SshSession } from '../drivers/ssh/types.ts';
import type { Answers, StoredSecret } from './answers.ts';
import { createAnswers } from './answers.ts';
import type { HostKeyRows } from './host-keys.ts';
import { createLatency } from './latency.ts';

/** Opens a session; `createSshSession`, or a test's own. */
export type OpenSession = (route: SshRoute, options: SshSessionOptions) => Promise<SshSession>;

/** What one environment's connection is made of. */
export interface ConnectionParts {
  readonly environmentId: string;
  /** The profile as it is now. Throws `not-found`. */
  readonly environment: () => Environment;
  /** Done before each try, for example to start the demo host. What it throws is the try's problem. */
  readonly prepare: (environment: Environment) => Promise<void>;
  readonly stored: (jumps: number) => StoredSecret;
  readonly hostKeys: HostKeyRows;
  readonly files: readonly string[] | undefined;
  readonly open: OpenSession;
  readonly onState: (state: ConnectionState) => void;
  readonly log: ((line: string) => void) | undefined;
  readonly latencyEveryMs: number;
}

/** One environment's connection: a keeper, and what it was asked. */
export interface Connection {
  readonly state: ConnectionState;
  readonly keeper: ConnectionKeeper;
  readonly answers: Answers;
  /** The key blob a host presented, by its fingerprint. */
  offeredKey(fingerprint: string): Buffer | undefined;
  close(): Promise<void>;
}

/** Makes a {@link Connection}; connects nothing. */
export function createConnection(parts: ConnectionParts): Connection {
  const answers = createAnswers();
  const offered = new Map<string, Buffer>();
  let serverOf: SshSession | undefined;
  const latency = createLatency(parts.latencyEveryMs, () => parts.onState(state()));

  const keeper = createConnectionKeeper({
    async open(signal) {
      await parts.prepare(parts.environment());
      const { ssh: route } = parts.environment();
      const policy = await createHostKeyPolicy({
        ...(parts.files === undefined ? {} : { files: parts.files }),
        stored: parts.hostKeys.list,
      });
      for (const warning of policy.warnings) parts.log?.(warning);
      const session = await parts.open(route, {
        policy: remembering(policy, offered),
        secrets: answers.forTry(parts.stored(route.jumps.length)),
        signal,
        ...(parts.log === undefined ? {} : { log: parts.log }),
      });
      serverOf = session;
      return session;
    },
    onState(now) {
      // Answers are for this sign-in: it goes on only while the server has further questions.
      if (now.phase !== 'connecting' && now.problem?.code !== 'ssh-auth-needed') answers.forget();
      if (now.phase === 'connected' && serverOf !== undefined) latency.start(serverOf);
      else {
        latency.stop();
        serverOf = undefined;
      }
      parts.onState(stateOf(parts.environmentId, now, serverOf, latency.ms));
    },
  });
  const state = (): ConnectionState => stateOf(parts.environmentId, keeper.state, serverOf, latency.ms);

  return {
    get state() {
      return state();
    },
    keeper,
    answers,
    offeredKey: (fingerprint) => offered.get(fingerprint),
    async close() {
      latency.stop();
      answers.forget();
      await keeper.close();
    },
  };
}

/** A state before anything was asked of the connection. */
export function idleState(environmentId: string, since: number): ConnectionState {
  return { environmentId, phase: 'disconnected', since, attempt: 0 };
}

/** The same policy, which keeps the blobs it refused: a trusted key is stored whole, not only its fingerprint. */
function remembering(policy: HostKeyPolicy, offered: Map<string, Buffer>): HostKeyPolicy {
  return {
    knownTypes: policy.knownTypes,
    decide(hop, key) {
      const decision = policy.decide(hop, key);
      if (decision.verdict === 'refuse' && decision.question !== undefined) {
        offered.clear();
        offered.set(decision.question.offered.fingerprint, Buffer.from(key));
      }
      return decision;
    },
  };
}

function stateOf(environmentId: string, now: KeeperState, session: SshSession | undefined, latencyMs: number | undefined): ConnectionState {
  const { phase, since, attempt, retryAt, problem } = now;
  const hostKey = phase === 'blocked' ? questionOf(problem) : undefined;
  const prompts = phase === 'blocked' ? promptsOf(problem)?.prompts : undefined;
  return {
    environmentId,
    phase,
    since,
    attempt,
    ...(retryAt === undefined ? {} : { retryAt }),
    ...(problem === undefined ? {} : { problem }),
    ...(hostKey === undefined ? {} : { hostKey }),
    ...(prompts === undefined || prompts.length === 0 ? {} : { prompts }),
    ...(latencyMs === undefined || phase !== 'connected' ? {} : { latencyMs }),
    ...(session === undefined || phase !== 'connected' ? {} : { server: session.server }),
  };
}

/** The host key question a problem carries. */
function questionOf(problem: ProblemData | undefined): HostKeyQuestion | undefined {
  const parsed = HostKeyQuestion.safeParse(problem?.detail?.['question']);
  return parsed.success ? parsed.data : undefined;
}

/** What `ssh-auth-needed` asks. */
export function promptsOf(
  problem: ProblemData | undefined,
): { hop: number; kind: 'password' | 'key-passphrase' | 'prompt'; prompts: AuthPrompt[] } | undefined {
  if (problem?.code !== 'ssh-auth-needed') return undefined;
  const { hop, kind } = problem.detail ?? {};
  const prompts = AuthPrompt.array().safeParse(problem.detail?.['prompts']);
  if (typeof hop !== 'number' || !prompts.success || (kind !== 'password' && kind !== 'key-passphrase' && kind !== 'prompt'))
    return undefined;
  return { hop, kind, prompts: prompts.data };
}

/** The problem of a connection that is not there, thrown to whoever wanted to use it. */
export function notConnected(state: ConnectionState): Problem {
  return state.problem === undefined
    ? new Problem('not-connected', 'There is no SSH connection.', { hint: 'Connect first.', retryable: true })
    : Problem.from(state.problem);
}
