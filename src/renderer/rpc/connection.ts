import type { StoreApi } from 'zustand/vanilla';
import { createStore } from 'zustand/vanilla';
import type { Channel, ChannelSource } from './channel.ts';
import { cancelled, needsToken, notConnected } from './problems.ts';

/**
 * How the page stands with its host. `connecting`: for the first time; `lost`: was open, is being tried again;
 * `needs-token`: no session, only a new address from the terminal helps.
 */
export interface ConnectionStatus {
  readonly state: 'connecting' | 'open' | 'lost' | 'needs-token';
  /** Failed tries in a row. */
  readonly attempt: number;
}

export type ConnectionStore = StoreApi<ConnectionStatus>;

/** What a transport tells of its connection. */
export interface ConnectionKeeper {
  readonly store: ConnectionStore;
  readonly source: ChannelSource;
  opened(channel: Channel): void;
  /** The channel is gone, or a try failed. */
  lost(): void;
  refused(): void;
}

/** Keeps the channel in use and the state the screens show. */
export function createConnection(): ConnectionKeeper {
  const store = createStore<ConnectionStatus>(() => ({ state: 'connecting', attempt: 0 }));
  let current: Channel | undefined;

  const drop = (status: ConnectionStatus): void => {
    const gone = current;
    current = undefined;
    store.setState(status, true);
    gone?.close();
  };

  const source: ChannelSource = async (signal) => {
    if (store.getState().state === 'connecting') await settled(store, signal);
    if (current !== undefined) return current;
    throw store.getState().state === 'needs-token' ? needsToken() : notConnected();
  };

  return {
    store,
    source,
    opened(channel) {
      current = channel;
      store.setState({ state: 'open', attempt: 0 }, true);
    },
    lost: () => drop({ state: 'lost', attempt: store.getState().attempt + 1 }),
    refused: () => drop({ state: 'needs-token', attempt: 0 }),
  };
}

function settled(store: ConnectionStore, signal: AbortSignal | undefined): Promise<void> {
  return waitFor(store, ({ state }) => state !== 'connecting', signal);
}

/** Resolves when the state is as asked; rejects with `cancelled` when `signal` aborts first. */
export function waitFor(
  store: ConnectionStore,
  wanted: (status: ConnectionStatus) => boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (wanted(store.getState())) return resolve();
    const done = (): void => {
      unsubscribe();
      signal?.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      done();
      reject(cancelled('waiting for the host'));
    };
    const unsubscribe = store.subscribe((status) => {
      if (!wanted(status)) return;
      done();
      resolve();
    });
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
