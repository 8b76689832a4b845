// biome-ignore-all lint/suspicious/noControlCharactersInRegex: control characters are what this file is about.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanText } from './text.ts';

describe('cleanText', () => {
  it.each([
    ['plain', 'plain'],
    ['\u001b[31mred\u001b[0m', 'red'],
    ['\u001b]0;owned\u0007title', 'title'],
    ['\u001b]8;;https://evil\u001b\\link\u001b]8;;\u001b\\', 'link'],
    ['\u001bPq#0payload\u001b\\x', 'x'],
    ['\u009b31mx\u009d0;t\u009cy', 'xy'],
    ['a\u001b]0;never ends', 'a'],
    ['admin\u202etxt.exe', 'admintxt.exe'],
    ['a\u2066b\u2069c\u200bd', 'abcd'],
    ['one\r\ntwo\tthree', 'one two three'],
    ['bell\u0007 null\u0000', 'bell null'],
    ['half \ud83d', 'half \ufffd'],
    ['\u001b\u0007[31mx', '[31mx'],
  ])('cleans %j', (from, to) => expect(cleanText(from)).toBe(to));

  it('keeps line breaks and tabs when asked', () => expect(cleanText('a\r\nb\tc\u0085d', { multiline: true })).toBe('a\nb\tc\nd'));

  it('caps the length and marks the cut', () => {
    expect(cleanText('x'.repeat(50), { maxLength: 10 })).toBe(`${'x'.repeat(9)}…`);
    expect(cleanText(`12345678😀tail`, { maxLength: 10 })).toBe('12345678…');
  });

  it('never lets a control through, is bounded, and is its own fixed point', () => {
    const hostile = fc.string({
      unit: fc.oneof(
        fc.constantFrom('\u001b', '[', ']', ';', 'm', 'P', '\\', '\u0007', '\u009b', '\u009c', '\u202e', '\n', '\r', '\t', '0'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
      maxLength: 60,
    });
    fc.assert(
      fc.property(hostile, fc.boolean(), (text, multiline) => {
        const clean = cleanText(text, { multiline, maxLength: 40 });
        expect(clean.length).toBeLessThanOrEqual(40);
        expect(clean).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        if (!multiline) expect(clean).not.toMatch(/[\n\t]/);
        expect(cleanText(clean, { multiline, maxLength: 40 })).toBe(clean);
      }),
    );
  });
});
