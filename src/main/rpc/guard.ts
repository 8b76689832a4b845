import { setImmediate } from 'node:timers/promises';
import type { Problem } from '../../contract/problem.ts';
import type { RpcLog } from './problems.ts';
import { cancelled, toProblem } from './problems.ts';

interface CallOptions {
  readonly path: readonly string[];
  readonly signal?: AbortSignal | undefined;
  next(): Promise<unknown>;
}

function isIterator(value: unknown): value is AsyncIterator<unknown> & AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && 'next' in value && Symbol.asyncIterator in value;
}

/**
 * Stands around every call, whatever the transport: everything thrown, by the call or by a stream's item, becomes a problem
 * (`raise` gives it the form the transport throws), and a stream whose caller left is closed even when it was never read.
 */
export function createGuard(log: RpcLog, raise: (problem: Problem) => Error) {
  return async ({ path, signal, next }: CallOptions): Promise<unknown> => {
    const call = path.join('.');
    const failure = (error: unknown): Error => raise(toProblem(error, { call, log, signal }));
    let output: unknown;
    try {
      output = await next();
    } catch (error) {
      throw failure(error);
    }
    return isIterator(output) ? guardStream(output, { signal, failure, gone: () => raise(cancelled(call)) }) : output;
  };
}

interface StreamOptions {
  readonly signal: AbortSignal | undefined;
  failure(error: unknown): Error;
  gone(): Error;
}

/** Items after which a stream lets others have a turn: one that is always ready would otherwise keep signals, timers and sockets waiting. */
const TURN = 64;

/** A stream that ends at once when `signal` aborts, even while its source is not answering, and closes its source exactly once. */
function guardStream(source: AsyncIterator<unknown>, { signal, failure, gone }: StreamOptions): AsyncIterableIterator<unknown> {
  let over = false;
  let items = 0;
  const aborted = (): boolean => signal?.aborted === true;
  // One handle per read, not one promise for all of them: racing against a promise that outlives the reads would keep every item.
  let leave: (error: Error) => void = () => undefined;

  const close = async (): Promise<void> => {
    if (over) return;
    over = true;
    signal?.removeEventListener('abort', onAbort);
    await source.return?.();
  };
  function onAbort(): void {
    // The source may be stuck in a read that never ends; nobody waits for its clean-up here.
    close().catch(() => undefined);
    leave(gone());
  }
  if (aborted()) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      items += 1;
      if (items % TURN === 0) await setImmediate();
      if (aborted()) throw gone();
      if (over) return { done: true, value: undefined };
      try {
        const item = await new Promise<IteratorResult<unknown>>((resolve, reject) => {
          leave = reject;
          source.next().then(resolve, reject);
        });
        // A source that takes the abort for a good reason to end did not reach its end.
        if (aborted()) throw gone();
        if (item.done === true) {
          over = true;
          signal?.removeEventListener('abort', onAbort);
        }
        return item;
      } catch (error) {
        if (aborted()) throw gone();
        close().catch(() => undefined);
        throw failure(error);
      }
    },
    async return(value?: unknown) {
      await close();
      return { done: true, value };
    },
  };
}
