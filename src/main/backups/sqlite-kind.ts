import type { SqliteInspection } from '../drivers/sqlite/inspect.ts';
import { fileVerdict } from '../stacks/actions/sqlite/check-file.ts';
import type { FileKind } from './files-store.ts';
import { sqliteVerdict } from './local-copy.ts';

/** Copies of a SQLite file. `db` is the live file they are of. */
export const sqliteKind = (db: string, inspect: (path: string) => Promise<SqliteInspection>): FileKind => ({
  kind: 'sqlite',
  source: db,
  pattern: /\.(db|sqlite|sqlite3)$/i,
  checkOnHost: fileVerdict,
  inspect: (path, bytes) => sqliteVerdict(inspect, path, bytes),
});
