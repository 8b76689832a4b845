import type { StoreApi } from 'zustand/vanilla';
import { createStore } from 'zustand/vanilla';
import type { ConnectionState } from '../../../contract/connections.ts';
import type { ProblemData } from '../../../contract/problem.ts';
import { problemOf } from '../../app/problem.ts';
import type { Rpc } from '../../rpc/client.ts';

export interface ConnectionsState {
  readonly byId: Readonly<Record<string, ConnectionState>>;
  /** Calls under way, by environment. */
  readonly busy: Readonly<Record<string, 'connecting' | 'disconnecting'>>;
  /** What the last call by hand failed with, by environment. */
  readonly failed: Readonly<Record<string, ProblemData>>;
}

export interface ConnectionsStore {
  readonly store: StoreApi<ConnectionsState>;
  start(): () => void;
  connect(environmentId: string): Promise<void>;
  disconnect(environmentId: string): Promise<void>;
  /** Accepts the host key with this fingerprint. */
  trust(environmentId: string, fingerprint: string): Promise<void>;
  answer(environmentId: string, answers: string[]): Promise<void>;
}

/** Every environment's connection, as the host tells it. */
export function createConnectionsStore(host: Rpc): ConnectionsStore {
  const client = host.rpc;
  const store = createStore<ConnectionsState>(() => ({ byId: {}, busy: {}, failed: {} }));
  const take = (state: ConnectionState): void => store.setState(({ byId }) => ({ byId: { ...byId, [state.environmentId]: state } }));
  const without = <T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> => {
    const { [key]: _gone, ...rest } = record;
    return rest;
  };

  const doing = async (
    environmentId: string,
    what: 'connecting' | 'disconnecting',
    call: () => Promise<ConnectionState>,
  ): Promise<void> => {
    store.setState(({ busy, failed }) => ({ busy: { ...busy, [environmentId]: what }, failed: without(failed, environmentId) }));
    try {
      take(await call());
    } catch (error) {
      store.setState(({ failed }) => ({ failed: { ...failed, [environmentId]: problemOf(error) } }));
    } finally {
      store.setState(({ busy }) => ({ busy: without(busy, environmentId) }));
    }
  };

  return {
    store,
    start() {
      const end = new AbortController();
      host.subscribe((signal) => client.connections.watch({}, { signal }), take, { signal: end.signal });
      return () => end.abort();
    },
    connect: (environmentId) => doing(environmentId, 'connecting', () => client.connections.connect({ environmentId })),
    disconnect: (environmentId) => doing(environmentId, 'disconnecting', () => client.connections.disconnect({ environmentId })),
    trust: (environmentId, fingerprint) =>
      doing(environmentId, 'connecting', () => client.connections.trust({ environmentId, fingerprint })),
    answer: (environmentId, answers) => doing(environmentId, 'connecting', () => client.connections.answer({ environmentId, answers })),
  };
}
