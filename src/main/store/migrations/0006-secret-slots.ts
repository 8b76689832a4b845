import type { Migration } from '../store.ts';

/**
 * The next and the last value of a secret beside the one in use, sealed as it is; fingerprints under a salt that is sealed too; and which
 * values were in use when a backup was made, so that no key is forgotten that a backup can't be read without.
 */
export const secretSlots: Migration = {
  number: 6,
  name: 'secret-slots',
  up: (db) =>
    db.exec(`
      ALTER TABLE secrets ADD COLUMN fingerprint TEXT;
      CREATE TABLE secret_slots (
        environment_id TEXT NOT NULL REFERENCES environments(id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        slot TEXT NOT NULL CHECK (slot IN ('pending', 'previous')),
        sealed BLOB NOT NULL,
        fingerprint TEXT,
        updated_at INTEGER NOT NULL,
        PRIMARY KEY (environment_id, key, slot)
      ) STRICT;
      CREATE TABLE backup_keys (
        environment_id TEXT NOT NULL,
        name TEXT NOT NULL,
        key TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        PRIMARY KEY (environment_id, name, key, fingerprint)
      ) STRICT;
    `),
};
