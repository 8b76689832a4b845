import type { ContainerCursor } from './cursor.ts';

/**
 * Docker gives a line its time before it writes it, each of the two streams for itself: a line may stand after one with a
 * later time (seen: 3 in 1000, by 0.8 ms). So a follow goes on from a little before its place, and knows what it saw there.
 */
const SLACK_MS = 1000;

/** Docker may leave trailing zeros out: filled up, times compare as texts. */
export const filledTime = (at: string): string => {
  const [seconds = '', fraction = ''] = at.slice(0, -1).split('.');
  return `${seconds}.${fraction.padEnd(9, '0')}Z`;
};

/** A little before a time. */
export const before = (at: string): string => filledTime(new Date(Date.parse(at) - SLACK_MS).toISOString());

/** What of a container's log was seen lately: how many lines of each time. */
export function createContainerMemory() {
  const seen = new Map<string, number>();
  /** All that was seen and is not older than this is in there. */
  let floor = '';
  let last = '';

  const since = (): string => {
    const slack = last === '' ? '' : before(last);
    return slack > floor ? slack : floor;
  };

  const memory = {
    clear(from = ''): void {
      seen.clear();
      floor = last = from;
    },
    add(at: string, count = 1): void {
      seen.set(at, (seen.get(at) ?? 0) + count);
      if (at <= last) return;
      last = at;
      const oldest = since();
      for (const one of seen.keys()) {
        if (one >= oldest) break;
        seen.delete(one);
      }
    },
    /** Where to read from to go on at a place; `again` tells of each line whether it was seen already. */
    resume(cursor: ContainerCursor): { since: string; again: (at: string) => boolean } {
      if (cursor.at !== last) {
        // A place from elsewhere: of what stands before it nothing is known but the count of its own time.
        memory.clear(cursor.at);
        if (cursor.count > 0) seen.set(cursor.at, cursor.count);
      }
      const left = new Map(seen);
      return {
        since: since(),
        again(at) {
          const count = left.get(at) ?? 0;
          if (count > 0) left.set(at, count - 1);
          return count > 0;
        },
      };
    },
  };
  return memory;
}
