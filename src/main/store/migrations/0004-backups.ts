import type { Migration } from '../store.ts';

/** What the deployment does not remember of its backups: label, maker, checks, local copies, protection. */
export const backups: Migration = {
  number: 4,
  name: 'backups',
  up: (db) =>
    db.exec(`
      CREATE TABLE backup_memory (
        environment_id TEXT NOT NULL,
        name TEXT NOT NULL,
        label TEXT,
        created_by TEXT,
        sha256 TEXT,
        local_path TEXT,
        protected INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (environment_id, name)
      ) STRICT;
      CREATE TABLE backup_verifications (
        id INTEGER PRIMARY KEY,
        environment_id TEXT NOT NULL,
        name TEXT NOT NULL,
        method TEXT NOT NULL,
        at INTEGER NOT NULL,
        by TEXT NOT NULL,
        valid INTEGER NOT NULL,
        detail TEXT NOT NULL,
        sha256 TEXT
      ) STRICT;
      CREATE INDEX backup_verifications_name ON backup_verifications (environment_id, name, at);
    `),
};
