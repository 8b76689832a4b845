import type { Migration } from '../store.ts';

/** Connection profiles, which secrets are set (never their values), the app's own known hosts, preferences. */
export const environments: Migration = {
  number: 1,
  name: 'environments',
  up: (db) =>
    db.exec(`
      CREATE TABLE environments (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        draft TEXT NOT NULL CHECK (json_valid(draft)),
        demo INTEGER NOT NULL DEFAULT 0,
        revision INTEGER NOT NULL DEFAULT 1,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE host_keys (
        host TEXT NOT NULL,
        port INTEGER NOT NULL,
        type TEXT NOT NULL,
        key BLOB NOT NULL,
        fingerprint TEXT NOT NULL,
        added_at INTEGER NOT NULL,
        PRIMARY KEY (host, port, fingerprint)
      ) STRICT;
      CREATE TABLE secrets (
        environment_id TEXT NOT NULL REFERENCES environments(id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        sealed BLOB NOT NULL,
        updated_at INTEGER NOT NULL,
        PRIMARY KEY (environment_id, key)
      ) STRICT;
      CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT;
    `),
};
