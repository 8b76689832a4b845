import type { SlotName } from '../engine/action.ts';
import type { Store } from '../store/store.ts';

/** A sealed value and its fingerprint, when that is known. */
export interface SlotRow {
  readonly sealed: Buffer;
  readonly fingerprint: string | null;
}

/** Where the values of a rotation rest. */
export interface SlotShelf {
  get(environmentId: string, key: string, slot: SlotName): SlotRow | undefined;
  put(environmentId: string, key: string, slot: SlotName, row: { sealed: Buffer; fingerprint: string }): void;
  drop(environmentId: string, key: string, slot: SlotName): void;
  /** Writes down a fingerprint that was not known, unless the value is another one by now. */
  name(environmentId: string, key: string, slot: SlotName, row: SlotRow, fingerprint: string): void;
  /** Remembered backups that were made while this value was in use, or of which that is not known. */
  backups(environmentId: string, key: string, fingerprint: string): { name: string; localPath: string | null }[];
}

/** Makes a {@link SlotShelf}. What is in use lies in `secrets`, as it always did. */
export function createSlotShelf(store: Store, clock: () => number): SlotShelf {
  return {
    get: (environmentId, key, slot) =>
      slot === 'current'
        ? store
            .prepare<[string, string], SlotRow>('SELECT sealed, fingerprint FROM secrets WHERE environment_id = ? AND key = ?')
            .get(environmentId, key)
        : store
            .prepare<[string, string, string], SlotRow>(
              'SELECT sealed, fingerprint FROM secret_slots WHERE environment_id = ? AND key = ? AND slot = ?',
            )
            .get(environmentId, key, slot),
    put(environmentId, key, slot, { sealed, fingerprint }) {
      if (slot === 'current')
        store
          .prepare(
            `INSERT INTO secrets (environment_id, key, sealed, fingerprint, updated_at) VALUES (?, ?, ?, ?, ?)
              ON CONFLICT (environment_id, key) DO UPDATE SET sealed = excluded.sealed, fingerprint = excluded.fingerprint, updated_at = excluded.updated_at`,
          )
          .run(environmentId, key, sealed, fingerprint, clock());
      else
        store
          .prepare(
            `INSERT INTO secret_slots (environment_id, key, slot, sealed, fingerprint, updated_at) VALUES (?, ?, ?, ?, ?, ?)
              ON CONFLICT (environment_id, key, slot) DO UPDATE SET sealed = excluded.sealed, fingerprint = excluded.fingerprint, updated_at = excluded.updated_at`,
          )
          .run(environmentId, key, slot, sealed, fingerprint, clock());
    },
    drop(environmentId, key, slot) {
      if (slot === 'current') store.prepare('DELETE FROM secrets WHERE environment_id = ? AND key = ?').run(environmentId, key);
      else store.prepare('DELETE FROM secret_slots WHERE environment_id = ? AND key = ? AND slot = ?').run(environmentId, key, slot);
    },
    name(environmentId, key, slot, { sealed }, fingerprint) {
      if (slot === 'current')
        store
          .prepare('UPDATE secrets SET fingerprint = ? WHERE environment_id = ? AND key = ? AND sealed = ?')
          .run(fingerprint, environmentId, key, sealed);
      else
        store
          .prepare('UPDATE secret_slots SET fingerprint = ? WHERE environment_id = ? AND key = ? AND slot = ? AND sealed = ?')
          .run(fingerprint, environmentId, key, slot, sealed);
    },
    backups: (environmentId, key, fingerprint) =>
      store
        .prepare<[string, string, string, string], { name: string; localPath: string | null }>(
          `SELECT m.name, m.local_path AS localPath FROM backup_memory m WHERE m.environment_id = ?
            AND (EXISTS (SELECT 1 FROM backup_keys k WHERE k.environment_id = m.environment_id AND k.name = m.name AND k.key = ? AND k.fingerprint = ?)
              OR NOT EXISTS (SELECT 1 FROM backup_keys k WHERE k.environment_id = m.environment_id AND k.name = m.name AND k.key = ?))
            ORDER BY m.name LIMIT 1000`,
        )
        .all(environmentId, key, fingerprint, key),
  };
}
