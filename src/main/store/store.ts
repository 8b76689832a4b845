import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { Problem } from '../../contract/problem.ts';

/** An open store. */
export type Store = Database.Database;

/** One numbered change of the store's shape; applied once, in order, each in a transaction of its own. Never edited after release. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  up(db: Store): void;
}

/**
 * Opens (or makes, mode 0600) the store and brings it up to date. WAL with `synchronous=FULL`: what is committed survives
 * a power cut, which the journal relies on.
 * @throws Problem `not-supported` when the file was written by a newer version; it is left untouched.
 */
export function openStore(file: string, migrations: readonly Migration[]): Store {
  if (file !== ':memory:') {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Made by hand first, so that it never exists with a wider mode, not even for a moment.
    closeSync(openSync(file, 'a', 0o600));
    chmodSync(file, 0o600);
  }
  const db = new Database(file);
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.pragma('busy_timeout = 5000');
    migrate(db, migrations);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: Store, migrations: readonly Migration[]): void {
  const newest = migrations.reduce((last, { number }) => {
    if (number !== last + 1) throw new Error(`migration ${number} follows ${last}`);
    return number;
  }, 0);
  const at = db.pragma('user_version', { simple: true }) as number;
  if (at > newest) {
    throw new Problem('not-supported', `The data folder was written by a newer Quarterdeck (format ${at}, this one knows ${newest}).`, {
      hint: 'Start the newer version, or point QUARTERDECK_HOME at another folder.',
    });
  }
  for (const migration of migrations.filter(({ number }) => number > at)) {
    db.transaction(() => {
      // Read again inside the write lock: a second process may have done it meanwhile.
      if ((db.pragma('user_version', { simple: true }) as number) >= migration.number) return;
      migration.up(db);
      db.pragma(`user_version = ${migration.number}`);
    }).immediate();
  }
}
