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
/** Tries against passing refusals: about half a minute. */
const mostTries = 32;

/** What {@link createChannelQueue} needs. */
export interface ChannelQueueOptions {
  /** The first guess at MaxSessions (OpenSSH's default is 10). */
  readonly limit: number;
  readonly lifeline: Lifeline;
  readonly where: string;
  /** Opens a channel that does nothing and stays; the queue closes it. */
  readonly probe: () => Promise<Probe>;
}

/** A channel that only takes up room. */
export interface Probe {
  close(): void;
  /** Calls back when the channel is closed. */
  onClosed(listener: () => void): void;
}

/**
 * Makes the queue. While the server's limit is only guessed, long-lived work could take every channel there is before
 * the first refusal tells; so a long-lived channel is opened only beside an idle one that proves room for short work.
 */
export function createChannelQueue(options: ChannelQueueOptions): ChannelQueue {
  let limit = Math.max(1, options.limit);
  let active = 0;
  let long = 0;
  let refusedAt = 0;
  /** Channels that are open (`active` also counts those being opened), and the most that were seen open at once. */
  let opened = 0;
  let proven = 0;
  const waiting: Waiting[] = [];
  let opening: Promise<void> = Promise.resolve();

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

  const attempt = async <T>(kind: ChannelKind, start: () => Promise<T>, tries: number): Promise<Slot<T> | undefined> => {
    try {
      const value = await start();
      proven = Math.max(proven, ++opened);
      let released = false;
      return {
        value,
        release: () => {
          if (released) return;
          released = true;
          opened--;
          give(kind);
        },
      };
    } catch (error) {
      const refused = error instanceof ChannelRefused;
      const others = opened > 0 ? opened : active - 1;
      // Fewer than once were open: the host is still ending sessions whose channels are closed, and will have room again.
      const passing = refused && opened < proven;
      if (refused && !passing && others > 0) {
        // With other channels open the refusal is most likely MaxSessions: that many fit, and this one waits its turn.
        limit = Math.max(1, Math.min(limit, others));
        refusedAt = performance.now();
      }
      give(kind);
      if (!refused) throw error;
      if (passing && tries < mostTries) {
        await pause(Math.min(1000, 20 * 2 ** tries));
        return undefined;
      }
      if (!passing && others > 0) return undefined;
      throw new Problem('ssh-channel-refused', `${options.where} refused to open a channel: ${reasonOf(error)}.`, {
        retryable: true,
        hint: 'The server’s MaxSessions may be 0 or sessions may be forbidden for this user. Look at its sshd_config.',
        cause: error,
      });
    }
  };
  const pause = (ms: number): Promise<void> =>
    options.lifeline.guard((resolve, reject) => {
      const stop = options.lifeline.onCut((reason) => {
        clearTimeout(timer);
        reject(Problem.from(reason));
      });
      const timer = setTimeout(() => {
        stop();
        resolve();
      }, ms);
    });
  /** Holds an idle channel while long-lived work is opened, when it is not known that one more than that fits. */
  const reserve = async (signal?: AbortSignal): Promise<(() => void) | undefined> => {
    if (limit < 2 || proven > long) return undefined;
    await turn('short', true, signal);
    const slot = await attempt('short', options.probe, 0);
    if (slot === undefined) return undefined;
    slot.value.onClosed(slot.release);
    return () => slot.value.close();
  };

  return {
    get state() {
      return { limit, active, waiting: waiting.length };
    },
    async open(kind, start, signal) {
      // One long-lived opening at a time, so that each proves its own room.
      const before = kind === 'long' ? opening : Promise.resolve();
      let done: () => void = () => undefined;
      if (kind === 'long') {
        opening = new Promise((resolve) => {
          done = () => void before.then(resolve);
        });
      }
      try {
        if (kind === 'long') await orAbort(before, signal);
        for (let tries = 0; ; tries++) {
          if (signal?.aborted === true) throw cancelled('Opening a channel');
          await turn(kind, tries > 0, signal);
          let letGo: (() => void) | undefined;
          try {
            if (kind === 'long') letGo = await reserve(signal);
          } catch (error) {
            give(kind);
            throw error;
          }
          try {
            const slot = await attempt(kind, start, tries);
            if (slot !== undefined) return slot;
          } finally {
            letGo?.();
          }
        }
      } finally {
        done();
      }
    },
  };
}

/** Waits for a promise that never rejects, or for the caller to give up. */
function orAbort(before: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return before;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled('Waiting for a free channel'));
    signal.addEventListener('abort', onAbort, { once: true });
    void before.then(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
}
