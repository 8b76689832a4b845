import { describe, expect, it } from 'vitest';
import { createRejoiner } from './rejoin.ts';

const stamp = '2026-01-01T00:00:00.000000001Z ';
/** As docker writes a line: its time before each piece of 16 KiB. */
const asDocker = (body: string): string => {
  const bytes = Buffer.from(body);
  const pieces = Array.from({ length: Math.max(1, Math.ceil(bytes.length / 16_384)) }, (_, i) =>
    bytes.subarray(i * 16_384, (i + 1) * 16_384),
  );
  // A line that fills its last piece has an empty one after it.
  if (bytes.length > 0 && bytes.length % 16_384 === 0) pieces.push(Buffer.alloc(0));
  return `${pieces.map((piece) => stamp + piece.toString('latin1')).join('')}\n`;
};
const joined = (text: string, size: number): string => {
  const rejoiner = createRejoiner();
  const bytes = Buffer.from(text, 'latin1');
  const kept: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) kept.push(rejoiner.push(bytes.subarray(at, at + size)));
  return Buffer.concat(kept).toString();
};

describe('lines that docker keeps in pieces', () => {
  const bodies = [
    'short',
    '',
    'é'.repeat(20_001),
    'x'.repeat(16_384),
    'y'.repeat(16_383),
    'z'.repeat(16_385),
    'a b '.repeat(20_000),
    'end',
  ];
  it.each([1, 7, 31, 4096, 16_384, 1_000_000])('are whole again, read by %i bytes', (size) => {
    expect(joined(bodies.map(asDocker).join(''), size)).toBe(bodies.map((body) => `${stamp}${body}\n`).join(''));
  });

  it('stay as they are when another time stands there, or none', () => {
    const other = `${stamp}${'x'.repeat(16_384)}2026-01-01T00:00:00.000000002Z more\n`;
    const plain = `${stamp}${'x'.repeat(40_000)}\nError response from daemon: no\n\n${'w'.repeat(100)} ${'v'.repeat(20_000)}\n`;
    for (const size of [1, 1000, 100_000]) expect(joined(other + plain, size)).toBe(other + plain);
  });
});
