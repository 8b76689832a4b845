import { randomBytes } from 'node:crypto';
import type { SshSession } from '../drivers/ssh/types.ts';
import type { FileCursor } from './cursor.ts';
import { decodeCursor, encodeCursor, posixSum } from './cursor.ts';
import { lastLineEnd } from './file-blocks.ts';
import type { LogFile } from './file-list.ts';
import { listFiles } from './file-list.ts';
import { searchFiles } from './file-search.ts';
import { createMarkReader } from './marks.ts';
import { createParser } from './parse.ts';
import { bytesOf } from './remote.ts';
import { FOLLOW_FILES } from './scripts.ts';
import type { SplitBatch } from './split.ts';
import { createSplitter } from './split.ts';
import type { ResolvedSource, SourceEvent, SourceReader } from './types.ts';

/** After a lost place a file is read from its beginning, but not more of it than this. */
const CATCH_UP = 4 * 1024 * 1024;

const cursorAt = (inode: string, offset: number, tail: Buffer): FileCursor => {
  const known = tail.subarray(-Math.min(256, offset));
  return { kind: 'file', inode, offset, tail: known.length, sum: posixSum(known) };
};

/** Nothing was there: what comes is read from its first byte. */
const nothingYet: FileCursor = { kind: 'file', inode: '0', offset: 0, tail: 0, sum: posixSum(Buffer.alloc(0)) };

/** A log file with its rotated ones. */
export function createFileSource(source: ResolvedSource): SourceReader<FileCursor> {
  const { from: path } = source;
  const parse = createParser(source.definition);
  /** The file that a script saw to its end before it was rotated away or removed: nothing of it is missing. */
  let finished: string | undefined;
  /** A place whose surroundings turned out to be other than they were. */
  let unfit: string | undefined;

  /** The files to read one after the other to go on from a cursor; undefined when its place can't be found. */
  function chain(files: readonly LogFile[], cursor: FileCursor): LogFile[] | undefined {
    const index = files.findIndex(({ inode, packed }) => inode === cursor.inode && !packed);
    if (index < 0 || unfit === encodeCursor(cursor)) return undefined;
    const rest = files.slice(0, index + 1).reverse();
    return (rest[0]?.size ?? 0) < cursor.offset ? undefined : rest;
  }

  /** Where to go on when the place is lost, and what to say of it. */
  async function lost(
    session: SshSession,
    files: readonly LogFile[],
    why: string | undefined,
    signal: AbortSignal,
  ): Promise<{ files: LogFile[]; cursor: FileCursor; gap?: string }> {
    const current = files.find((file) => file.current);
    if (current === undefined) return { files: [], cursor: nothingYet, ...(why === undefined ? {} : { gap: why }) };
    if (current.size <= CATCH_UP)
      return { files: [current], cursor: { ...nothingYet, inode: current.inode }, ...(why === undefined ? {} : { gap: why }) };
    const end = await lastLineEnd(session, { ...current, size: current.size - CATCH_UP }, signal);
    const place = end === undefined ? { ...nothingYet, inode: current.inode } : cursorAt(current.inode, end.offset, end.before);
    return {
      files: [current],
      cursor: place,
      gap: `${why ?? `${path} is another file now`}; it goes on with the last ${CATCH_UP / 1024 / 1024} MiB`,
    };
  }

  async function* attach(session: SshSession, cursor: FileCursor, signal: AbortSignal): AsyncGenerator<SourceEvent, void, void> {
    const files = await listFiles(session, path, signal);
    const fresh = cursor.inode === nothingYet.inode;
    let start: { files: LogFile[]; cursor: FileCursor; gap?: string };
    const known = chain(files, cursor);
    if (known !== undefined) start = { files: known, cursor };
    else if (fresh || finished === cursor.inode) start = await lost(session, files, undefined, signal);
    else
      start = await lost(
        session,
        files,
        `the file that was read is gone (rotated away, removed or cut): lines of it may be missing`,
        signal,
      );
    if (start.gap !== undefined) yield { kind: 'gap', reason: start.gap };
    if (start.files.length === 0) {
      yield { kind: 'live', detail: `${path} is not there (yet)` };
      yield { kind: 'again', afterMs: 1000 };
      return;
    }
    yield* follow(session, start.files, start.cursor, signal);
  }

  async function* follow(
    session: SshSession,
    files: readonly LogFile[],
    from: FileCursor,
    signal: AbortSignal,
  ): AsyncGenerator<SourceEvent, void, void> {
    const nonce = `quarterdeck-${randomBytes(16).toString('hex')}`;
    const chained = files.flatMap((file) => [file.path, file.inode]);
    const stream = await session.stream(
      { script: FOLLOW_FILES, args: [nonce, String(from.offset), String(from.tail), from.sum, path, ...chained] },
      { signal },
    );
    const marks = createMarkReader(nonce);
    const splitter = createSplitter();
    let inode = from.inode;
    let offset = from.offset;
    let opened = 0;

    const lines = (batch: SplitBatch): SourceEvent => {
      offset += batch.bytes;
      return { kind: 'lines', lines: batch.lines.map(({ text, cut }) => parse(text, cut)), cursor: cursorAt(inode, offset, batch.tail) };
    };
    for await (const chunk of bytesOf(stream, `The log ${path}`, signal)) {
      for (const part of marks.push(chunk)) {
        if ('data' in part) {
          for (const batch of splitter.push(part.data)) yield lines(batch);
          continue;
        }
        if (part.mark === 'file') {
          // A file that is not the last one ends here; so does a line in it that has no end.
          const rest = opened > 0 ? splitter.flush() : undefined;
          if (rest !== undefined) yield lines(rest);
          opened += 1;
          inode = part.words[0] ?? inode;
          offset = Number(part.words[1] ?? 0);
          splitter.begin(Buffer.alloc(0));
          if (opened === files.length) yield { kind: 'live' };
          if (opened > 1) yield { kind: 'lines', lines: [], cursor: cursorAt(inode, 0, Buffer.alloc(0)) };
          continue;
        }
        if (part.mark === 'rotated') {
          const rest = splitter.flush();
          if (rest !== undefined) yield lines(rest);
          finished = inode;
        } else if (part.mark === 'truncated') {
          yield { kind: 'gap', reason: `${path} was cut to a shorter length: lines written just before that may be missing` };
          yield { kind: 'lines', lines: [], cursor: cursorAt(inode, 0, Buffer.alloc(0)) };
        } else if (part.mark === 'changed') unfit = encodeCursor(from);
        yield { kind: 'again', afterMs: part.mark === 'moved' || part.mark === 'changed' ? 200 : 0 };
        return;
      }
    }
  }

  return {
    decode: (text) => decodeCursor(text, 'file'),
    attach,
    async cold(session, { tail, filter, signal }) {
      const files = await listFiles(session, path, signal);
      const current = files.find((file) => file.current);
      if (current === undefined) return { lines: [], cursor: nothingYet };
      const end = await lastLineEnd(session, current, signal);
      if (end === undefined) return this.cold(session, { tail, filter, signal });
      const cursor = cursorAt(current.inode, end.offset, end.before);
      if (tail === 0) return { lines: [], cursor };
      const seen = files.map((file) => (file === current ? { ...file, size: end.offset } : file));
      const { lines } = await searchFiles(session, seen, { filter, limit: tail, parse, signal });
      return { lines, cursor };
    },
    async search(session, { filter, limit, signal }) {
      return searchFiles(session, await listFiles(session, path, signal), { filter, limit, parse, signal });
    },
  };
}
