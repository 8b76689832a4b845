import { randomBytes } from 'node:crypto';

/** An id that sorts by creation: a letter, the time in base 36, and 50 random bits. */
export function newId(prefix: string, now: number): string {
  const random = randomBytes(8).toString('hex').slice(0, 12);
  return `${prefix}-${now.toString(36).padStart(9, '0')}-${random}`;
}
