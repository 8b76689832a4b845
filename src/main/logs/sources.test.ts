import { renameSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogFilter } from '../../contract/logs.ts';
import { createContainerSource } from './container-source.ts';
import { followSource } from './follow.ts';
import { createJournaldSource } from './journald-source.ts';
import { localSession } from './test-support/local-session.ts';
import { docker, journalctl, standIns } from './test-support/stand-ins.ts';
import type { SourceReader } from './types.ts';

let room: ReturnType<typeof standIns>;
beforeEach(() => {
  room = standIns({ docker, journalctl });
});
afterEach(() => room.close());

/** Whole or not at all: the stand-ins read while this writes. */
function save(name: string, value: unknown): void {
  writeFileSync(room.path('next'), JSON.stringify(value));
  renameSync(room.path('next'), room.path(name));
}

const definition = { id: 'x', title: 'X', kind: 'container', from: 'web', format: 'json', columns: {} } as const;

function following(reader: SourceReader, options: { tail?: number; filter?: LogFilter; cursor?: string } = {}) {
  const session = localSession({ path: room.dir });
  const stream = followSource({
    reader,
    session: async () => session,
    tail: options.tail ?? 10,
    filter: options.filter ?? {},
    cursor: options.cursor === undefined ? undefined : reader.decode(options.cursor),
    signal: undefined,
    retryMs: () => 20,
  });
  const seen = { messages: [] as string[], gaps: [] as string[], states: [] as string[], cursor: '', times: [] as (number | null)[] };
  const done = (async () => {
    for await (const item of stream) {
      if (item.kind === 'lines') {
        seen.cursor = item.cursor;
        seen.messages.push(...item.lines.map(({ message }) => message));
        seen.times.push(...item.lines.map(({ at }) => at));
      } else if (item.kind === 'gap') seen.gaps.push(item.reason);
      else if (item.kind === 'state') seen.states.push(item.detail ?? item.state);
    }
  })();
  const stop = async (): Promise<void> => {
    await stream.return();
    await done;
  };
  const until = (count: number): Promise<void> =>
    expect.poll(() => seen.messages.length, { timeout: 8000, interval: 10 }).toBeGreaterThanOrEqual(count);
  return { seen, stop, until };
}

describe('a container', () => {
  const stamp = (n: number): string => `2026-01-01T00:00:00.${String(Math.floor(n / 2)).padStart(3, '0')}Z`;
  const id = 'a'.repeat(64);
  // Two lines share each moment.
  const put = (count: number, more: { id?: string | null; running?: boolean; from?: number } = {}): void => {
    const lines = Array.from({ length: count - (more.from ?? 0) }, (_, i) => [stamp(i + (more.from ?? 0)), `line ${i + (more.from ?? 0)}`]);
    save('container.json', { id: more.id === undefined ? id : more.id, running: more.running ?? true, lines });
  };
  const reader = (): SourceReader => createContainerSource({ definition: { ...definition }, from: 'web' }) as unknown as SourceReader;
  const upTo = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `line ${from + i}`);

  it('goes on from a cursor without gap or duplicate, also within one moment', async () => {
    put(11);
    const first = following(reader(), { tail: 3 });
    await first.until(3);
    put(14);
    await first.until(6);
    await first.stop();
    expect(first.seen.messages).toEqual(upTo(6, 8));
    expect(first.seen.times[0]).toBe(Date.UTC(2026, 0, 1, 0, 0, 0, 4));
    for (const count of [14, 15, 16, 19]) {
      put(count + 1);
      const next = following(reader(), { cursor: first.seen.cursor });
      await next.until(count + 1 - 14);
      await next.stop();
      expect(next.seen.messages).toEqual(upTo(count + 1 - 14, 14));
      expect(next.seen.gaps).toEqual([]);
    }
  });

  it('goes on when it starts again, and tells when it was made anew', async () => {
    put(4);
    const reading = following(reader());
    await reading.until(4);
    put(5, { running: false });
    await expect.poll(() => reading.seen.states.at(-1), { timeout: 8000 }).toBe('the container web is not running');
    await reading.until(5);
    put(7);
    await reading.until(7);
    put(9, { id: 'b'.repeat(64), from: 7 });
    await reading.until(9);
    expect(reading.seen.messages).toEqual(upTo(9));
    expect(reading.seen.gaps).toHaveLength(1);
    await reading.stop();
  });

  it('sees a line that came after one with a later time, and each line once', async () => {
    const say = (times: string[], running: boolean): void =>
      save('container.json', { id, running, lines: times.map((at, i) => [`2026-01-01T00:00:0${at}Z`, `line ${i}`]) });
    say(['1.5', '3.002', '3.004'], true);
    const reading = following(reader(), { tail: 1 });
    await reading.until(1);
    await expect.poll(() => reading.seen.states.at(-1)).toBe('live');
    // It is written while nobody looks: the follow has just ended.
    say(['1.5', '3.002', '3.004', '3.003', '3.005'], false);
    await reading.until(3);
    say(['1.5', '3.002', '3.004', '3.003', '3.005', '3.001', '3.005'], true);
    await reading.until(5);
    expect(reading.seen.messages).toEqual(upTo(5, 2));
    await reading.stop();
  });

  it('filters, searches, and says that there is none', async () => {
    put(40);
    const session = localSession({ path: room.dir });
    const found = await reader().search(session, { filter: { text: 'LINE 3' }, limit: 5, signal: new AbortController().signal });
    expect(found).toMatchObject({ complete: false });
    expect(found.lines.map(({ message }) => message)).toEqual(upTo(5, 35));
    const some = following(reader(), { tail: 2, filter: { text: 'line 1' } });
    await some.until(2);
    expect(some.seen.messages).toEqual(['line 18', 'line 19']);
    await some.stop();
    put(0, { id: null });
    await expect(reader().search(session, { filter: {}, limit: 5, signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'remote-command-failed',
      message: expect.stringContaining('No such container'),
    });
    await expect(reader().cold(session, { tail: 1, filter: {}, signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'remote-command-failed',
    });
  });
});

describe('a unit of the journal', () => {
  const put = (from: number, to: number): void => {
    const entries = Array.from({ length: to - from }, (_, i) => ({
      __CURSOR: `s=${from + i + 1}`,
      __REALTIME_TIMESTAMP: String(1767225600000000 + (from + i) * 1e6),
      _SYSTEMD_UNIT: 'ff.service',
      PRIORITY: '3',
      SYSLOG_IDENTIFIER: 'python',
      MESSAGE:
        i % 3 === 0
          ? [...Buffer.from(`line ${from + i}`)]
          : i % 3 === 1
            ? `line ${from + i}`
            : JSON.stringify({ message: `line ${from + i}`, levelname: 'INFO' }),
    }));
    save('journal.json', entries);
  };
  const reader = (): SourceReader =>
    createJournaldSource({ definition: { ...definition, kind: 'journald' }, from: 'ff.service' }) as unknown as SourceReader;

  it('goes on from a cursor without gap or duplicate', async () => {
    put(0, 10);
    const first = following(reader(), { tail: 4 });
    await first.until(4);
    put(0, 13);
    await first.until(7);
    await first.stop();
    expect(first.seen.messages).toEqual([6, 7, 8, 9, 10, 11, 12].map((n) => `line ${n}`));
    expect(first.seen.times[0]).toBe(1767225606000);
    put(0, 20);
    const next = following(reader(), { cursor: first.seen.cursor });
    await next.until(7);
    await next.stop();
    expect(next.seen.messages).toEqual([13, 14, 15, 16, 17, 18, 19].map((n) => `line ${n}`));
    expect(next.seen.gaps).toEqual([]);
  });

  it('says so when the place was vacuumed away', async () => {
    put(0, 5);
    const first = following(reader(), { tail: 1 });
    await first.until(1);
    await first.stop();
    put(8, 12);
    const next = following(reader(), { cursor: first.seen.cursor });
    await next.until(4);
    await next.stop();
    expect(next.seen.gaps).toHaveLength(1);
    expect(next.seen.messages).toEqual([8, 9, 10, 11].map((n) => `line ${n}`));
  });

  it('goes on from now when the place makes no sense to journalctl', async () => {
    put(0, 3);
    const reading = following(reader(), { cursor: JSON.stringify({ kind: 'journald', cursor: 's=bad' }) });
    await expect.poll(() => reading.seen.gaps.length, { timeout: 8000 }).toBe(1);
    await expect.poll(() => reading.seen.states.length).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    put(0, 5);
    await reading.until(2);
    expect(reading.seen.messages).toEqual(['line 3', 'line 4']);
    await reading.stop();
  });

  it('finds by text and level, and begins with nothing when there is nothing', async () => {
    put(0, 30);
    const session = localSession({ path: room.dir });
    const { signal } = new AbortController();
    const found = await reader().search(session, { filter: { text: 'line 2', minLevel: 'error' }, limit: 50, signal });
    expect(found.complete).toBe(true);
    expect(found.lines.map(({ message }) => message)).toEqual(['line 21', 'line 22', 'line 24', 'line 25', 'line 27', 'line 28']);
    put(0, 0);
    const waiting = following(reader());
    await expect.poll(() => waiting.seen.states).toContain('live');
    await new Promise((resolve) => setTimeout(resolve, 300));
    put(0, 2);
    await waiting.until(2);
    await waiting.stop();
  });
});
