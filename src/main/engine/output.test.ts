import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../journal/redactor.ts';
import { createOutput, KEPT_BYTES } from './output.ts';

const sha = (text: string) => createHash('sha256').update(text).digest('hex');
const plain = (text: string) => text;

describe('what a step says', () => {
  it('is counted, hashed, and shown as far as its lines have ended', () => {
    const output = createOutput(plain);
    expect(output.soFar()).toBeNull();
    expect(createOutput(plain).end()).toBeNull();
    output.add('one\ntw');
    expect(output.soFar()).toEqual({ text: 'one\n', bytes: 4, dropped: 0, sha256: null });
    output.add('o\r\nthree');
    expect(output.end()).toEqual({ text: 'one\ntwo\nthree', bytes: 13, dropped: 0, sha256: sha('one\ntwo\nthree') });
  });

  it('keeps the end of much, and hashes all of it', () => {
    const output = createOutput(plain);
    const lines = Array.from({ length: 10_000 }, (_, n) => `line ${n} — é\n`);
    for (const line of lines) output.add(line);
    const said = output.end();
    const all = lines.join('');
    expect(said).toMatchObject({ bytes: Buffer.byteLength(all), sha256: sha(all) });
    expect(Buffer.byteLength(said?.text ?? '')).toBeLessThanOrEqual(KEPT_BYTES);
    expect(said?.text.endsWith('line 9999 — é\n')).toBe(true);
    expect(said?.text.startsWith('line ')).toBe(true);
    expect(said?.dropped).toBe(Buffer.byteLength(all) - Buffer.byteLength(said?.text ?? ''));
  });

  it('never shows a secret, however it came in pieces', () => {
    const redactor = createRedactor();
    redactor.register('hunter2-hunter2');
    for (let cut = 1; cut < 20; cut += 1) {
      const output = createOutput(redactor.text);
      const text = 'x hunter2-hunter2 y\n';
      for (let at = 0; at < text.length; at += cut) {
        output.add(text.slice(at, at + cut));
        expect(output.soFar()?.text ?? '').not.toContain('hunter');
      }
      expect(output.end()?.text).toBe('x ‹secret› y\n');
    }
  });

  it('never shows a secret in a line without an end', () => {
    const redactor = createRedactor();
    redactor.register('hunter2-hunter2');
    const output = createOutput(redactor.text);
    for (let n = 0; n < 2000; n += 1) output.add('ab hunter2-hunter2 ');
    expect(output.soFar()?.text).not.toContain('hunter');
    expect(output.end()?.text).not.toContain('hunter');
  });

  it('is harmless text', () => {
    const output = createOutput(plain);
    output.add('\u001b]0;title\u0007a\u001b[31mb\u202ec\n\u001b]0;never ends\nnext\n');
    expect(output.end()?.text).toBe('abc\n\nnext\n');
  });
});
