import { Problem } from '../../../contract/problem.ts';
import type { Lifeline } from './lifeline.ts';
import { cancelled, reasonOf } from './problems.ts';

/** Short work (a command, a listing) or long-lived work (a tail, a transfer) that must leave room for short work. */
export type ChannelKind = 'short' | 'long';

/** An opened channel and the duty to give its slot back exactly when the channel is closed. */
export interface Slot<T> {
  readonly value: T;
  release(): void;
}

/** Queues session channels under the server's MaxSessions, which it learns from refusals. */
export interface ChannelQueue {
  /** Opens when there is room. Throws `ssh-channel-refused` when the server refuses even a single one, `cancelled` when aborted in the queue. */
  open<T>(kind: ChannelKind, start: () => Promise<T>, signal?: AbortSignal): Promise<Slot<T>>;
  /** The present limit, channels in use and requests waiting. */
  readonly state: { readonly limit: number; readonly active: number; readonly waiting: number };
}

/** Thrown by a `start` when the server refused the channel itself (and not what was to run in it). */
export class ChannelRefused extends Error {
  override readonly name = 'ChannelRefused';
}

interface Waiting {
  readonly kind: ChannelKind;
  readonly run: () => void;
}

const growAfterMs = 30_000;

/** Makes the queue. `limit` is the first guess (OpenSSH's default is 10). */
export function createChannelQueue(options: { readonly limit: number; readonly lifeline: Lifeline; readonly where: string }): ChannelQueue {
  let limit = Math.max(1, options.limit);
  let active = 0;
  let long = 0;
  let refusedAt = 0;
  const waiting: Waiting[] = [];

  const fits = (kind: ChannelKind): boolean => active < limit && (kind === 'short' || limit < 2 || long < limit - 1);
  const pump = (): void => {
    for (let index = 0; index < waiting.length && active < limit; ) {
      const next = waiting[index];
      if (next !== undefined && fits(next.kind)) {
        waiting.splice(index, 1);
        next.run();
      } else index++;
    }
  };
  const take = (kind: ChannelKind): void => {
    active++;
    if (kind === 'long') long++;
  };
  const give = (kind: ChannelKind): void => {
    active--;
    if (kind === 'long') long--;
    pump();
  };
  const turn = (kind: ChannelKind, first: boolean, signal?: AbortSignal): Promise<void> => {
    // A refusal may have counted sessions that were just ending on the host; now and then one more is tried.
    if (limit < options.limit && performance.now() - refusedAt > growAfterMs) {
      limit++;
      refusedAt = performance.now();
    }
    if (fits(kind)) {
      take(kind);
      return Promise.resolve();
    }
    return options.lifeline.guard<void>((resolve, reject) => {
      const leave = (): void => {
        const index = waiting.indexOf(entry);
        if (index >= 0) waiting.splice(index, 1);
        stop();
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        leave();
        reject(cancelled('Waiting for a free channel'));
      };
      const stop = options.lifeline.onCut(leave);
      const entry: Waiting = {
        kind,
        run: () => {
          leave();
          take(kind);
          resolve();
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      if (first) waiting.unshift(entry);
      else waiting.push(entry);
    });
  };

  return {
    get state() {
      return { limit, active, waiting: waiting.length };
    },
    async open(kind, start, signal) {
      for (let again = false; ; again = true) {
        if (signal?.aborted === true) throw cancelled('Opening a channel');
        await turn(kind, again, signal);
        try {
          const value = await start();
          let released = false;
          return {
            value,
            release: () => {
              if (released) return;
              released = true;
              give(kind);
            },
          };
        } catch (error) {
          const others = active - 1;
          const refused = error instanceof ChannelRefused;
          // With other channels open the refusal is most likely MaxSessions: that many fit, and this one waits its turn.
          if (refused) refusedAt = performance.now();
          if (refused && others > 0) limit = Math.max(1, Math.min(limit, others));
          give(kind);
          if (!refused) throw error;
          if (others <= 0) {
            throw new Problem('ssh-channel-refused', `${options.where} refused to open a channel: ${reasonOf(error)}.`, {
              retryable: true,
              hint: 'The server’s MaxSessions may be 0 or sessions may be forbidden for this user. Look at its sshd_config.',
              cause: error,
            });
          }
        }
      }
    },
  };
}
