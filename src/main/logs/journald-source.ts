import type { LogFilter, LogLevel } from '../../contract/logs.ts';
import { Problem } from '../../contract/problem.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import { decodeCursor, JournaldCursor } from './cursor.ts';
import { createFilter, isEmpty, prefilter } from './filter.ts';
import type { ParsedLine } from './parse.ts';
import { createParser } from './parse.ts';
import { bytesOf, read } from './remote.ts';
import { FIND_IN_JOURNALD, FOLLOW_JOURNALD, JOURNALD_TAIL } from './scripts.ts';
import { createSplitter } from './split.ts';
import type { ResolvedSource, SourceEvent, SourceReader } from './types.ts';

/** An entry's message is at most 48 KiB when it came from a service's output; as numbers that is four times as long. */
const ENTRY_BYTES = 512 * 1024;
const FOUND_BYTES = 32 * 1024 * 1024;
const PRIORITIES: readonly LogLevel[] = ['critical', 'critical', 'critical', 'error', 'warning', 'info', 'info', 'debug'];

interface Entry {
  readonly cursor: string;
  readonly line: ParsedLine;
}

/** A message is a text, or bytes when it is no UTF-8, or null when it was too long to be given. */
function messageOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((byte) => typeof byte === 'number')) return Buffer.from(value as number[]).toString('utf8');
  return value === null ? '(a message too long for journalctl to give)' : '';
}

/** The journal of a systemd unit. */
export function createJournaldSource(source: ResolvedSource): SourceReader<JournaldCursor> {
  const { from: unit } = source;
  const parse = createParser(source.definition);
  const what = `The journal of ${unit}`;
  /** It was seen to have no entries: whatever comes is new. */
  let empty = false;

  function entryOf(text: string, cut: boolean): Entry | undefined {
    let body: Record<string, unknown>;
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value !== 'object' || value === null) return undefined;
      body = value as Record<string, unknown>;
    } catch {
      return undefined;
    }
    const cursor = body['__CURSOR'];
    if (typeof cursor !== 'string' || !JournaldCursor.shape.cursor.safeParse(cursor).success) return undefined;
    const line = parse(messageOf(body['MESSAGE']), cut);
    const micros = Number(body['__REALTIME_TIMESTAMP']);
    const at = Number.isFinite(micros) && micros > 0 ? Math.floor(micros / 1000) : null;
    const priority =
      typeof body['PRIORITY'] === 'string' && /^[0-7]$/.test(body['PRIORITY']) ? (PRIORITIES[Number(body['PRIORITY'])] ?? null) : null;
    const program = typeof body['SYSLOG_IDENTIFIER'] === 'string' ? parse(body['SYSLOG_IDENTIFIER'], false).raw.slice(0, 100) : null;
    return { cursor, line: { ...line, at: line.at ?? at, level: line.level ?? priority, logger: line.logger ?? program } };
  }

  function entriesOf(bytes: Buffer): Entry[] {
    const splitter = createSplitter(Number.POSITIVE_INFINITY, ENTRY_BYTES);
    return [...splitter.push(bytes), splitter.flush()].flatMap((batch) =>
      (batch?.lines ?? []).flatMap(({ text, cut }) => entryOf(text, cut) ?? []),
    );
  }

  async function* attach(session: SshSession, cursor: JournaldCursor, signal: AbortSignal): AsyncGenerator<SourceEvent, void, void> {
    const stream = await session.stream({ script: FOLLOW_JOURNALD, args: [unit, cursor.cursor, empty ? 'all' : ''] }, { signal });
    const splitter = createSplitter(2000, ENTRY_BYTES);
    let expected = cursor.cursor;
    yield { kind: 'live' };
    try {
      for await (const chunk of bytesOf(stream, what, signal)) {
        for (const batch of splitter.push(chunk)) {
          const entries = batch.lines.flatMap(({ text, cut }) => entryOf(text, cut) ?? []);
          if (expected !== '' && entries.length > 0) {
            // The place's own entry comes first; another one there means that it was vacuumed away.
            if (entries[0]?.cursor === expected) entries.shift();
            else
              yield {
                kind: 'gap',
                reason: `the journal of ${unit} no longer has the place where it was left: entries after it may be missing`,
              };
            expected = '';
          }
          const last = entries.at(-1);
          if (last !== undefined)
            yield { kind: 'lines', lines: entries.map(({ line }) => line), cursor: { kind: 'journald', cursor: last.cursor } };
        }
      }
    } catch (error) {
      // journalctl goes to the nearest entry when one is gone, but ends when the place makes no sense to it at all.
      if (!(error instanceof Problem) || !/seek to cursor/i.test(error.message)) throw error;
      yield { kind: 'gap', reason: `the journal of ${unit} does not know the place where it was left: entries after it may be missing` };
      yield { kind: 'lines', lines: [], cursor: { kind: 'journald', cursor: '' } };
    }
    yield { kind: 'again', afterMs: 1000 };
  }

  async function search(session: SshSession, { filter, limit, signal }: { filter: LogFilter; limit: number; signal: AbortSignal }) {
    const hint = prefilter(filter, true);
    const most = Math.max(10_000, limit * 4);
    const time = (at: number | undefined, up: boolean): string => (at === undefined ? '' : `@${(up ? Math.ceil : Math.floor)(at / 1000)}`);
    const { stdout } = await read(
      session,
      {
        script: FIND_IN_JOURNALD,
        args: [unit, hint.folded, hint.exact, String(most), String(FOUND_BYTES), time(filter.since, false), time(filter.until, true)],
      },
      { what, signal, maxBytes: FOUND_BYTES + 1024, timeoutMs: 10 * 60_000 },
    );
    const entries = entriesOf(stdout);
    const passes = createFilter(filter);
    const hits = entries.filter(({ line }) => passes(line));
    const complete = entries.length < most && stdout.length < FOUND_BYTES && hits.length <= limit;
    return { hits: hits.slice(-limit), complete, scannedBytes: stdout.length };
  }

  return {
    decode: (text) => decodeCursor(text, 'journald'),
    attach,
    async cold(session, { tail, filter, signal }) {
      const { stdout } = await read(
        session,
        { script: JOURNALD_TAIL, args: [unit, String(Math.max(1, tail))] },
        { what, signal, maxBytes: 128 * 1024 * 1024, timeoutMs: 120_000 },
      );
      const entries = entriesOf(stdout);
      empty = entries.length === 0;
      const cursor: JournaldCursor = { kind: 'journald', cursor: entries.at(-1)?.cursor ?? '' };
      if (tail === 0) return { lines: [], cursor };
      if (isEmpty(filter)) return { lines: entries.map(({ line }) => line), cursor };
      const { hits } = await search(session, { filter, limit: tail, signal });
      // What came after the place is the follow's.
      const beyond = hits.findIndex((hit) => hit.cursor === cursor.cursor);
      return { lines: (beyond < 0 ? hits : hits.slice(0, beyond + 1)).map(({ line }) => line), cursor };
    },
    async search(session, options) {
      const { hits, complete, scannedBytes } = await search(session, options);
      return { lines: hits.map(({ line }) => line), complete, scannedBytes };
    },
  };
}
