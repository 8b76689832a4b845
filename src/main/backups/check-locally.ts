import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../contract/problem.ts';
import type { SqliteInspection } from '../drivers/sqlite/inspect.ts';
import type { TransferResult } from '../drivers/ssh/types.ts';
import { cleanText } from '../drivers/text.ts';

/** What a check on this laptop found. */
export interface LocalCheck {
  readonly valid: boolean;
  readonly detail: string;
  readonly sha256?: string;
  readonly localPath: string;
}

/**
 * Brings a backup here, compares its hash with the deployment's, opens it read-only and reads what `integrity_check` says.
 * A bad backup is a result. @throws Problem what kept it from being looked at
 */
export async function checkLocally(options: { inspect(path: string): Promise<SqliteInspection>; folder: string; name: string; fetch(target: string): Promise<TransferResult> }): Promise<LocalCheck> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  const localPath = join(options.folder, options.name);
  let fetched: TransferResult;
  try {
    fetched = await options.fetch(localPath);
  } catch (error) {
    if (error instanceof Problem && error.code === 'integrity-mismatch') return { valid: false, detail: error.message, localPath };
    throw error;
  }
  const { sha256, bytes } = fetched;
  try {
    const { integrity, foreignKeyErrors, tables } = await options.inspect(localPath);
    if (integrity !== 'ok') return { valid: false, detail: `integrity_check says: ${cleanText(integrity, { maxLength: 500 })}`, sha256, localPath };
    if (foreignKeyErrors > 0) return { valid: false, detail: `${foreignKeyErrors} rows break a foreign key.`, sha256, localPath };
    const rows = Object.entries(tables).map(([table, count]) => `${cleanText(table, { maxLength: 60 })} ${count}`);
    return { valid: true, detail: `integrity_check ok; ${bytes} bytes; rows: ${rows.join(', ')}.`.slice(0, 2000), sha256, localPath };
  } catch (error) {
    if (error instanceof Problem && error.code === 'integrity-mismatch') return { valid: false, detail: error.message, sha256, localPath };
    throw error;
  }
}
