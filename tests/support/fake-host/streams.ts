/** Waits, or less when the signal aborts. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Many listeners, one source. */
export function createHub<T>() {
  const listeners = new Set<(item: T) => void>();
  return {
    send(item: T): void {
      for (const listener of listeners) listener(item);
    },
    /** First what there is, then what comes. */
    async *stream(
      first: readonly T[],
      signal: AbortSignal | undefined,
      wanted: (item: T) => boolean = () => true,
    ): AsyncGenerator<T, undefined, void> {
      const waiting = [...first];
      let wake: () => void = () => undefined;
      const listener = (item: T): void => {
        if (wanted(item)) waiting.push(item);
        wake();
      };
      listeners.add(listener);
      signal?.addEventListener('abort', () => wake(), { once: true });
      try {
        while (signal?.aborted !== true) {
          const item = waiting.shift();
          if (item !== undefined) yield item;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        listeners.delete(listener);
      }
      return undefined;
    },
  };
}
