import type { LogLine } from '../../../contract/logs.ts';

/** What stands in one row: a line, or what is known of lines that are not there. */
export type LogRow =
  | { readonly kind: 'line'; readonly line: LogLine }
  | { readonly kind: 'dropped'; readonly count: number }
  | { readonly kind: 'gap'; readonly reason: string }
  /** Where the reader paused or the connection was away, and it went on without loss. */
  | { readonly kind: 'mark'; readonly text: string; readonly at: number };

/** Rows that are kept, the newest at the end. A row's number is its place since the beginning and never changes. */
export interface Ring {
  /** Number of the oldest row kept: so many were let go. */
  readonly first: number;
  /** Number after the newest row. */
  readonly end: number;
  at(number: number): LogRow | undefined;
  /** `keepOld`: nothing is let go now; the next push without it makes up for that. */
  push(rows: readonly LogRow[], keepOld?: boolean): void;
  clear(): void;
}

/**
 * A bounded list whose oldest rows go when it is full. Memory is given back in blocks, so that a stream of single lines does
 * not move a hundred thousand rows each time.
 */
export function createRing(capacity: number): Ring {
  const slack = Math.max(16, Math.floor(capacity / 4));
  let rows: LogRow[] = [];
  // Rows before `skip` are let go already; they are only not cut off yet.
  let skip = 0;
  let first = 0;
  return {
    get first() {
      return first;
    },
    get end() {
      return first + rows.length - skip;
    },
    at: (number) => (number < first ? undefined : rows[skip + number - first]),
    push(more, keepOld = false) {
      for (const row of more) rows.push(row);
      if (keepOld) return;
      const over = rows.length - skip - capacity;
      if (over > 0) {
        skip += over;
        first += over;
      }
      if (skip > slack) {
        rows = rows.slice(skip);
        skip = 0;
      }
    },
    clear() {
      rows = [];
      skip = 0;
      first = 0;
    },
  };
}
