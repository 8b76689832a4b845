import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { ActionContext } from '../../../engine/action.ts';
import { PgName } from './place.ts';

/** PostgreSQL cuts longer names off, silently: in bytes. */
const LONGEST = 63;

/** The same for every try of a step of one run, another for every other run. */
export function runKey(context: Pick<ActionContext, 'stepKey'>): string {
  return createHash('sha256')
    .update(context.stepKey.replace(/-(undo)?\d+$/, ''))
    .digest('hex')
    .slice(0, 8);
}

/** `shop` → `shop_restore_1a2b3c4d`, within PostgreSQL's length of names. */
export function siblingName(database: string, role: 'restore' | 'before', key: string): string {
  const end = `_${role}_${key}`;
  let base = database;
  while (Buffer.byteLength(base) + end.length > LONGEST) base = [...base].slice(0, -1).join('');
  return `${base}${end}`;
}

/** The name the database from before keeps: that of the new one, said otherwise. */
export const previousName = (restored: string): string => restored.replace(/_restore_([0-9a-f]{8})$/, '_before_$1');

/** A database that a restore made, and one that a swap put aside. */
export const RestoredName = PgName.refine((name) => /_restore_[0-9a-f]{8}$/.test(name), 'a database that a restore made');
export const PreviousName = PgName.refine((name) => /_before_[0-9a-f]{8}$/.test(name), 'a database that a swap put aside');

/** What a dump holds. */
export const Contents = z.enum(['all', 'schema', 'data']);
export type Contents = z.infer<typeof Contents>;

/** `shop-20261127-230501-a1b2c3.dump`; names the database as far as a file name can. */
export function archiveName(database: string, contents: Contents, at: number): string {
  const base = database.replaceAll(/[^A-Za-z0-9_.-]/g, '_').replace(/^[.-]/, '_');
  const stamp = new Date(at).toISOString().replace(/\..*/, '').replaceAll(/[-:]/g, '').replace('T', '-');
  return `${base}${contents === 'all' ? '' : `-${contents}`}-${stamp}-${randomBytes(3).toString('hex')}.dump`;
}

/** Tables whose contents are compared beside their counts: a list, or words with commas between; `*` is all. */
export const Fingerprints = z
  .union([z.string().max(2000), z.array(z.string().max(130)).max(200)])
  .default('')
  .transform((given) => (typeof given === 'string' ? given.split(',') : given).map((one) => one.trim()).filter((one) => one !== ''));
