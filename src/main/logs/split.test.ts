import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor, posixSum } from './cursor.ts';
import { createMarkReader } from './marks.ts';
import { createSplitter } from './split.ts';

const chunked = (bytes: Buffer, cuts: readonly number[]): Buffer[] => {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : places[index - 1], end));
};

describe('splitting', () => {
  it('gives the same lines, bytes and tail however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 40 }).map((text) => text.replaceAll('\n', '').replace(/\r$/, ''))),
        fc.string({ maxLength: 20 }),
        fc.array(fc.nat(2000)),
        (lines, rest, cuts) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join('') + rest.replaceAll('\n', ''));
          const splitter = createSplitter(3);
          const batches = chunked(bytes, cuts).flatMap((chunk) => [...splitter.push(chunk)]);
          const whole = Buffer.byteLength(lines.map((line) => `${line}\n`).join(''));
          expect(batches.flatMap((batch) => batch.lines.map(({ text }) => text))).toEqual(lines);
          expect(batches.reduce((sum, batch) => sum + batch.bytes, 0)).toBe(whole);
          if (batches.length > 0) expect(batches.at(-1)?.tail).toEqual(bytes.subarray(Math.max(0, whole - 256), whole));
        },
      ),
    );
  });

  it('bounds what it keeps of an endless line, and counts all of it', () => {
    const splitter = createSplitter();
    for (let i = 0; i < 200; i++) expect([...splitter.push(Buffer.alloc(65_536, 120))]).toEqual([]);
    const [batch] = [...splitter.push(Buffer.from('end\nnext\n'))];
    expect(batch?.lines.map(({ text, cut }) => [text.length, cut])).toEqual([
      [65_536, true],
      [4, false],
    ]);
    expect(batch?.bytes).toBe(200 * 65_536 + 9);
  });
});

describe('marks', () => {
  it('are found however the bytes are cut, and nothing else is changed', () => {
    const nonce = 'quarterdeck-0123456789abcdef';
    const part = fc.oneof(fc.string({ maxLength: 30 }), fc.constantFrom('quarterdeck-', '\n', 'quarterdeck-0123456789abcde', `${nonce}!`));
    fc.assert(
      fc.property(fc.array(fc.tuple(part, fc.boolean())), fc.array(fc.nat(3000)), (parts, cuts) => {
        const bytes = Buffer.from(parts.map(([text, marked]) => `${text}${marked ? `${nonce} file 1 2\n` : ''}`).join(''));
        const reader = createMarkReader(nonce);
        const seen = chunked(bytes, cuts).flatMap((chunk) => [...reader.push(chunk)]);
        const marks = seen.filter((one) => 'mark' in one);
        expect(marks).toHaveLength(parts.filter(([, marked]) => marked).length);
        for (const mark of marks) expect(mark).toEqual({ mark: 'file', words: ['1', '2'] });
        const data = Buffer.concat(seen.flatMap((one) => ('data' in one ? [one.data] : []))).toString();
        const wanted = parts.map(([text]) => text).join('');
        // What could be the beginning of a mark is held back at the very end.
        expect(wanted.startsWith(data) && wanted.length - data.length < nonce.length + 1).toBe(true);
      }),
    );
  });
});

describe('cursors', () => {
  it('have the checksum that cksum has', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('a'), Buffer.from('hello\nworld\n'), Buffer.alloc(256, 200)]) {
      expect(posixSum(bytes)).toBe(execFileSync('cksum', { input: bytes }).toString().split(' ')[0]);
    }
  });

  it('survive their way, and others are refused', () => {
    const cursor = { kind: 'file', inode: '12', offset: 34, tail: 5, sum: '678' } as const;
    expect(decodeCursor(encodeCursor(cursor), 'file')).toEqual(cursor);
    for (const bad of [
      '',
      '{}',
      'null',
      '{"kind":"file","inode":"1; rm","offset":0,"tail":0,"sum":"0"}',
      encodeCursor(cursor).replace('34', '-1'),
    ]) {
      expect(() => decodeCursor(bad, 'file')).toThrow(expect.objectContaining({ code: 'bad-input' }));
    }
    expect(() => decodeCursor(encodeCursor(cursor), 'container')).toThrow();
  });
});
