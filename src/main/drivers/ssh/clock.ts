/** The clocks and the timer that a keeper lives by; a test gives its own. */
export interface KeeperClock {
  /** Unix milliseconds. */
  now(): number;
  /** Milliseconds that only ever grow. */
  monotonic(): number;
  /** Calls back after a delay; returns the way to take it back. */
  after(ms: number, run: () => void): () => void;
}
