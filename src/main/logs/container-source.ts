import { randomBytes } from 'node:crypto';
import { Problem } from '../../contract/problem.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import { cleanText } from '../drivers/text.ts';
import type { ContainerCursor } from './cursor.ts';
import { decodeCursor } from './cursor.ts';
import { createFilter, isEmpty, prefilter } from './filter.ts';
import { createMarkReader } from './marks.ts';
import type { ParsedLine } from './parse.ts';
import { createParser } from './parse.ts';
import { bytesOf, read } from './remote.ts';
import { CONTAINER_STATE, CONTAINER_TAIL, FIND_IN_CONTAINER, FOLLOW_CONTAINER } from './scripts.ts';
import { createSplitter } from './split.ts';
import { parseTime } from './times.ts';
import type { ResolvedSource, SourceEvent, SourceReader } from './types.ts';

const STAMPED = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z) (.*)$/s;
const STAMP_ONLY = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z)$/;
const FOUND_BYTES = 16 * 1024 * 1024;

/** Docker leaves trailing zeros out: filled up, times compare as texts. */
const filled = (at: string): string => {
  const [seconds = '', fraction = ''] = at.slice(0, -1).split('.');
  return `${seconds}.${fraction.padEnd(9, '0')}Z`;
};

/** A container's log, over the docker command on the host. */
export function createContainerSource(source: ResolvedSource): SourceReader<ContainerCursor> {
  const { from: name } = source;
  const parse = createParser(source.definition);
  const what = `The log of the container ${name}`;
  /** Id of the container that was seen standing still: it is waited for instead of read again and again. */
  let idle = '';

  /** A line as `docker logs --timestamps` gives it; undefined when it is docker's own word. */
  function stamped(text: string, cut: boolean): { at: string; line: ParsedLine } | undefined {
    const match = STAMPED.exec(text) ?? STAMP_ONLY.exec(text);
    if (match === null) return undefined;
    const line = parse(match[2] ?? '', cut);
    return { at: filled(match[1] ?? ''), line: { ...line, at: line.at ?? parseTime(match[1]) } };
  }

  const after = (cursor: ContainerCursor, at: string): ContainerCursor =>
    at > cursor.at ? { ...cursor, at, count: 1 } : at === cursor.at ? { ...cursor, count: cursor.count + 1 } : cursor;

  async function state(session: SshSession, signal: AbortSignal): Promise<{ id: string; running: boolean }> {
    const { stdout } = await read(session, { script: CONTAINER_STATE, args: [name] }, { what, signal });
    const match = /^([0-9a-f]{64}) (true|false)\s*$/m.exec(stdout.toString('utf8'));
    if (match === null) throw new Problem('remote-command-failed', `${what}: docker did not say what it is.`);
    return { id: match[1] ?? '', running: match[2] === 'true' };
  }

  function linesOf(bytes: Buffer): { at: string; line: ParsedLine }[] {
    const splitter = createSplitter(Number.POSITIVE_INFINITY);
    return [...splitter.push(bytes), splitter.flush()].flatMap((batch) =>
      (batch?.lines ?? []).flatMap(({ text, cut }) => stamped(text, cut) ?? []),
    );
  }

  async function* attach(session: SshSession, cursor: ContainerCursor, signal: AbortSignal): AsyncGenerator<SourceEvent, void, void> {
    const nonce = `quarterdeck-${randomBytes(16).toString('hex')}`;
    const stream = await session.stream({ script: FOLLOW_CONTAINER, args: [nonce, name, cursor.at, idle] }, { signal });
    const marks = createMarkReader(nonce);
    const splitter = createSplitter();
    let place = cursor;
    // Docker gives the lines of the cursor's own moment again: so many of them were seen already.
    let seen = cursor.count;
    let said = '';
    for await (const chunk of bytesOf(stream, what, signal)) {
      for (const part of marks.push(chunk)) {
        if ('data' in part) {
          for (const batch of splitter.push(part.data)) {
            const lines: ParsedLine[] = [];
            for (const { text, cut } of batch.lines) {
              const entry = stamped(text, cut);
              if (entry === undefined) said = cleanText(text, { maxLength: 300 });
              else if (entry.at === cursor.at && seen > 0) seen -= 1;
              else {
                place = after(place, entry.at);
                lines.push(entry.line);
              }
            }
            if (lines.length > 0) yield { kind: 'lines', lines, cursor: place };
          }
          continue;
        }
        if (part.mark === 'container') {
          const [id = '', running = ''] = part.words;
          if (place.id !== '' && place.id !== id) {
            yield { kind: 'gap', reason: `the container ${name} was created anew: what the old one wrote last may be missing` };
            // None of what it writes was seen, not even at the same moment.
            seen = 0;
          }
          place = { ...place, id };
          idle = running === 'true' ? '' : id;
          yield running === 'true' ? { kind: 'live' } : { kind: 'live', detail: `the container ${name} is not running` };
        } else if (part.mark === 'missing') {
          const words = cleanText(part.words.join(' '), { maxLength: 300 });
          if (!/no such/i.test(words))
            throw new Problem('remote-command-failed', `${what}: ${words}.`, { hint: 'May this SSH user use docker on the host?' });
          yield { kind: 'live', detail: `there is no container ${name} (yet)` };
          yield { kind: 'again', afterMs: 2000 };
          return;
        } else {
          if (said !== '' && /^error|cannot connect/i.test(said)) throw new Problem('remote-command-failed', `${what}: ${said}.`);
          yield { kind: 'again', afterMs: 500 };
          return;
        }
      }
    }
  }

  return {
    decode: (text) => decodeCursor(text, 'container'),
    attach,
    async cold(session, { tail, filter, signal }) {
      const { id } = await state(session, signal);
      // One line even for none: its time is where the follow begins.
      const { stdout } = await read(
        session,
        { script: CONTAINER_TAIL, args: [name, String(Math.max(1, tail))] },
        { what, signal, maxBytes: 64 * 1024 * 1024, timeoutMs: 120_000 },
      );
      const entries = linesOf(stdout);
      const start: ContainerCursor = { kind: 'container', id, at: '', count: 0 };
      const cursor = await settled(
        session,
        entries.reduce((place, { at }) => after(place, at), start),
        signal,
      );
      if (tail === 0) return { lines: [], cursor };
      if (isEmpty(filter)) return { lines: entries.map(({ line }) => line), cursor };
      const found = await search(session, { filter, limit: tail, signal });
      return { lines: found.entries.filter(({ at }) => at <= cursor.at).map(({ line }) => line), cursor };
    },
    async search(session, options) {
      const { entries, complete, scannedBytes } = await search(session, options);
      return { lines: entries.map(({ line }) => line), complete, scannedBytes };
    },
  };

  /** With few lines of a tail, more of the same moment may stand before them: they count too. */
  async function settled(session: SshSession, cursor: ContainerCursor, signal: AbortSignal): Promise<ContainerCursor> {
    if (cursor.at === '') return cursor;
    const { stdout } = await read(
      session,
      { script: FIND_IN_CONTAINER, args: [name, '', '', '100000', String(FOUND_BYTES), cursor.at, cursor.at] },
      { what, signal, maxBytes: FOUND_BYTES + 1024 },
    );
    const count = linesOf(stdout).filter(({ at }) => at === cursor.at).length;
    return { ...cursor, count: Math.max(cursor.count, count) };
  }

  async function search(
    session: SshSession,
    { filter, limit, signal }: { filter: Parameters<typeof createFilter>[0]; limit: number; signal: AbortSignal },
  ) {
    const hint = prefilter(filter, false);
    const most = Math.max(10_000, limit * 4);
    const time = (at: number | undefined): string => (at === undefined ? '' : new Date(at).toISOString());
    const { stdout } = await read(
      session,
      { script: FIND_IN_CONTAINER, args: [name, hint.folded, hint.exact, String(most), String(FOUND_BYTES), time(filter.since), ''] },
      { what, signal, maxBytes: FOUND_BYTES + 1024, timeoutMs: 10 * 60_000 },
    );
    const entries = linesOf(stdout);
    const passes = createFilter(filter);
    const hits = entries.filter(({ line }) => passes(line));
    const complete = entries.length < most && stdout.length < FOUND_BYTES && hits.length <= limit;
    return { entries: hits.slice(-limit), complete, scannedBytes: stdout.length };
  }
}
