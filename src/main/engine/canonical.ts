import { createHash } from 'node:crypto';

/**
 * One text for one value: keys sorted by code unit, no spaces, absent members left out. What is hashed is this text.
 * @throws TypeError on what JSON can't hold (functions, NaN, bigint): a hash must never cover less than was given.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('A number that JSON cannot hold.');
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item: unknown) => canonicalJson(item)).join(',')}]`;
  if (typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  throw new TypeError(`A ${typeof value} is not JSON.`);
}

/** Lower-case hex SHA-256 of a text or bytes. */
export function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** SHA-256 of {@link canonicalJson}. */
export function canonicalHash(value: unknown): string {
  return sha256(canonicalJson(value));
}
