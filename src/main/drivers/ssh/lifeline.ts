import type { ProblemData } from '../../../contract/problem.ts';
import { Problem } from '../../../contract/problem.ts';

/**
 * What is waited for on one connection. ssh2 forgets some callbacks when the connection drops; whatever waits through
 * {@link Lifeline.guard} is rejected at once when it is cut.
 */
export interface Lifeline {
  /** The reason once it is over. */
  readonly over: ProblemData | undefined;
  /** Runs a callback-style start; rejects with the reason when the line is cut first. Never resolves twice. */
  guard<T>(start: (resolve: (value: T) => void, reject: (error: unknown) => void) => void): Promise<T>;
  /** Calls back when cut (right after the present work when it already is); returns the way to stop listening. */
  onCut(listener: (reason: ProblemData) => void): () => void;
  /** Cuts it; only the first reason counts. */
  cut(reason: ProblemData): void;
}

/** Makes a {@link Lifeline}. */
export function createLifeline(): Lifeline {
  const listeners = new Set<(reason: ProblemData) => void>();
  let over: ProblemData | undefined;
  const onCut = (listener: (reason: ProblemData) => void): (() => void) => {
    listeners.add(listener);
    // Not at once: what the listener works with, the returned function among it, is still being set up.
    if (over !== undefined) queueMicrotask(() => listeners.delete(listener) && listener(over as ProblemData));
    return () => listeners.delete(listener);
  };
  return {
    get over() {
      return over;
    },
    onCut,
    guard: (start) =>
      new Promise((resolve, reject) => {
        if (over !== undefined) return reject(Problem.from(over));
        const stop = onCut((reason) => reject(Problem.from(reason)));
        const fail = (error: unknown) => {
          stop();
          // An answer such as "No response from server" is only the echo of the cut.
          reject(over === undefined ? error : Problem.from(over));
        };
        try {
          start((value) => {
            stop();
            resolve(value);
          }, fail);
        } catch (error) {
          fail(error);
        }
      }),
    cut(reason) {
      if (over !== undefined) return;
      over = reason;
      for (const listener of [...listeners]) listener(reason);
      listeners.clear();
    },
  };
}
