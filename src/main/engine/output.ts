import { createHash } from 'node:crypto';
import type { Said } from '../../contract/runs.ts';
import { outputLine } from './words.ts';

/** Bytes of the end that are kept. */
export const KEPT_BYTES = 64 * 1024;
/** A line that does not end is taken in pieces from this length on; so much of it stays back, in characters, for what may still come. */
const LONG_LINE = 16 * 1024;
const HELD_BACK = 4 * 1024;
const LINE_CAP = 8 * 1024;

const clean = (line: string) => outputLine(line, LINE_CAP);

/**
 * Collects what a step says: whole lines, made harmless and redacted before anything keeps or hashes them, so that a secret that came in
 * two pieces is masked as well. The end of it is kept, all of it is counted and hashed.
 */
export function createOutput(redact: (text: string) => string) {
  const hash = createHash('sha256');
  let pending = '';
  let kept = Buffer.alloc(0);
  let bytes = 0;

  function take(raw: string): void {
    // Redacted first, so that cleaning can't hide the shape of a secret; and again, since it may have brought two halves together.
    const text = redact(redact(raw).split('\n').map(clean).join('\n'));
    const data = Buffer.from(text);
    bytes += data.length;
    hash.update(data);
    kept = Buffer.concat([kept, data]);
    // Not at every line: the copy is paid for once in a while.
    if (kept.length > 2 * KEPT_BYTES) kept = Buffer.from(kept.subarray(-KEPT_BYTES));
  }

  /** Where a long line may be cut without cutting a secret: what is masked whole is masked in its two parts alike. */
  function safeCut(line: string): number {
    const whole = redact(line);
    for (let cut = line.length - HELD_BACK; cut > 0; cut -= 1 + Math.floor(HELD_BACK / 8)) {
      if (redact(line.slice(0, cut)) + redact(line.slice(cut)) === whole) return cut;
    }
    return line.length;
  }

  function shown(): { text: string; dropped: number } {
    let end = kept.subarray(-KEPT_BYTES);
    // Never in the middle of a character, and from a line's beginning where there is one nearby.
    if (end.length < bytes) {
      const line = end.indexOf(0x0a);
      if (line >= 0 && line < KEPT_BYTES / 4) end = end.subarray(line + 1);
      while (end.length > 0 && ((end[0] as number) & 0xc0) === 0x80) end = end.subarray(1);
    }
    return { text: end.toString('utf8'), dropped: bytes - end.length };
  }

  return {
    add(text: string): void {
      pending += text.replace(/\r\n?/g, '\n');
      const lines = pending.lastIndexOf('\n') + 1;
      if (lines > 0) {
        take(pending.slice(0, lines));
        pending = pending.slice(lines);
      }
      if (pending.length > LONG_LINE) {
        const cut = safeCut(pending);
        take(pending.slice(0, cut));
        pending = pending.slice(cut);
      }
    },
    /** What was said so far, but for a line that has not ended. Null when nothing was. */
    soFar: (): Said | null => (bytes === 0 ? null : { ...shown(), bytes, sha256: null }),
    /** All of it; nothing is added afterwards. */
    end(): Said | null {
      if (pending !== '') take(pending);
      pending = '';
      return bytes === 0 ? null : { ...shown(), bytes, sha256: hash.copy().digest('hex') };
    },
  };
}

/** See {@link createOutput}. */
export type Output = ReturnType<typeof createOutput>;
