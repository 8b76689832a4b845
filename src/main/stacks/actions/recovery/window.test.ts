import { describe, expect, it } from 'vitest';
import { formatInstant, parseInstant, postgresTime } from './time.ts';
import { formatLsn, parseArchiveName, parseHeaders, parseHistory, parseLsn, segmentName, segmentOf } from './wal.ts';
import type { Archive, BaseBackup, Window } from './window.ts';
import { followWal, outsideText, windowFor, windowText } from './window.ts';

const MiB = 0x10_0000;
const system = '7445000000000000001';
const at = (text: string) => parseInstant(text) as number;

const base: BaseBackup = {
  name: 'b1',
  path: '/bases/b1',
  system,
  major: 15,
  segmentBytes: MiB,
  timeline: 1,
  start: parseLsn('0/700028') as bigint,
  end: parseLsn('0/700100') as bigint,
  stoppedAt: at('2026-11-27T02:00:00Z'),
  bytes: 1,
  wal: [],
  tablespaces: false,
  ours: true,
};

function archive(names: readonly string[], change: Partial<Archive> = {}): Archive {
  return {
    files: names.map((name) => ({ name, bytes: name.endsWith('.history') ? 40 : MiB, modifiedAt: at('2026-11-27T03:00:00Z') })),
    histories: new Map(),
    headers: names.flatMap((name) => {
      const parsed = parseArchiveName(name);
      return parsed.kind === 'segment' ? [{ timeline: parsed.timeline, segment: parsed.high * 4096 + parsed.low, system }] : [];
    }),
    ...change,
  };
}
const segments = (timeline: number, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => segmentName(timeline, from + index, MiB));

describe('names and positions', () => {
  it('reads what PostgreSQL writes, and nothing else', () => {
    expect(parseArchiveName('00000001000000000000002F')).toEqual({ kind: 'segment', timeline: 1, high: 0, low: 47 });
    expect(parseArchiveName('0000000A0000000100000000.partial')).toMatchObject({ kind: 'partial', timeline: 10, high: 1 });
    expect(parseArchiveName('000000010000000000000007.00000028.backup')).toEqual({ kind: 'backup', timeline: 1 });
    expect(parseArchiveName('00000002.history')).toEqual({ kind: 'history', timeline: 2 });
    for (const other of ['000000010000000000000007.gz', '000000010000000000000007.part', 'README', '00000001000000000000000g'])
      expect(parseArchiveName(other)).toEqual({ kind: 'other' });
  });

  it('names segments of any size across the border of 4 GiB', () => {
    expect(segmentName(1, 255, 16 * MiB)).toBe('0000000100000000000000FF');
    expect(segmentName(1, 256, 16 * MiB)).toBe('000000010000000100000000');
    expect(segmentName(3, 4096, MiB)).toBe('000000030000000100000000');
    expect(segmentOf(parseLsn('1/00000028') as bigint, 16 * MiB)).toBe(256);
    expect(formatLsn(parseLsn('1A/2B000028') as bigint)).toBe('1A/2B000028');
    expect(parseLsn('1A2B')).toBeUndefined();
  });

  it('reads a history and the first page of a segment', () => {
    expect(parseHistory('1\t0/E00000\tno recovery target specified\n\n2\t0/F000A0\tbefore 2026-11-27 03:00:00\n')).toEqual([
      { timeline: 1, end: 0xe00000n },
      { timeline: 2, end: 0xf000a0n },
    ]);
    const page = Buffer.alloc(40);
    page.writeUInt16LE(0xd110, 0);
    page.writeUInt32LE(2, 4);
    page.writeBigUInt64LE(0xe00000n, 8);
    page.writeBigUInt64LE(BigInt(system), 24);
    page.writeUInt32LE(MiB, 32);
    expect(parseHeaders(Buffer.concat([Buffer.alloc(40), page]))).toEqual([{ timeline: 2, segment: 14, system }]);
  });
});

describe('times', () => {
  it('needs a zone, and keeps microseconds', () => {
    expect(parseInstant('2026-11-27 03:00:00')).toBeUndefined();
    expect(parseInstant('2026-02-30T03:00:00Z')).toBeUndefined();
    expect(formatInstant(at('2026-11-27T05:30:00.123456+02:30'))).toBe('2026-11-27T03:00:00.123456Z');
    expect(at('2026-11-27 23:04:50.638797 UTC')).toBe(at('2026-11-27T23:04:50.638797Z'));
    expect(at('2026-11-27 23:04:50.638797+00')).toBe(at('2026-11-27T23:04:50.638797Z'));
    expect(postgresTime(at('2026-11-27T03:00:00.5Z'))).toBe('2026-11-27 03:00:00.5+00');
  });
});

describe('the WAL from a base backup on', () => {
  it('goes to the end of the archive when nothing is missing', () => {
    const chain = followWal(base, archive(segments(1, 5, 12)), 1);
    expect(chain?.segments).toEqual(segments(1, 7, 12));
    expect(chain?.gap).toBeUndefined();
  });

  it('ends before the segment that is missing, cut, zeroed, or of another cluster', () => {
    const names = segments(1, 7, 12);
    const hole = names.filter((name) => name !== segmentName(1, 9, MiB));
    expect(followWal(base, archive(hole), 1)).toMatchObject({
      segments: segments(1, 7, 8),
      gap: { name: '000000010000000000000009', why: 'missing' },
    });
    const whole = archive(names);
    const cut = { ...whole, files: whole.files.map((file, index) => (index === 3 ? { ...file, bytes: 1000 } : file)) };
    expect(followWal(base, cut, 1)?.gap).toEqual({ name: segmentName(1, 10, MiB), why: 'short' });
    expect(followWal(base, { ...whole, headers: whole.headers.slice(0, 2) }, 1)?.gap).toEqual({
      name: segmentName(1, 9, MiB),
      why: 'damaged',
    });
    const foreign = whole.headers.map((header) => (header.segment === 8 ? { ...header, system: '1' } : header));
    expect(followWal(base, { ...whole, headers: foreign }, 1)?.gap).toEqual({ name: segmentName(1, 8, MiB), why: 'foreign' });
    expect(followWal(base, whole, 1, new Set([segmentName(1, 12, MiB)]))?.segments).toEqual(segments(1, 7, 11));
  });

  it('does not take a partial segment, and takes what the base backup brings itself', () => {
    const partial = archive([...segments(1, 7, 8), `${segmentName(1, 9, MiB)}.partial`]);
    expect(followWal(base, partial, 1)).toMatchObject({ segments: segments(1, 7, 8), gap: undefined });
    const own = { ...base, wal: segments(1, 7, 7) };
    expect(followWal(own, archive(segments(1, 8, 9)), 1)?.segments).toEqual(segments(1, 7, 9));
    expect(followWal(base, archive(segments(1, 8, 9)), 1)?.gap?.name).toBe(segmentName(1, 7, MiB));
  });

  it('follows a promotion into the newer timeline, and never the WAL that was left behind', () => {
    const histories = new Map([[2, parseHistory('1\t0/900060\tbefore')]]);
    const names = [...segments(1, 7, 14), ...segments(2, 9, 10)];
    const chain = followWal(base, archive(names, { histories }), 2);
    expect(chain?.segments).toEqual([...segments(1, 7, 8), ...segments(2, 9, 10)]);
    const lost = followWal(base, archive([...segments(1, 7, 14), ...segments(2, 11, 11)], { histories }), 2);
    expect(lost).toMatchObject({ segments: segments(1, 7, 9), gap: { name: segmentName(2, 10, MiB), why: 'missing' } });
    expect(followWal({ ...base, end: 0x900070n }, archive(names, { histories }), 2)).toBeUndefined();
    expect(followWal({ ...base, timeline: 3 }, archive(names, { histories }), 2)).toBeUndefined();
    expect(followWal(base, archive(names, { histories }), 1)?.segments).toEqual(segments(1, 7, 14));
  });
});

describe('windows', () => {
  const gap = { name: '00000001000000000000002F', why: 'missing' } as const;
  const window = (name: string, from: string, to: string, more: Partial<Window> = {}): Window => ({
    base: { ...base, name },
    timeline: 1,
    segments: segments(1, 7, 43),
    gap: undefined,
    from: at(from),
    to: at(to),
    exact: true,
    ...more,
  });
  const first = window('b1', '2026-11-27T02:00:00Z', '2026-11-27T03:00:00Z', { gap });
  const second = window('b2', '2026-11-27T04:00:00Z', '2026-11-27T05:00:00Z');

  it('takes the newest base backup before the target, and includes both ends', () => {
    expect(windowFor([first, second], at('2026-11-27T02:00:00Z'))?.base.name).toBe('b1');
    expect(windowFor([first, second], at('2026-11-27T05:00:00Z'))?.base.name).toBe('b2');
    for (const outside of ['2026-11-27T01:59:59.999999Z', '2026-11-27T03:30:00Z', '2026-11-27T05:00:00.000001Z'])
      expect(windowFor([first, second], at(outside)), outside).toBeUndefined();
  });

  it('says why a target can’t be reached', () => {
    expect(outsideText([first, second], at('2026-11-27T01:00:00Z'))).toContain('before the first base backup');
    expect(outsideText([first, second], at('2026-11-27T03:30:00Z'))).toContain('00000001000000000000002F is missing');
    expect(outsideText([first, second], at('2026-11-27T06:00:00Z'))).toContain('the last transaction in it is of 2026-11-27T05:00:00Z');
    expect(outsideText([], at('2026-11-27T06:00:00Z'))).toContain('no base backup');
    expect(windowText(first)).toBe(
      'Base backup of 2026-11-27T02:00:00Z + 37 segments of WAL: up to 2026-11-27T03:00:00Z. Gap: 00000001000000000000002F is missing; nothing after it can be reached.',
    );
  });
});
