/** A repeated look. Never two at once: the next is due only when the last has ended. */
export interface ScheduleOptions {
  readonly everyMs: number;
  /** Delay of the first look: staggered, because a burst spoils the latencies it measures. */
  readonly firstMs: number;
  readonly clock: () => number;
  readonly random: () => number;
  look(): Promise<void>;
  /** Told when the wall clock jumped while waiting: the laptop slept from about `from` to `to`. */
  slept(from: number, to: number): void;
}

/** A gap of the wall clock beyond this, and beyond the interval, is a sleep. */
const SLEEP_MS = 30_000;

/** Starts it. Returns the way to stop; a look under way is left to end. */
export function startSchedule(options: ScheduleOptions): () => void {
  const { everyMs, clock, random } = options;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  function wait(ms: number): void {
    const armedAt = clock();
    const armed = performance.now();
    timer = setTimeout(() => {
      // Timers stand still while a laptop sleeps, or fire late after it: the wall clock tells.
      const late = clock() - armedAt - Math.min(ms, performance.now() - armed);
      if (late > Math.max(SLEEP_MS, everyMs)) options.slept(armedAt, clock());
      turn().catch(() => undefined);
    }, ms);
  }

  async function turn(): Promise<void> {
    const began = performance.now();
    try {
      await options.look();
    } finally {
      // ±5 %, so that many consoles do not fall into step.
      const next = everyMs * (0.95 + random() * 0.1) - (performance.now() - began);
      if (!stopped) wait(Math.max(everyMs / 10, next));
    }
  }

  wait(options.firstMs);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
