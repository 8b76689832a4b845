import type { ConnectionPhase } from '../../../contract/connections.ts';
import type { ProblemCode, ProblemData } from '../../../contract/problem.ts';
import { Problem } from '../../../contract/problem.ts';
import { backOffMs, createWakeDetector } from './back-off.ts';
import type { KeeperClock } from './clock.ts';
import { cancelled, reasonOf } from './problems.ts';
import type { SshSession } from './types.ts';

/** How a kept connection stands. */
export interface KeeperState {
  readonly phase: ConnectionPhase;
  /** Unix milliseconds of the last change of phase. */
  readonly since: number;
  /** Failed tries in a row. */
  readonly attempt: number;
  /** When the next try is due (`waiting-to-retry`). */
  readonly retryAt?: number;
  /** Why it is not connected. */
  readonly problem?: ProblemData;
}

/** What {@link createConnectionKeeper} needs. */
export interface KeeperOptions {
  /** Opens a session; must leave nothing open when it throws or is aborted. */
  readonly open: (signal: AbortSignal) => Promise<SshSession>;
  readonly clock?: KeeperClock;
  /** 0 ≤ n < 1. */
  readonly random?: () => number;
  readonly onState?: (state: KeeperState) => void;
}

/** Keeps one connection. */
export interface ConnectionKeeper {
  readonly state: KeeperState;
  /** Connects; resolves when connected, blocked or waiting to retry. Does nothing when connected. */
  connect(): Promise<KeeperState>;
  /** The session. Throws `not-connected`. */
  session(): SshSession;
  /** Waits for a session, also across retries. Throws the problem when blocked, `not-connected` when disconnected, `cancelled`. */
  whenConnected(signal?: AbortSignal): Promise<SshSession>;
  /** Ends the session and stops trying. */
  disconnect(): Promise<KeeperState>;
  /** Tries at once, also when blocked (the user changed something). */
  retryNow(): Promise<KeeperState>;
  close(): Promise<void>;
}

/** Problems that trying again cannot cure, and may make worse (an account locked, a warning worn out). */
const blocking: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'ssh-auth-failed',
  'ssh-auth-needed',
  'host-key-unknown',
  'host-key-changed',
  'host-key-revoked',
  'host-key-unsupported',
  'key-file-unreadable',
  'secret-missing',
  'keychain-locked',
  'keychain-unavailable',
  'bad-input',
  'not-supported',
]);

const systemClock: KeeperClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** How long a session may take to prove itself after the computer slept. */
const proofMs = 5000;

/**
 * Keeps one session: connects, notices its loss, tries again with exponential back-off and full jitter (1 s to 60 s), at
 * once after the computer slept. A refused sign-in, a host key or a missing secret is `blocked` and never retried by itself.
 */
export function createConnectionKeeper(options: KeeperOptions): ConnectionKeeper {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  let state: KeeperState = { phase: 'disconnected', since: clock.now(), attempt: 0 };
  let session: SshSession | undefined;
  let trying: { readonly abort: AbortController; readonly done: Promise<void> } | undefined;
  let stopRetry: (() => void) | undefined;
  const listeners = new Set<(state: KeeperState) => void>();

  const become = (phase: ConnectionPhase, more: Partial<KeeperState> = {}): void => {
    const { problem, retryAt, attempt } = more;
    state = {
      phase,
      since: clock.now(),
      attempt: attempt ?? state.attempt,
      ...(problem === undefined ? {} : { problem }),
      ...(retryAt === undefined ? {} : { retryAt }),
    };
    if (phase === 'connected' || phase === 'waiting-to-retry') wake.start();
    else wake.stop();
    options.onState?.(state);
    for (const listener of [...listeners]) listener(state);
  };
  const wake = createWakeDetector(clock, () => {
    if (state.phase === 'waiting-to-retry') void attempt();
    else if (session !== undefined) void prove(session);
  });
  const failed = (problem: ProblemData): void => {
    const attempts = state.attempt + 1;
    if (blocking.has(problem.code)) {
      become('blocked', { problem, attempt: attempts });
      return;
    }
    const wait = backOffMs(attempts, random);
    stopRetry = clock.after(wait, () => void attempt());
    become('waiting-to-retry', { problem, attempt: attempts, retryAt: Math.round(clock.now() + wait) });
  };
  const cancelRetry = (): void => {
    stopRetry?.();
    stopRetry = undefined;
  };

  const attempt = (): Promise<void> => {
    if (trying !== undefined) return trying.done;
    if (session !== undefined) return Promise.resolve();
    cancelRetry();
    const abort = new AbortController();
    const run = async (): Promise<void> => {
      become('connecting');
      try {
        const opened = await options.open(abort.signal);
        if (abort.signal.aborted) return void (await opened.close());
        trying = undefined;
        session = opened;
        become('connected', { attempt: 0 });
        void opened.closed.then((reason) => {
          if (session !== opened) return;
          session = undefined;
          failed(reason ?? new Problem('ssh-connection-lost', 'The SSH connection was closed.', { retryable: true }).data);
        });
      } catch (error) {
        if (abort.signal.aborted) return;
        trying = undefined;
        failed(
          error instanceof Problem
            ? error.data
            : new Problem('internal-error', `Connecting failed: ${reasonOf(error)}`, { retryable: true, cause: error }).data,
        );
      }
    };
    const done = Promise.resolve().then(run);
    trying = { abort, done };
    return done;
  };
  /** A connection that outlived a sleep looks alive until its keepalive gives up: one command tells at once. */
  const prove = async (opened: SshSession): Promise<void> => {
    const outcome = await opened.exec({ script: ':' }, { timeoutMs: proofMs }).catch(() => undefined);
    if (session !== opened || outcome?.outcome === 'done') return;
    session = undefined;
    void opened.close();
    become('connecting', {
      problem: new Problem('ssh-connection-lost', 'The SSH connection did not survive the sleep of this computer.', { retryable: true })
        .data,
    });
    await attempt();
  };
  const stop = async (): Promise<void> => {
    cancelRetry();
    const [was, current] = [trying, session];
    trying = undefined;
    session = undefined;
    was?.abort.abort();
    if (state.phase !== 'disconnected') become('disconnected', { attempt: 0 });
    await current?.close();
    await was?.done.catch(() => undefined);
  };

  const keeper: ConnectionKeeper = {
    get state() {
      return state;
    },
    async connect() {
      if (state.phase !== 'connected' && state.phase !== 'waiting-to-retry') await attempt();
      return state;
    },
    session() {
      if (session !== undefined) return session;
      throw notConnected(state);
    },
    whenConnected: (signal) =>
      new Promise((resolve, reject) => {
        const settle = (then: () => void): void => {
          listeners.delete(look);
          signal?.removeEventListener('abort', onAbort);
          then();
        };
        const onAbort = (): void => settle(() => reject(cancelled('Waiting for the connection')));
        const look = (now: KeeperState): void => {
          const opened = session;
          if (opened !== undefined) settle(() => resolve(opened));
          // A try that was just asked for has not changed the phase yet.
          else if (trying !== undefined) return;
          else if (now.phase === 'blocked') settle(() => reject(now.problem === undefined ? notConnected(now) : Problem.from(now.problem)));
          else if (now.phase === 'disconnected') settle(() => reject(notConnected(now)));
        };
        listeners.add(look);
        signal?.addEventListener('abort', onAbort, { once: true });
        if (signal?.aborted === true) onAbort();
        else look(state);
      }),
    async disconnect() {
      await stop();
      return state;
    },
    async retryNow() {
      await attempt();
      return state;
    },
    close: stop,
  };
  return keeper;
}

function notConnected(state: KeeperState): Problem {
  const why = state.problem === undefined ? '' : ` ${state.problem.message}`;
  return new Problem('not-connected', `There is no SSH connection.${why}`, {
    retryable: state.phase === 'connecting' || state.phase === 'waiting-to-retry',
    hint: state.problem?.hint ?? 'Connect first.',
  });
}
