import { z } from 'zod';
import { Problem } from '../../contract/problem.ts';

const digits = z.string().regex(/^\d{1,20}$/);

/** After byte `offset` of the file with that inode; the checksum of the `tail` bytes before it proves that it is still that file. */
export const FileCursor = z.strictObject({
  kind: z.literal('file'),
  inode: digits,
  offset: z.int().nonnegative(),
  tail: z.int().min(0).max(256),
  sum: digits,
});
export type FileCursor = z.infer<typeof FileCursor>;

/** After the `count`th line of time `at` of that container. */
export const ContainerCursor = z.strictObject({
  kind: z.literal('container'),
  id: z.string().regex(/^[0-9a-f]{0,64}$/),
  at: z.string().regex(/^(\d{4}-\d\d-\d\dT[\d:.]{8,18}Z)?$/),
  count: z.int().nonnegative(),
});
export type ContainerCursor = z.infer<typeof ContainerCursor>;

/** After that entry of the journal; an empty cursor is its end at the time of asking. */
export const JournaldCursor = z.strictObject({ kind: z.literal('journald'), cursor: z.string().regex(/^[A-Za-z0-9=;_-]{0,500}$/) });
export type JournaldCursor = z.infer<typeof JournaldCursor>;

const Cursor = z.discriminatedUnion('kind', [FileCursor, ContainerCursor, JournaldCursor]);
export type Cursor = z.infer<typeof Cursor>;

export const encodeCursor = (cursor: Cursor): string => JSON.stringify(cursor);

/** Reads a cursor that came back from a caller. @throws Problem `bad-input` */
export function decodeCursor<K extends Cursor['kind']>(text: string, kind: K): Extract<Cursor, { kind: K }> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = Cursor.safeParse(value);
  if (!parsed.success || parsed.data.kind !== kind)
    throw new Problem('bad-input', 'That place in the log is not one of this source.', { hint: 'Follow it anew, without a cursor.' });
  return parsed.data as Extract<Cursor, { kind: K }>;
}

const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index << 24;
  for (let bit = 0; bit < 8; bit++) value = (value & 0x80000000) !== 0 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value >>> 0;
});

/** The checksum of POSIX `cksum`, which every host has. */
export function posixSum(bytes: Uint8Array): string {
  let sum = 0;
  const step = (byte: number): void => {
    sum = ((sum << 8) ^ (table[((sum >>> 24) ^ byte) & 0xff] ?? 0)) >>> 0;
  };
  for (const byte of bytes) step(byte);
  for (let length = bytes.length; length > 0; length = Math.floor(length / 256)) step(length & 0xff);
  return String(~sum >>> 0);
}
