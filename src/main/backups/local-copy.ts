import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../contract/problem.ts';
import type { SqliteInspection } from '../drivers/sqlite/inspect.ts';
import type { TransferResult } from '../drivers/ssh/types.ts';
import { cleanText } from '../drivers/text.ts';
import type { BackupStore, BackupVerdict } from './store.ts';

/** SHA-256 and size of a file here; undefined when there is none. */
export async function fingerprint(path: string): Promise<{ sha256: string; bytes: number } | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) return undefined;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return { sha256: hash.digest('hex'), bytes: found.size };
}

/** What a check on this laptop found. */
export interface LocalCheck {
  readonly valid: boolean;
  readonly detail: string;
  readonly sha256?: string;
  readonly localPath: string;
}

/** What {@link checkLocally} works with. */
export interface LocalCheckOptions {
  /** Opens a file here and looks through it. */
  inspect: BackupStore['inspect'];
  /** Folder of this environment's copies. */
  readonly folder: string;
  readonly name: string;
  /** Hash that the deployment gives for it; undefined when it calls the backup invalid. */
  readonly expected: string | undefined;
  /** Hash of a copy that was verified here before. */
  readonly verified: string | undefined;
  fetch(target: string): Promise<TransferResult>;
}

/**
 * Brings a backup here, compares its hash with the deployment's, opens it and looks through it. A copy that
 * is here already with the right hash is used. A verified copy is never replaced by another file: when the deployment's has
 * changed since, that is the finding. A bad backup is a result. @throws Problem what kept it from being looked at
 */
export async function checkLocally(options: LocalCheckOptions): Promise<LocalCheck> {
  const { folder, name, expected, verified } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const localPath = join(folder, name);
  const here = await fingerprint(localPath);
  if (here !== undefined && here.sha256 === expected) return judge(options, localPath, here, localPath);

  const fetched = join(folder, `.${name}.checked`);
  try {
    const got = await options.fetch(fetched);
    if (verified !== undefined && verified !== got.sha256 && here?.sha256 === verified) {
      return {
        valid: false,
        detail: 'The deployment’s file is not the one that was verified here before: its hash has changed. The verified copy was kept.',
        sha256: got.sha256,
        localPath,
      };
    }
    const result = await judge(options, fetched, got, localPath);
    if (result.valid) await rename(fetched, localPath);
    return result;
  } catch (error) {
    if (error instanceof Problem && error.code === 'integrity-mismatch') return { valid: false, detail: error.message, localPath };
    throw error;
  } finally {
    await rm(fetched, { force: true });
  }
}

async function judge(
  { inspect }: LocalCheckOptions,
  file: string,
  { sha256, bytes }: { sha256: string; bytes: number },
  localPath: string,
): Promise<LocalCheck> {
  try {
    return { ...(await inspect(file, bytes)), sha256, localPath };
  } catch (error) {
    if (error instanceof Problem && error.code === 'integrity-mismatch') return { valid: false, detail: error.message, sha256, localPath };
    throw error;
  }
}

/** What opening a SQLite file says of it: the text of `integrity_check`, foreign keys, rows by table. */
export async function sqliteVerdict(
  inspect: (path: string) => Promise<SqliteInspection>,
  file: string,
  bytes: number,
): Promise<BackupVerdict> {
  const { integrity, foreignKeyErrors, tables } = await inspect(file);
  if (integrity !== 'ok') return { valid: false, detail: `integrity_check says: ${cleanText(integrity, { maxLength: 500 })}` };
  if (foreignKeyErrors > 0) return { valid: false, detail: `${foreignKeyErrors} rows break a foreign key.` };
  const rows = Object.entries(tables).map(([table, count]) => `${cleanText(table, { maxLength: 60 })} ${count}`);
  return { valid: true, detail: `integrity_check ok; ${bytes} bytes; rows: ${rows.join(', ')}.`.slice(0, 2000) };
}
