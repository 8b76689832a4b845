import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { EnvironmentRef, Id, Timestamp } from './common.ts';

/** A place log lines come from. */
export const LogSource = z.strictObject({
  id: Id,
  title: z.string(),
  kind: z.enum(['file', 'container', 'journald']),
  /** What is read, shown to the user: a path, a container, a unit. */
  location: z.string(),
});
export type LogSource = z.infer<typeof LogSource>;

export const LogLevel = z.enum(['trace', 'debug', 'info', 'warning', 'error', 'critical']);
export type LogLevel = z.infer<typeof LogLevel>;

/** One line, parsed where it could be. All texts are already free of control characters and capped in length. */
export const LogLine = z.strictObject({
  /** Order within this subscription, from 0, without holes. */
  seq: z.int().nonnegative(),
  at: Timestamp.nullable(),
  level: LogLevel.nullable(),
  logger: z.string().nullable(),
  message: z.string(),
  requestId: z.string().nullable(),
  /** `audit` and the like. */
  category: z.string().nullable(),
  /** Further fields by name, in the line's own order. */
  fields: z.record(z.string(), z.string()),
  /** The line as it was read, cleaned. */
  raw: z.string(),
  /** True when the line was longer than what is kept. */
  truncated: z.boolean(),
});
export type LogLine = z.infer<typeof LogLine>;

/** Narrowing. `text` is a case-insensitive substring of the raw line; all given parts must hold. */
export const LogFilter = z.strictObject({
  text: z.string().max(500).optional(),
  requestId: z.string().max(200).optional(),
  minLevel: LogLevel.optional(),
  category: z.string().max(100).optional(),
  since: Timestamp.optional(),
  until: Timestamp.optional(),
});
export type LogFilter = z.infer<typeof LogFilter>;

/** Opaque place in a source after the last line delivered, with which a follow goes on without gap or duplicate. */
export const LogCursor = z.string().max(2000);

/** What a follow delivers. Loss is always an item of its own. */
export const LogItem = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('lines'), lines: z.array(LogLine).max(2000), cursor: LogCursor }),
  /** Lines that were seen but not sent because the reader was too slow. */
  z.strictObject({ kind: z.literal('dropped'), count: z.int().positive() }),
  /** A stretch that can't be had any more (rotated away, container re-created), in words. */
  z.strictObject({ kind: z.literal('gap'), reason: z.string() }),
  z.strictObject({ kind: z.literal('state'), state: z.enum(['loading', 'live', 'reconnecting', 'ended']), detail: z.string().optional() }),
]);
export type LogItem = z.infer<typeof LogItem>;

export const logs = {
  sources: oc.input(EnvironmentRef).output(z.array(LogSource)),
  /**
   * The last `tail` lines that pass the filter, then what comes. With `cursor` it goes on there instead: pausing is ending
   * the subscription, which stops the transfer, and resuming is following again from the last cursor.
   */
  follow: oc
    .input(EnvironmentRef.extend({ sourceId: Id, tail: z.int().min(0).max(50_000), filter: LogFilter, cursor: LogCursor.optional() }))
    .output(eventIterator(LogItem)),
  /** Reads backwards through the whole source, and its rotated files, for lines that pass the filter; newest last. */
  search: oc
    .input(EnvironmentRef.extend({ sourceId: Id, filter: LogFilter, limit: z.int().min(1).max(10_000) }))
    .output(z.strictObject({ lines: z.array(LogLine), complete: z.boolean(), scannedBytes: z.int().nonnegative() })),
};
