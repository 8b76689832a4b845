import type { BackupVerification } from '../../contract/backups.ts';
import type { BackupMemory } from '../engine/action.ts';
import type { Store } from '../store/store.ts';

/** What is remembered of one backup. */
export interface Remembered {
  readonly label: string | null;
  readonly createdBy: string | null;
  readonly sha256: string | null;
  readonly localPath: string | null;
  readonly protected: boolean;
}

/** {@link BackupMemory}, and what the backup browser reads of it. */
export interface BackupMemoryRows extends BackupMemory {
  recall(environmentId: string, name: string): Remembered | undefined;
  /** Names of those with a copy on this laptop. */
  copied(environmentId: string): string[];
  /** Newest first, at most 20. */
  verifications(environmentId: string, name: string): BackupVerification[];
}

interface Row {
  readonly label: string | null;
  readonly created_by: string | null;
  readonly sha256: string | null;
  readonly local_path: string | null;
  readonly protected: number;
}
interface VerificationRow {
  readonly method: 'server' | 'local';
  readonly at: number;
  readonly by: string;
  readonly valid: number;
  readonly detail: string;
  readonly sha256: string | null;
}

/** Makes the memory of what deployments don't store about their backups. */
export function createBackupMemory(store: Store): BackupMemoryRows {
  const save = store.prepare(`INSERT INTO backup_memory (environment_id, name, label, created_by, sha256, local_path, protected)
    VALUES (@environmentId, @name, @label, @createdBy, @sha256, @localPath, @protected)
    ON CONFLICT (environment_id, name) DO UPDATE SET
      label = coalesce(excluded.label, label), created_by = coalesce(excluded.created_by, created_by),
      sha256 = coalesce(excluded.sha256, sha256), local_path = coalesce(excluded.local_path, local_path),
      protected = max(excluded.protected, protected)`);
  // Made by this console, so the values in use (or about to be) are what it was made under. Of others that is not known, and stays so.
  const saveKeys = store.prepare(`INSERT OR IGNORE INTO backup_keys (environment_id, name, key, fingerprint)
    SELECT environment_id, @name, key, fingerprint FROM (
      SELECT environment_id, key, fingerprint FROM secrets
      UNION SELECT environment_id, key, fingerprint FROM secret_slots WHERE slot = 'pending')
    WHERE environment_id = @environmentId AND fingerprint IS NOT NULL`);
  const find = store.prepare<[string, string], Row>(
    'SELECT label, created_by, sha256, local_path, protected FROM backup_memory WHERE environment_id = ? AND name = ?',
  );
  const copies = store.prepare<[string], { name: string }>(
    'SELECT name FROM backup_memory WHERE environment_id = ? AND local_path IS NOT NULL ORDER BY name LIMIT 1000',
  );
  const check = store.prepare(
    'INSERT INTO backup_verifications (environment_id, name, method, at, by, valid, detail, sha256) VALUES (@environmentId, @name, @method, @at, @by, @valid, @detail, @sha256)',
  );
  const checks = store.prepare<[string, string], VerificationRow>(
    'SELECT method, at, by, valid, detail, sha256 FROM backup_verifications WHERE environment_id = ? AND name = ? ORDER BY at DESC, id DESC LIMIT 20',
  );

  return {
    remember({ environmentId, name, label, createdBy, sha256, localPath, protected: kept }) {
      if (createdBy !== undefined && find.get(environmentId, name) === undefined) saveKeys.run({ environmentId, name });
      save.run({
        environmentId,
        name,
        label: label ?? null,
        createdBy: createdBy ?? null,
        sha256: sha256 ?? null,
        localPath: localPath ?? null,
        protected: kept === true ? 1 : 0,
      });
    },
    recall(environmentId, name) {
      const row = find.get(environmentId, name);
      return row === undefined
        ? undefined
        : { label: row.label, createdBy: row.created_by, sha256: row.sha256, localPath: row.local_path, protected: row.protected === 1 };
    },
    copied: (environmentId) => copies.all(environmentId).map(({ name }) => name),
    verified: ({ environmentId, name, method, at, by, valid, detail, sha256 }) => {
      check.run({ environmentId, name, method, at, by, valid: valid ? 1 : 0, detail: detail.slice(0, 2000), sha256: sha256 ?? null });
    },
    verifications: (environmentId, name) =>
      checks.all(environmentId, name).map(({ method, at, by, valid, detail, sha256 }) => ({
        method,
        at,
        by,
        valid: valid === 1,
        detail,
        ...(sha256 === null ? {} : { sha256 }),
      })),
  };
}
