import { describe, expect, it } from 'vitest';
import type { LogItem } from '../../contract/logs.ts';
import { Problem } from '../../contract/problem.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import { followSource } from './follow.ts';
import { createParser } from './parse.ts';
import type { SourceEvent, SourceReader } from './types.ts';

const parse = createParser({ format: 'text', columns: {} });
const cursor = (offset: number) => ({ kind: 'file', inode: '1', offset, tail: 0, sum: '0' }) as const;
const lines = (from: number, count: number): SourceEvent => ({
  kind: 'lines',
  lines: Array.from({ length: count }, (_, i) => parse(`line ${from + i}`, false)),
  cursor: cursor(from + count),
});

function reader(attach: SourceReader['attach']): SourceReader {
  return {
    attach,
    decode: () => cursor(0),
    search: async () => ({ lines: [], complete: true, scannedBytes: 0 }),
    cold: async () => ({ lines: [parse('cold', false)], cursor: cursor(0) }),
  };
}
const follow = (source: SourceReader, session: () => Promise<SshSession> = async () => ({}) as SshSession, signal?: AbortSignal) =>
  followSource({ reader: source, session, tail: 1, filter: {}, cursor: undefined, signal, retryMs: () => 1 });

const never = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())));

describe('followSource', () => {
  it('tells a slow reader how much it lost, and numbers what it gets without holes', async () => {
    let ended = false;
    const stream = follow(
      reader(async function* (_, __, signal) {
        for (let n = 0; n < 100_000; n += 1000) yield lines(n, 1000);
        yield lines(100_000, 1);
        await never(signal);
        ended = true;
      }),
    );
    const items: LogItem[] = [];
    await new Promise((resolve) => setTimeout(resolve, 100));
    while (!items.some((item) => item.kind === 'lines' && item.lines.at(-1)?.message === 'line 100000')) {
      const { value } = await stream.next();
      if (value !== undefined) items.push(value);
    }
    const dropped = items.reduce((sum, item) => sum + (item.kind === 'dropped' ? item.count : 0), 0);
    const got = items.flatMap((item) => (item.kind === 'lines' ? item.lines : []));
    expect(dropped).toBeGreaterThan(0);
    expect(dropped + got.length).toBe(100_002);
    expect(got.map(({ seq }) => seq)).toEqual(got.map((_, index) => index));
    expect(Math.max(...items.map((item) => (item.kind === 'lines' ? item.lines.length : 0)))).toBeLessThanOrEqual(2000);
    await stream.return();
    await expect.poll(() => ended).toBe(true);
  });

  it('goes on from the newest cursor after the connection was lost', async () => {
    const from: number[] = [];
    let tries = 0;
    const stream = follow(
      reader(async function* (_, place, signal) {
        from.push((place as { offset: number }).offset);
        yield { kind: 'live' };
        yield lines(from.length * 10, 10);
        if (from.length < 3) throw new Problem('ssh-connection-lost', 'gone');
        await never(signal);
      }),
      async () => {
        tries += 1;
        if (tries === 2) throw new Problem('not-connected', 'not yet');
        return {} as SshSession;
      },
    );
    const got: string[] = [];
    for await (const item of stream) {
      if (item.kind === 'lines') got.push(...item.lines.map(({ message }) => message));
      if (got.length >= 31) break;
    }
    expect(from).toEqual([0, 20, 30]);
    expect(got).toEqual(['cold', ...Array.from({ length: 30 }, (_, i) => `line ${10 + i}`)]);
  });

  it('ends with the problem when waiting would not help', async () => {
    const stream = follow(
      reader(async function* () {
        yield { kind: 'live' };
        throw new Problem('remote-permission-denied', 'no');
      }),
    );
    await expect(
      (async () => {
        for await (const item of stream) void item;
      })(),
    ).rejects.toMatchObject({ code: 'remote-permission-denied' });
  });

  it('ends at once when its caller is gone, even before the first read', async () => {
    const gone = new AbortController();
    let ended = false;
    const stream = follow(
      reader(async function* (_, __, signal) {
        yield { kind: 'live' };
        await never(signal);
        ended = true;
      }),
      undefined,
      gone.signal,
    );
    await new Promise((resolve) => setTimeout(resolve, 30));
    gone.abort();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    await expect.poll(() => ended).toBe(true);
    expect(
      await follow(
        reader(async function* () {}),
        undefined,
        AbortSignal.abort(),
      ).next(),
    ).toEqual({ done: true, value: undefined });
  });
});
