import type { LogFilter, LogItem } from '../../contract/logs.ts';
import type { ProblemCode } from '../../contract/problem.ts';
import { Problem } from '../../contract/problem.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import type { Feed } from '../rpc/feed.ts';
import { createFeed } from '../rpc/feed.ts';
import type { Cursor } from './cursor.ts';
import { encodeCursor } from './cursor.ts';
import { createFilter } from './filter.ts';
import type { ParsedLine } from './parse.ts';
import type { SourceReader } from './types.ts';

const BATCH_MS = 16;
const BATCH_LINES = 2000;
/** Lines that may wait for a slow reader. */
const WAITING_LINES = 20_000;
/** A cursor without lines (none passed the filter) is told this often. */
const CURSOR_EVERY_MS = 2000;
const RETRIES = 3;

/** The connection's troubles: waited out, because it comes back by itself or the user sees its own state. */
const WAITED_OUT = new Set<ProblemCode>([
  'not-connected',
  'ssh-unreachable',
  'ssh-timeout',
  'ssh-connection-lost',
  'ssh-channel-refused',
  'ssh-auth-failed',
  'ssh-auth-needed',
  'ssh-protocol-error',
  'host-key-unknown',
  'host-key-changed',
  'host-key-revoked',
  'outcome-unknown',
  'timed-out',
]);

type Waiting = { item: LogItem; lines: ParsedLine[] };

const weigh = ({ lines }: Waiting): number => lines.length;

function join(waiting: Waiting, next: Waiting): Waiting | undefined {
  if (waiting.item.kind !== 'lines' || next.item.kind !== 'lines') return undefined;
  if (waiting.lines.length + next.lines.length > BATCH_LINES) return undefined;
  return { item: next.item, lines: [...waiting.lines, ...next.lines] };
}

const keyOf = ({ item }: Waiting): string | undefined =>
  item.kind === 'state' ? 'state' : item.kind === 'gap' ? `gap ${item.reason}` : undefined;

/**
 * Follows a source until the reader leaves: the last lines, then what comes, over any number of dropped connections. A
 * reader that is too slow loses the oldest waiting lines and is told how many; ending it ends the remote process.
 */
export function followSource(options: {
  reader: SourceReader;
  session: (signal: AbortSignal) => Promise<SshSession>;
  tail: number;
  filter: LogFilter;
  cursor: Cursor | undefined;
  signal: AbortSignal | undefined;
  /** Waits before a new try, in milliseconds. */
  retryMs?: (attempt: number) => number;
}): LogStream {
  const { reader, filter, retryMs = (attempt) => Math.min(250 * 2 ** attempt, 3000) } = options;
  const over = new AbortController();
  const leave = (): void => void feed.return();
  const feed = createFeed<Waiting>({
    capacity: WAITING_LINES,
    intervalMs: BATCH_MS,
    weight: weigh,
    coalesce: join,
    key: keyOf,
    onDrop: (count) => ({ item: { kind: 'dropped', count }, lines: [] }),
    onClose: () => {
      over.abort();
      options.signal?.removeEventListener('abort', leave);
    },
  });
  const passes = createFilter(filter);
  let cursor = options.cursor;
  let lastCursorAt = 0;

  const say = (item: LogItem): void => void feed.push({ item, lines: [] });
  const send = (lines: ParsedLine[], place: Cursor): void => {
    cursor = place;
    if (lines.length === 0 && performance.now() - lastCursorAt < CURSOR_EVERY_MS) return;
    lastCursorAt = performance.now();
    const encoded = encodeCursor(place);
    for (let from = 0; from < Math.max(1, lines.length); from += BATCH_LINES) {
      feed.push({ item: { kind: 'lines', lines: [], cursor: encoded }, lines: lines.slice(from, from + BATCH_LINES) });
    }
  };

  /** One attachment; answers how long to wait before the next. */
  async function attach(): Promise<number> {
    const session = await options.session(over.signal);
    if (cursor === undefined) {
      say({ kind: 'state', state: 'loading' });
      const cold = await reader.cold(session, { tail: options.tail, filter, signal: over.signal });
      for (const line of cold.lines) passes(line);
      send(cold.lines, cold.cursor);
    }
    for await (const event of reader.attach(session, cursor as Cursor, over.signal)) {
      if (event.kind === 'lines') send(event.lines.filter(passes), event.cursor);
      else if (event.kind === 'gap') say({ kind: 'gap', reason: event.reason });
      else if (event.kind === 'live')
        say({ kind: 'state', state: 'live', ...(event.detail === undefined ? {} : { detail: event.detail }) });
      else return event.afterMs;
      attempt = 0;
    }
    return 500;
  }

  let attempt = 0;
  async function run(): Promise<void> {
    while (!over.signal.aborted) {
      let wait: number;
      try {
        wait = await attach();
      } catch (error) {
        if (over.signal.aborted) return;
        const problem = error instanceof Problem ? error : undefined;
        const lost = problem !== undefined && WAITED_OUT.has(problem.code);
        if (!lost && (problem?.code !== 'remote-command-failed' || attempt >= RETRIES)) throw error;
        say({ kind: 'state', state: 'reconnecting', detail: problem.message });
        wait = retryMs(attempt);
        attempt += 1;
      }
      if (wait > 0) await pause(wait, over.signal);
    }
  }

  if (options.signal?.aborted === true) leave();
  else options.signal?.addEventListener('abort', leave, { once: true });
  run().then(
    () => feed.end(),
    (error: unknown) => feed.fail(error),
  );
  return numbered(feed);
}

/** What a follow gives back: ends at once on `return`, even while a read waits. */
export interface LogStream extends AsyncIteratorObject<LogItem, undefined, void> {
  return(): Promise<IteratorResult<LogItem, undefined>>;
  [Symbol.asyncIterator](): LogStream;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Gives lines their numbers when they are delivered, so that lost ones leave no holes. */
function numbered(feed: Feed<Waiting>): LogStream {
  let seq = 0;
  const stream: LogStream = {
    [Symbol.asyncIterator]: () => stream,
    async next() {
      const result = await feed.next();
      if (result.done === true) return { done: true, value: undefined };
      const { item, lines } = result.value;
      return { done: false, value: item.kind === 'lines' ? { ...item, lines: lines.map((line) => ({ seq: seq++, ...line })) } : item };
    },
    async return() {
      await feed.return();
      return { done: true, value: undefined };
    },
    async [Symbol.asyncDispose]() {
      await feed.return();
    },
  };
  return stream;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
}
