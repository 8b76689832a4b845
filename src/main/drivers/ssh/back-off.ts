import type { KeeperClock } from './clock.ts';

const shortestMs = 1000;
const longestMs = 60_000;

/** Exponential back-off with full jitter: anything from one second to 2^attempt seconds, at most a minute. `attempt` counts from 1. */
export function backOffMs(attempt: number, random: () => number): number {
  const ceiling = Math.min(longestMs, shortestMs * 2 ** Math.min(attempt, 16));
  return Math.round(shortestMs + random() * (ceiling - shortestMs));
}

/** Watches for the computer's sleep while started. */
export interface WakeDetector {
  start(): void;
  stop(): void;
}

const tickMs = 5000;
/** Later than this is no busy moment, it is a sleep. */
const gapMs = 5000;

/**
 * Calls back after a sleep. During one the wall clock goes on, the monotonic clock stands still on some systems and not on
 * others, and timers fire late everywhere: a tick that is late by either clock tells it.
 */
export function createWakeDetector(clock: KeeperClock, woke: () => void): WakeDetector {
  let cancel: (() => void) | undefined;
  const arm = (): void => {
    const wall = clock.now();
    const mono = clock.monotonic();
    cancel = clock.after(tickMs, () => {
      const late = Math.max(clock.now() - wall, clock.monotonic() - mono) - tickMs;
      arm();
      if (late > gapMs) woke();
    });
  };
  return {
    start() {
      if (cancel === undefined) arm();
    },
    stop() {
      cancel?.();
      cancel = undefined;
    },
  };
}
