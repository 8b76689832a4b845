import type { JournalEntry } from '../../contract/journal.ts';
import type { Rpc } from '../rpc/client.ts';

/** The journal as it is written: how this window learns what others did. */
export interface Pulse {
  start(): () => void;
  listen(listener: (entry: JournalEntry) => void): () => void;
}

export function createPulse(host: Rpc): Pulse {
  const listeners = new Set<(entry: JournalEntry) => void>();
  return {
    start() {
      const end = new AbortController();
      host.subscribe(
        (signal) => host.rpc.journal.watch({}, { signal }),
        (entry) => {
          for (const listener of listeners) listener(entry);
        },
        { signal: end.signal },
      );
      return () => end.abort();
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
