import { Problem } from '../../contract/problem.ts';

export interface FeedOptions<T> {
  /** How much may wait for a slow reader, in units of `weight`. */
  readonly capacity: number;
  /** Ends the feed; usually the handler's own. */
  readonly signal?: AbortSignal | undefined;
  /** Least time between two deliveries, in milliseconds; what comes meanwhile is delivered together. Default 16. */
  readonly intervalMs?: number;
  /** What an item counts for, in `capacity` and in the count of a loss. Default 1. An item of weight 0 is never dropped: give it a `key`. */
  readonly weight?: (item: T) => number;
  /** Joins an item with the one waiting just before it; `undefined` when they don't go together or get too big. */
  readonly coalesce?: (waiting: T, next: T) => T | undefined;
  /** A waiting item is replaced by a newer one of the same key: for states, of which only the last counts. */
  readonly key?: (item: T) => string | undefined;
  /** Makes the item that tells of a loss. Without it nothing is dropped: a reader too slow ends the feed with `stream-overrun`. */
  readonly onDrop?: (count: number) => T;
  /** Called once when the feed is over, for whatever reason: the place to unsubscribe. */
  readonly onClose?: () => void;
}

/** A bounded stream from a producer that can't wait to a reader that may be slow. */
export interface Feed<T> extends AsyncIteratorObject<T, undefined, void> {
  /** Adds an item. False when the feed is over: stop producing. */
  push(item: T): boolean;
  /** No more items: the reader gets what waits, then the end. */
  end(): void;
  /** The reader gets what waits, then `error` is thrown. */
  fail(error: unknown): void;
  /** True once ended, failed or cancelled. */
  readonly closed: boolean;
  return(): Promise<IteratorResult<T, undefined>>;
  [Symbol.asyncIterator](): Feed<T>;
  [Symbol.asyncDispose](): Promise<void>;
}

type Waiter<T> = { resolve(result: IteratorResult<T, undefined>): void; reject(error: unknown): void };

/**
 * Makes a {@link Feed}. Deliveries are at most every `intervalMs`; what is waiting is bounded by `capacity`, the oldest goes
 * first, and the reader is told how much was lost before it gets what came after. Whichever of `end`, `fail`, cancel comes
 * first decides how it ends; the others then do nothing. Cancel (the reader's `return`, or `signal`) discards what waits.
 */
export function createFeed<T>(options: FeedOptions<T>): Feed<T> {
  const { capacity, signal, intervalMs = 16, weight = () => 1, coalesce, key, onDrop, onClose } = options;
  const queue: T[] = [];
  const waiters: Waiter<T>[] = [];
  let held = 0;
  let released = 0;
  let dropped = 0;
  let ending: { error?: unknown } | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lastRelease = Number.NEGATIVE_INFINITY;

  const take = (): IteratorResult<T, undefined> | undefined => {
    if (released === 0) return undefined;
    if (dropped > 0 && onDrop !== undefined) {
      const count = dropped;
      dropped = 0;
      return { done: false, value: onDrop(count) };
    }
    const value = queue.shift() as T;
    released -= 1;
    held -= weight(value);
    return { done: false, value };
  };

  const serve = (): void => {
    while (waiters.length > 0) {
      const item = take();
      if (item === undefined && ending === undefined) return;
      const waiter = waiters.shift() as Waiter<T>;
      if (item !== undefined) waiter.resolve(item);
      else finish(waiter);
    }
  };

  const finish = (waiter: Waiter<T>): void => {
    if (ending !== undefined && 'error' in ending) {
      const { error } = ending;
      ending = {};
      waiter.reject(error);
    } else waiter.resolve({ done: true, value: undefined });
  };

  const release = (): void => {
    timer = undefined;
    lastRelease = performance.now();
    released = queue.length;
    serve();
  };

  const schedule = (): void => {
    if (timer !== undefined || released === queue.length) return;
    timer = setTimeout(release, Math.max(0, intervalMs - (performance.now() - lastRelease)));
  };

  const close = (how: { error?: unknown }, discard: boolean): void => {
    if (ending !== undefined) {
      // The reader may still leave while the rest is being read.
      if (discard) empty();
      return;
    }
    ending = how;
    signal?.removeEventListener('abort', cancel);
    clearTimeout(timer);
    if (discard) empty();
    released = queue.length;
    serve();
    onClose?.();
  };
  const empty = (): void => {
    queue.length = 0;
    released = held = dropped = 0;
    if (ending !== undefined) ending = {};
  };
  const cancel = (): void => close({}, true);

  const shed = (): void => {
    let at = 0;
    while (held > capacity && at < queue.length - 1) {
      const lost = weight(queue[at] as T);
      if (lost === 0) {
        at += 1;
        continue;
      }
      queue.splice(at, 1);
      if (at < released) released -= 1;
      held -= lost;
      dropped += lost;
    }
  };

  const place = (item: T): void => {
    const name = key?.(item);
    const same = name === undefined ? -1 : queue.findIndex((waiting) => key?.(waiting) === name);
    const last = queue.length - 1;
    const joined = same >= 0 || last < 0 ? undefined : coalesce?.(queue[last] as T, item);
    if (same >= 0) replace(same, item);
    else if (joined !== undefined) replace(last, joined);
    else {
      queue.push(item);
      held += weight(item);
    }
  };
  const replace = (at: number, item: T): void => {
    held += weight(item) - weight(queue[at] as T);
    queue[at] = item;
  };

  if (signal?.aborted === true) cancel();
  else signal?.addEventListener('abort', cancel, { once: true });

  const feed: Feed<T> = {
    get closed() {
      return ending !== undefined;
    },
    push(item) {
      if (ending !== undefined) return false;
      place(item);
      if (held > capacity) {
        if (onDrop === undefined && queue.length > 1) {
          close(
            { error: new Problem('stream-overrun', 'More came than could be delivered, and none of it may be lost.', { retryable: true }) },
            false,
          );
          return false;
        }
        shed();
      }
      schedule();
      return true;
    },
    end: () => close({}, false),
    fail: (error) => close({ error }, false),
    next: () =>
      new Promise((resolve, reject) => {
        waiters.push({ resolve, reject });
        serve();
      }),
    async return() {
      cancel();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => feed,
    async [Symbol.asyncDispose]() {
      cancel();
    },
  };
  return feed;
}
