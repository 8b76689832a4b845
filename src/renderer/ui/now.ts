import { useSyncExternalStore } from 'react';

/** One clock for the whole window, so that all relative times change together. */
function createTicker(intervalMs: number) {
  let now = Date.now();
  const listeners = new Set<() => void>();
  let timer: ReturnType<typeof setInterval> | undefined;
  return {
    subscribe(listener: () => void): () => void {
      listeners.add(listener);
      if (timer === undefined) {
        now = Date.now();
        timer = setInterval(() => {
          now = Date.now();
          for (const each of listeners) each();
        }, intervalMs);
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
    now: () => now,
  };
}

const slow = createTicker(10_000);
const fast = createTicker(1000);

/** The time now, in steps of ten seconds. */
export const useNow = (): number => useSyncExternalStore(slow.subscribe, slow.now);

/** The time now, in steps of a second: for countdowns and what runs. */
export const useSecond = (): number => useSyncExternalStore(fast.subscribe, fast.now);
