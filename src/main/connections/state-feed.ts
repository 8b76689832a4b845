import type { ConnectionState } from '../../contract/connections.ts';

/** Hands states to any number of watchers. A slow watcher gets each environment's newest state only. */
export interface StateFeed {
  tell(state: ConnectionState): void;
  /** What `first` gives, then every change, until `signal` aborts, the reader leaves, or the feed is closed. */
  watch(first: () => Promise<readonly ConnectionState[]>, signal: AbortSignal | undefined): AsyncGenerator<ConnectionState, void, void>;
  /** Ends every watcher. */
  close(): void;
}

/** Makes a {@link StateFeed}. */
export function createStateFeed(): StateFeed {
  const watchers = new Set<(state: ConnectionState | undefined) => void>();
  return {
    tell(state) {
      for (const watcher of [...watchers]) watcher(state);
    },
    watch(first, signal) {
      const waiting = new Map<string, ConnectionState>();
      let over = signal?.aborted === true;
      let wake: () => void = () => undefined;
      const watcher = (state: ConnectionState | undefined): void => {
        if (state === undefined) over = true;
        else {
          waiting.delete(state.environmentId);
          waiting.set(state.environmentId, state);
        }
        wake();
      };
      const onAbort = (): void => watcher(undefined);
      signal?.addEventListener('abort', onAbort, { once: true });
      watchers.add(watcher);
      const end = (): void => {
        over = true;
        watchers.delete(watcher);
        signal?.removeEventListener('abort', onAbort);
      };
      async function* states(): AsyncGenerator<ConnectionState, void, void> {
        try {
          // Subscribed before: what changed while the first states were fetched is newer than they are.
          for (const state of await first()) if (!waiting.has(state.environmentId)) waiting.set(state.environmentId, state);
          while (!over) {
            // One at a time: the others may be replaced while this one is read.
            const [state] = waiting.values();
            if (state !== undefined) {
              waiting.delete(state.environmentId);
              yield state;
              continue;
            }
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        } finally {
          end();
        }
      }
      const generator = states();
      // A generator that was never read has no `finally` to run.
      const close = generator.return.bind(generator);
      generator.return = (value) => {
        end();
        wake();
        return close(value);
      };
      return generator;
    },
    close() {
      for (const watcher of [...watchers]) watcher(undefined);
    },
  };
}
