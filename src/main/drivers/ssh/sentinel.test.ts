import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSentinelFilter, createStartFilter } from './sentinel.ts';

const mark = 'quarterdeck-0123456789abcdef';
// Bytes that look like the mark's beginning, so that false starts are common.
const noise = fc.string({
  unit: fc.constantFrom('q', 'u', 'a', 'quarterdeck-', '\n', ' ', '0', 'quarterdeck-0123456789abcde'),
  maxLength: 12,
});
const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 40 });

function pieces(text: string, sizes: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text);
  const list: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    list.push(bytes.subarray(at, at + size));
    at += size;
  }
  return list;
}

describe('the mark of completion', () => {
  it('is taken out wherever it is split, with its code', () => {
    fc.assert(
      fc.property(noise, noise, fc.integer({ min: 0, max: 255 }), cuts, (before, after, code, sizes) => {
        const filter = createSentinelFilter(mark);
        const out = pieces(`${before}${mark} ${code}\n${after}`, sizes).map((piece) => filter.push(piece).toString());
        expect(out.join('') + filter.flush().toString()).toBe(before + after);
        expect(filter.exitCode).toBe(code);
      }),
    );
  });

  it('is not believed without its code, holds nothing back then, and is seen when it comes', () => {
    const filter = createSentinelFilter(mark);
    expect(filter.push(Buffer.from(`${mark} x`)).toString()).toBe(`${mark} x`);
    expect(filter.push(Buffer.from(`${mark} 12`)).toString()).toBe('');
    expect(filter.push(Buffer.from(`34 ${mark}${mark} 1`)).toString()).toBe(`${mark} 1234 ${mark}`);
    expect(filter.push(Buffer.from('7\nrest')).toString()).toBe('rest');
    expect(filter.exitCode).toBe(17);
  });

  it('is not seen where it is not, and nothing is lost', () => {
    fc.assert(
      fc.property(noise, cuts, (text, sizes) => {
        const filter = createSentinelFilter(mark);
        const out = pieces(text, sizes).map((piece) => filter.push(piece).toString());
        expect(out.join('') + filter.flush().toString()).toBe(text);
        expect(filter.exitCode).toBeUndefined();
      }),
    );
  });

  it('begins the output after what start-up files print', () => {
    fc.assert(
      fc.property(noise, noise, cuts, (before, after, sizes) => {
        const filter = createStartFilter(mark);
        const out = pieces(`${before}${mark}\n${after}`, sizes).map((piece) => filter.push(piece).toString());
        expect(out.join('')).toBe(after);
        expect(filter.noise().toString()).toBe(before);
      }),
    );
  });
});
