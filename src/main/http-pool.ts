import type { HttpClient } from './drivers/http/types.ts';

/** One HTTP client per environment, made when first used. */
export interface HttpPool {
  of(environmentId: string): HttpClient;
  /** Closes the client of an environment that is gone. */
  forget(environmentId: string): void;
  close(): Promise<void>;
}

/** Keeps what `make` makes. */
export function createHttpPool(make: (environmentId: string) => HttpClient): HttpPool {
  const clients = new Map<string, HttpClient>();
  return {
    of(environmentId) {
      const there = clients.get(environmentId);
      if (there !== undefined) return there;
      const made = make(environmentId);
      clients.set(environmentId, made);
      return made;
    },
    forget(environmentId) {
      const client = clients.get(environmentId);
      clients.delete(environmentId);
      void client?.close();
    },
    async close() {
      await Promise.all([...clients.values()].map((client) => client.close()));
      clients.clear();
    },
  };
}
