import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shellQuote, shellQuoteAll } from './quote.ts';

/** What a real shell makes of the words: NUL-separated, so that nothing is lost in printing. */
function words(quoted: string): Buffer {
  const run = spawnSync('/bin/sh', ['-s'], { input: `set -- ${quoted}\nfor w in "$@"; do printf '%s\\000' "$w"; done\n` });
  expect(run.stderr.toString()).toBe('');
  return run.stdout;
}

describe('shellQuote', () => {
  it.each(['', ' ', "'", "''", '$(id)', '`id`', '\\', 'a\nb', '!', '*', '-n', '"', '\\n', "\\'", '\u001b[0m', 'é😀'])(
    'carries %j',
    (word) => expect(words(shellQuote(word)).toString()).toBe(`${word}\0`),
  );

  it('carries any words through a real shell, byte for byte', () => {
    const word = fc
      .string({
        unit: fc.oneof(
          fc.constantFrom("'", '"', '\\', '$', '`', '\n', ' ', ';', '&', '!', '*'),
          fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
        ),
        maxLength: 30,
      })
      .filter((w) => !w.includes('\0'));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (list) => {
        expect(words(shellQuoteAll(list)).equals(Buffer.from(list.map((w) => `${w}\0`).join('')))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses NUL', () => expect(() => shellQuote('a\0b')).toThrow(TypeError));
});
