import type { Progress } from '../../contract/runs.ts';

/** The rate is taken over this time, in milliseconds, and not told before the least of it has passed. */
const WINDOW_MS = 8000;
const LEAST_MS = 800;
const SAMPLE_MS = 100;

/** What an action says of its progress. */
export type Counted = Pick<Progress, 'done' | 'total' | 'unit'>;

/**
 * Turns counts into a rate over a sliding window and an estimate of what is left. `clock` is monotonic, in milliseconds. A transfer that
 * stalls slows down by itself: the rate is taken up to the moment of asking.
 */
export function createMeter(clock: () => number) {
  let samples: { at: number; done: number }[] = [];
  let last: Counted | undefined;
  return {
    count(state: Counted): void {
      const at = clock();
      // Another total or unit, or a count that went back, is another thing that is counted.
      if (last !== undefined && (state.total !== last.total || state.unit !== last.unit || state.done < last.done)) samples = [];
      last = state;
      const newest = samples.at(-1);
      if (newest === undefined || at - newest.at >= SAMPLE_MS) samples.push({ at, done: state.done });
      // One sample older than the window stays: the rate begins there.
      while (samples.length > 2 && at - (samples[1] as { at: number }).at > WINDOW_MS) samples.shift();
    },
    progress(): Progress | null {
      if (last === undefined) return null;
      const { done, total, unit } = last;
      const now = clock();
      const begin = samples.find(({ at }) => now - at <= WINDOW_MS) ?? samples.at(-1);
      const passed = begin === undefined ? 0 : now - begin.at;
      const rate = begin === undefined || passed < LEAST_MS ? null : ((done - begin.done) / passed) * 1000;
      const remainingMs = rate === null || rate <= 0 || total <= done ? null : Math.round(((total - done) / rate) * 1000);
      return { done, total, unit, rate: rate === null ? null : Math.round(rate * 100) / 100, remainingMs };
    },
  };
}
