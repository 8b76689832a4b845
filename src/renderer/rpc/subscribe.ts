import type { Problem } from '../../contract/problem.ts';
import type { ConnectionStore } from './connection.ts';
import { waitFor } from './connection.ts';
import { fromWire } from './problems.ts';

export interface SubscribeOptions {
  /** Ends the subscription; nothing is called after it. */
  readonly signal: AbortSignal;
  /** The host ended the stream. */
  readonly onEnd?: () => void;
  /** The stream failed and is not tried again. Lost connections are not told here: they are mended by subscribing again. */
  readonly onProblem?: (problem: Problem) => void;
  /** Called before each subscription but the first: what was shown may be stale, or is going to be repeated. */
  readonly onAgain?: () => void;
}

/**
 * Keeps a stream going over reconnects. `open` is called again after each loss, so it can go on from a cursor it has kept;
 * a stream only reads, so opening it again repeats no effect.
 */
export function createSubscribe(store: ConnectionStore) {
  return function subscribe<T>(
    open: (signal: AbortSignal) => Promise<AsyncIterable<T>>,
    onItem: (item: T) => void,
    options: SubscribeOptions,
  ): void {
    run(open, onItem, options).catch((error: unknown) => {
      if (!options.signal.aborted) options.onProblem?.(fromWire(error, 'the subscription'));
    });
  };

  async function run<T>(
    open: (signal: AbortSignal) => Promise<AsyncIterable<T>>,
    onItem: (item: T) => void,
    options: SubscribeOptions,
  ): Promise<void> {
    const { signal } = options;
    for (let again = false; !signal.aborted; again = true) {
      if (again) {
        await waitFor(store, ({ state }) => state === 'open', signal);
        options.onAgain?.();
      }
      try {
        for await (const item of await open(signal)) {
          if (signal.aborted) return;
          onItem(item);
        }
        if (!signal.aborted) options.onEnd?.();
        return;
      } catch (error) {
        const problem = fromWire(error, 'the subscription');
        const lost = problem.code === 'not-connected' || problem.code === 'outcome-unknown';
        if (!lost || store.getState().state === 'open') throw problem;
      }
    }
  }
}
