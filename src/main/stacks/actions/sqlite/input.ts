import { z } from 'zod';
import { BackupFact, fact, RemotePath } from '../tools.ts';

/** What most actions of the family are given: the live file and the folder of its backups. */
export const placeInput = { db: RemotePath, folder: RemotePath };

/** An optional path: empty when there is none. */
export const OptionalPath = z.union([z.literal(''), RemotePath]).default('');
export const HashFact = fact(z.string().regex(/^[0-9a-f]{64}$/));
export const PathFact = fact(RemotePath);
export const TextFact = fact(z.string().max(4096));

/** What becomes of a live database that is damaged: no backup of it, or its bytes as they are. */
export const Damaged = z.enum(['refuse', 'keep']).default('refuse');

/** `orders=1000`: the backup must have at least so many rows there. */
export const MinRows = z.array(z.union([z.literal(''), z.string().regex(/^[^=]{1,60}=\d{1,15}$/, 'table=rows')])).default([]);

/** The tables that have too few rows, in words. */
export function tooFew(wanted: readonly string[], tables: Readonly<Record<string, number>>): string[] {
  return wanted
    .filter((text) => text !== '')
    .flatMap((text) => {
      const [table = '', least = ''] = text.split('=');
      const rows = tables[table];
      if (rows === undefined) return [`there is no table ${table}`];
      return rows < Number(least) ? [`${table} has ${rows} rows, at least ${least} are wanted`] : [];
    });
}

export { BackupFact };
