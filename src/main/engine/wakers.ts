/** Wakes those who wait for a change of something named. Leaves no timer behind. */
export function createWakers() {
  const waiting = new Map<string, Set<() => void>>();
  return {
    wake(name: string): void {
      for (const wake of [...(waiting.get(name) ?? [])]) wake();
    },
    wakeAll(): void {
      for (const set of waiting.values()) for (const wake of [...set]) wake();
    },
    /** Resolves at the next wake, after `ms` (another process may have changed it), or when the signal aborts. */
    async wait(name: string, ms: number, signal: AbortSignal): Promise<void> {
      if (signal.aborted) return;
      await new Promise<void>((resolve) => {
        const set = waiting.get(name) ?? new Set();
        waiting.set(name, set);
        const wake = () => {
          clearTimeout(timer);
          set.delete(wake);
          if (set.size === 0) waiting.delete(name);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        const timer = setTimeout(wake, ms);
        set.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    },
  };
}
