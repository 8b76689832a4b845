import type { Duplex } from 'node:stream';
import type { ConnectionState, HostKeyQuestion, StoredHostKey } from '../../contract/connections.ts';
import type { Environment } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import { createSshSession } from '../drivers/ssh/session.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import type { JournalWriter } from '../journal/types.ts';
import type { EnvironmentChange } from '../profiles/environments.ts';
import type { Store } from '../store/store.ts';
import type { Connection, OpenSession } from './connection.ts';
import { createConnection, idleState, notConnected, promptsOf } from './connection.ts';
import { createHostKeyRows } from './host-keys.ts';
import { createStateFeed } from './state-feed.ts';
import { alreadyDecided, nothingAsked, otherFingerprint, wrongCount } from './words.ts';

/** What {@link createConnections} works with. */
export interface ConnectionsOptions {
  readonly environments: {
    list(): Promise<Environment[]>;
    find(environmentId: string): Environment | undefined;
    onChange(listener: (change: EnvironmentChange) => void): () => void;
  };
  readonly secrets: {
    readForHop(
      environmentId: string,
      request: { kind: 'password' | 'key-passphrase'; hop: number; jumps: number },
    ): Promise<string | undefined>;
  };
  readonly store: Store;
  readonly journal: JournalWriter;
  /** known_hosts files. Default: the user's and the system's. */
  readonly files?: readonly string[];
  readonly open?: OpenSession;
  /** Done before each try to connect. */
  readonly prepare?: (environment: Environment) => Promise<void>;
  readonly clock?: () => number;
  readonly log?: (line: string) => void;
  /** How often the round trip is measured. Default 30 s. */
  readonly latencyEveryMs?: number;
}

type Ref = { environmentId: string };

/** Everybody's way to a host: one kept connection per environment, made when first asked for. */
export interface Connections {
  connect(input: Ref): Promise<ConnectionState>;
  disconnect(input: Ref): Promise<ConnectionState>;
  get(input: Ref): Promise<ConnectionState>;
  watch(input: Record<string, never>, signal?: AbortSignal): AsyncGenerator<ConnectionState, void, void>;
  trust(input: Ref & { fingerprint: string }): Promise<ConnectionState>;
  answer(input: Ref & { answers: string[] }): Promise<ConnectionState>;
  hostKeys(): Promise<StoredHostKey[]>;
  forgetHostKey(input: { host: string; port: number; fingerprint: string }): Promise<{ removed: boolean }>;
  /**
   * The environment's session; connects when it was not asked to yet. While it waits to retry, or is blocked, throws
   * the problem that holds it, unless `wait` asks to wait over retries. @throws Problem, among others `not-connected`, `cancelled`.
   */
  sessionFor(environmentId: string, options?: { signal?: AbortSignal; wait?: boolean }): Promise<SshSession>;
  /** A TCP connection from the host's side. */
  connectTo(environmentId: string, host: string, port: number): Promise<Duplex>;
  /** Called on each change. Returns the way to stop. */
  onState(listener: (state: ConnectionState) => void): () => void;
  close(): Promise<void>;
}

/** Makes the connections service. Connects nothing by itself. */
export function createConnections(options: ConnectionsOptions): Connections {
  const { environments, secrets, store, journal, open = createSshSession, clock = Date.now } = options;
  const connections = new Map<string, Connection>();
  const listeners = new Set<(state: ConnectionState) => void>();
  const refused = new Set<string>();
  const hostKeys = createHostKeyRows(store);
  const feed = createStateFeed();
  const madeAt = clock();

  const need = (environmentId: string): Environment => {
    const environment = environments.find(environmentId);
    if (environment === undefined)
      throw new Problem('not-found', 'That environment does not exist (any more).', { detail: { environmentId } });
    return environment;
  };
  const tell = (state: ConnectionState): void => {
    if (state.hostKey !== undefined) recordRefusal(state.environmentId, state.hostKey);
    feed.tell(state);
    for (const listener of [...listeners]) {
      try {
        listener(state);
      } catch (error) {
        // Who listens (and may find a full disk) does not decide whether there is a connection.
        options.log?.(`a change of connection was not taken in: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  const of = (environmentId: string): Connection => {
    need(environmentId);
    const existing = connections.get(environmentId);
    if (existing !== undefined) return existing;
    const made = createConnection({
      environmentId,
      environment: () => need(environmentId),
      prepare: options.prepare ?? (async () => undefined),
      stored: (jumps) => (kind, hop) => secrets.readForHop(environmentId, { kind, hop, jumps }),
      hostKeys,
      files: options.files,
      open,
      onState: tell,
      log: options.log,
      latencyEveryMs: options.latencyEveryMs ?? 30_000,
    });
    connections.set(environmentId, made);
    return made;
  };

  const recordRefusal = (environmentId: string, { verdict, hop, offered, known }: HostKeyQuestion): void => {
    const name = JSON.stringify([environmentId, verdict, hop.host, hop.port, offered.fingerprint]);
    if ((verdict !== 'changed' && verdict !== 'revoked') || refused.has(name)) return;
    refused.add(name);
    try {
      journal.append({
        kind: 'host-key-refused',
        environmentId,
        summary: `The ${verdict} key ${offered.fingerprint} of ${hop.host}:${hop.port} was refused.`,
        data: { verdict, host: hop.host, port: hop.port, offered, known: known.slice(0, 10) },
      });
    } catch (error) {
      // The refusal itself stands; it is written down at the next one.
      refused.delete(name);
      options.log?.(`a refused host key could not be journaled: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const connect = async (connection: Connection): Promise<ConnectionState> => {
    // Asked for by a person: not waiting for the next retry, and looking again at what blocked it.
    if (connection.keeper.state.phase !== 'connected') await connection.keeper.retryNow();
    return connection.state;
  };

  const stopWatching = environments.onChange((change) => {
    const { id } = change.environment;
    const connection = connections.get(id);
    if (change.kind === 'created') return tell(idleState(id, clock()));
    if (connection === undefined) return;
    if (change.kind === 'removed') {
      connections.delete(id);
      void connection.close();
    } else if (change.routeChanged && connection.keeper.state.phase !== 'disconnected') {
      void connection.keeper.disconnect().then(() => (connections.get(id) === connection ? connection.keeper.connect() : undefined));
    }
  });

  return {
    connect: async ({ environmentId }) => connect(of(environmentId)),
    async disconnect({ environmentId }) {
      const connection = of(environmentId);
      connection.answers.forget();
      await connection.keeper.disconnect();
      return connection.state;
    },
    async get({ environmentId }) {
      need(environmentId);
      return connections.get(environmentId)?.state ?? idleState(environmentId, madeAt);
    },
    watch: (_input, signal) =>
      feed.watch(async () => {
        const all = await environments.list();
        return all.map(({ id }) => connections.get(id)?.state ?? idleState(id, madeAt));
      }, signal),
    async trust({ environmentId, fingerprint }) {
      const connection = of(environmentId);
      // Nothing was asked yet, or what was refused may have been forgotten meanwhile: look again. No authentication is sent before.
      if (connection.keeper.state.phase !== 'connected' && !canBeTrusted(connection.state.hostKey)) await connection.keeper.retryNow();
      const { hostKey: question, server } = connection.state;
      if (question === undefined) {
        if (server?.fingerprint === fingerprint) return connection.state;
        throw server === undefined ? notConnected(connection.state) : otherFingerprint(fingerprint, server.fingerprint);
      }
      if (!canBeTrusted(question)) throw alreadyDecided(connection.state);
      const key = connection.offeredKey(question.offered.fingerprint);
      if (question.offered.fingerprint !== fingerprint || key === undefined)
        throw otherFingerprint(fingerprint, question.offered.fingerprint);
      const { host, port } = question.hop;
      const { type } = question.offered;
      store
        .transaction(() => {
          journal.append({
            kind: 'host-key-trusted',
            environmentId,
            summary: `The key ${fingerprint} of ${host}:${port} was trusted by its fingerprint.`,
            data: { host, port, type, fingerprint },
          });
          hostKeys.add({ host, port, type, key, fingerprint, addedAt: clock() });
        })
        .immediate();
      return connect(connection);
    },
    async answer({ environmentId, answers }) {
      const connection = of(environmentId);
      const question = promptsOf(connection.state.phase === 'blocked' ? connection.state.problem : undefined);
      if (question === undefined) throw nothingAsked();
      if (answers.length !== question.prompts.length) throw wrongCount(answers.length, question.prompts.length);
      connection.answers.give(question, answers);
      return connect(connection);
    },
    hostKeys: async () => hostKeys.list(),
    async forgetHostKey({ host, port, fingerprint }) {
      const removed = store
        .transaction(() => {
          if (!hostKeys.remove({ host, port, fingerprint })) return false;
          journal.append({
            kind: 'host-key-forgotten',
            summary: `The key ${fingerprint} of ${host}:${port} was forgotten.`,
            data: { host, port, fingerprint },
          });
          return true;
        })
        .immediate();
      return { removed };
    },
    async sessionFor(environmentId, { signal, wait = false } = {}) {
      const { keeper } = of(environmentId);
      if (keeper.state.phase === 'disconnected') void keeper.connect();
      else if (keeper.state.phase === 'waiting-to-retry' && !wait) throw notConnected(of(environmentId).state);
      if (wait) return keeper.whenConnected(signal);
      return firstOutcome(of(environmentId), signal);
    },
    async connectTo(environmentId, host, port) {
      const session = await this.sessionFor(environmentId);
      return session.forwardTcp(host, port);
    },
    onState(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      stopWatching();
      feed.close();
      await Promise.all([...connections.values()].map((connection) => connection.close()));
      connections.clear();
    },
  };
}

/** A changed or revoked key is never accepted by pasting its fingerprint. */
function canBeTrusted(question: HostKeyQuestion | undefined): boolean {
  return question?.verdict === 'unknown' || question?.verdict === 'certificate-authority';
}

/** The session, or the problem of the try that is under way; does not wait for another. */
async function firstOutcome(connection: Connection, signal: AbortSignal | undefined): Promise<SshSession> {
  const { keeper } = connection;
  if (keeper.state.phase === 'blocked') throw notConnected(connection.state);
  const trying = keeper.connect().then(() => {
    if (keeper.state.phase !== 'connected') throw notConnected(connection.state);
    return keeper.session();
  });
  if (signal === undefined) return trying;
  trying.catch(() => undefined);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new Problem('cancelled', 'Waiting for the connection was cancelled.'));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void trying.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
