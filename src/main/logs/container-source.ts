import { randomBytes } from 'node:crypto';
import { Problem } from '../../contract/problem.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import { cleanText } from '../drivers/text.ts';
import { before, createContainerMemory, filledTime } from './container-memory.ts';
import type { ContainerCursor } from './cursor.ts';
import { decodeCursor } from './cursor.ts';
import { createFilter, isEmpty, prefilter } from './filter.ts';
import { createMarkReader } from './marks.ts';
import type { ParsedLine } from './parse.ts';
import { createParser } from './parse.ts';
import { createRejoiner } from './rejoin.ts';
import { bytesOf, read } from './remote.ts';
import { CONTAINER_STATE, CONTAINER_TAIL, FIND_IN_CONTAINER, FOLLOW_CONTAINER } from './scripts.ts';
import { createSplitter } from './split.ts';
import { parseTime } from './times.ts';
import type { ResolvedSource, SourceEvent, SourceReader } from './types.ts';

const STAMPED = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z) (.*)$/s;
const STAMP_ONLY = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z)$/;
/** It was there a moment ago: what is there now is looked up. */
const REMOVED = /no such container|marked for removal/i;
const FOUND_BYTES = 16 * 1024 * 1024;

/** A container's log, over the docker command on the host. */
export function createContainerSource(source: ResolvedSource): SourceReader<ContainerCursor> {
  const { from: name } = source;
  const parse = createParser(source.definition);
  const what = `The log of the container ${name}`;
  /** Id of the container that was seen standing still: it is waited for instead of read again and again. */
  let idle = '';
  const memory = createContainerMemory();

  /** A line as `docker logs --timestamps` gives it; undefined when it is docker's own word. */
  function stamped(text: string, cut: boolean): { at: string; line: ParsedLine } | undefined {
    const match = STAMPED.exec(text) ?? STAMP_ONLY.exec(text);
    if (match === null) return undefined;
    const line = parse(match[2] ?? '', cut);
    return { at: filledTime(match[1] ?? ''), line: { ...line, at: line.at ?? parseTime(match[1]) } };
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
    return [...splitter.push(createRejoiner().push(bytes)), splitter.flush()].flatMap((batch) =>
      (batch?.lines ?? []).flatMap(({ text, cut }) => stamped(text, cut) ?? []),
    );
  }

  async function* attach(session: SshSession, cursor: ContainerCursor, signal: AbortSignal): AsyncGenerator<SourceEvent, void, void> {
    const nonce = `quarterdeck-${randomBytes(16).toString('hex')}`;
    // Docker gives some of what was seen already once more.
    const resumed = memory.resume(cursor);
    const stream = await session.stream({ script: FOLLOW_CONTAINER, args: [nonce, name, resumed.since, idle] }, { signal });
    const marks = createMarkReader(nonce);
    const rejoiner = createRejoiner();
    const splitter = createSplitter();
    let place = cursor;
    let again = resumed.again;
    let said = '';
    for await (const chunk of bytesOf(stream, what, signal)) {
      for (const part of marks.push(chunk)) {
        if ('data' in part) {
          for (const batch of splitter.push(rejoiner.push(part.data))) {
            const lines: ParsedLine[] = [];
            for (const { text, cut } of batch.lines) {
              const entry = stamped(text, cut);
              if (entry === undefined) said = cleanText(text, { maxLength: 300 });
              else if (!again(entry.at)) {
                memory.add(entry.at);
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
            memory.clear(place.at);
            again = () => false;
            place = { ...place, id, count: 0 };
            // Told once, also when it is attached to again before a line came.
            yield { kind: 'lines', lines: [], cursor: place };
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
          if (/^error|cannot connect/i.test(said) && !REMOVED.test(said)) throw new Problem('remote-command-failed', `${what}: ${said}.`);
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
      const cursor = await settled(session, { kind: 'container', id, at: '', count: 0 }, entries, signal);
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

  /** The place after a tail. What stands shortly before its last line may come again: that is remembered, too. */
  async function settled(session: SshSession, start: ContainerCursor, entries: readonly { at: string }[], signal: AbortSignal) {
    memory.clear();
    const last = entries.at(-1)?.at;
    if (last === undefined) return start;
    const floor = before(last);
    const { stdout } = await read(
      session,
      { script: FIND_IN_CONTAINER, args: [name, '', '', '100000', String(FOUND_BYTES), floor] },
      { what, signal, maxBytes: FOUND_BYTES + 1024 },
    );
    const near = linesOf(stdout);
    const known = near.slice(0, near.findLastIndex(({ at }) => at === last) + 1);
    memory.clear(known.length === 0 ? last : floor);
    let cursor = start;
    for (const { at } of known.length === 0 ? entries : known) {
      cursor = after(cursor, at);
      memory.add(at);
    }
    return cursor;
  }

  async function search(
    session: SshSession,
    { filter, limit, signal }: { filter: Parameters<typeof createFilter>[0]; limit: number; signal: AbortSignal },
  ) {
    const hint = prefilter(filter, false);
    const most = Math.max(10_000, limit * 4);
    const time = (at: number | undefined): string => (at === undefined ? '' : new Date(at).toISOString());
    // The script itself finds nothing when there is nothing to look into.
    await state(session, signal);
    const { stdout } = await read(
      session,
      { script: FIND_IN_CONTAINER, args: [name, hint.folded, hint.exact, String(most), String(FOUND_BYTES), time(filter.since)] },
      { what, signal, maxBytes: FOUND_BYTES + 1024, timeoutMs: 10 * 60_000 },
    );
    const entries = linesOf(stdout);
    const passes = createFilter(filter);
    const hits = entries.filter(({ line }) => passes(line));
    const complete = entries.length < most && stdout.length < FOUND_BYTES && hits.length <= limit;
    return { entries: hits.slice(-limit), complete, scannedBytes: stdout.length };
  }
}
