import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { ActionContext } from '../../../engine/action.ts';

/** Eight hex digits that belong to this step of this run, whichever try it is: the same step finds its own files again. */
export const stepTag = (context: Pick<ActionContext, 'stepKey'>): string =>
  createHash('sha256')
    .update(context.stepKey.replace(/-(undo)?\d+$/, ''))
    .digest('hex')
    .slice(0, 8);

/** `shop-20261127-031500-1f2e3d4c.db` for `/srv/shop.db`; UTC. */
export function backupName(db: string, at: number, tag: string): string {
  const stem = posix
    .basename(db, posix.extname(db))
    .replace(/[^A-Za-z0-9._-]/g, '_')
    .replace(/^[._-]+/, '')
    .slice(0, 80);
  const [date = '', time = ''] = new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '').split('T');
  return `${stem === '' ? 'database' : stem}-${date}-${time}-${tag}.db`;
}

/** Beside the live file, so that the last move is a rename. */
export const stagedPath = (db: string, tag: string): string => posix.join(posix.dirname(db), `.${posix.basename(db)}.restore-${tag}`);

/** Where the live files go when another is swapped in. */
export const asidePath = (db: string, tag: string): string => `${db}.before-${tag}`;
