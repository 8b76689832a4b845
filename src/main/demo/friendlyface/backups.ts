import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import Sqlite from 'better-sqlite3';

const errorText = (error: unknown) => (error instanceof Error ? error.message : String(error));
const checksum = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** `ff_backup_YYYYMMDD_HHMMSS_xxxxxxxx.db`, in UTC. */
export function backupName(at: Date, id: string): string {
  const digits = at.toISOString().replace(/[-:]/g, '').slice(0, 15).replace('T', '_');
  return `ff_backup_${digits}_${id}.db`;
}

/** What `POST /admin/backup/cleanup` answers. */
export interface RetentionReport {
  readonly removed: string[];
  readonly removed_count: number;
  readonly remaining: number;
}

/** The backup rules of the real program: no label is kept, failures are answers and not errors, the newest files by mtime survive. */
export function createBackups(options: {
  dbPath: string;
  dir: string;
  retentionCount: number;
  retentionDays: number | null;
  log: (line: string) => void;
}) {
  const { dbPath, dir, log } = options;

  const files = () => {
    mkdirSync(dir, { recursive: true });
    return readdirSync(dir)
      .filter((name) => /^ff_backup_.*\.db$/.test(name))
      .map((name) => ({ name, path: join(dir, name), stat: statSync(join(dir, name)) }));
  };

  /** The file of that name inside the folder, or null: a name with a path in it is not looked up. */
  const find = (filename: string) => {
    const path = join(dir, filename);
    return basename(filename) === filename && filename !== '' && existsSync(path) ? path : null;
  };

  function verify(filename: string): Record<string, unknown> {
    const path = find(filename);
    if (path === null) return { valid: false, error: `Backup not found: ${filename}` };
    try {
      const db = new Sqlite(path, { readonly: true, fileMustExist: true });
      try {
        const result = db.pragma('integrity_check', { simple: true });
        return {
          filename,
          valid: result === 'ok',
          integrity_result: String(result),
          checksum_sha256: checksum(path),
          size_bytes: statSync(path).size,
        };
      } finally {
        db.close();
      }
    } catch (error) {
      return { filename, valid: false, error: errorText(error) };
    }
  }

  /** Keeps the newest `retentionCount` files, none older than `retentionDays`. It knows nothing of safety copies. */
  function cleanup(): RetentionReport {
    const all = files().sort((a, b) => b.stat.mtimeMs - a.stat.mtimeMs);
    const cutoff = options.retentionDays === null ? null : Date.now() - options.retentionDays * 86_400_000;
    const removed = all.filter((file, index) => index >= options.retentionCount || (cutoff !== null && file.stat.mtimeMs < cutoff));
    for (const file of removed) {
      unlinkSync(file.path);
      log(`Retention policy removed backup: ${file.name}`);
    }
    return { removed: removed.map((file) => file.name), removed_count: removed.length, remaining: all.length - removed.length };
  }

  return {
    verify,
    cleanup,

    async create(label: string | null) {
      const at = new Date();
      const id = randomUUID().slice(0, 8);
      const filename = backupName(at, id);
      mkdirSync(dir, { recursive: true });
      const path = join(dir, filename);
      // A connection of its own, as the real program opens one: the backup does not depend on the service's handle.
      const source = new Sqlite(dbPath, { readonly: true, fileMustExist: true, timeout: 5000 });
      try {
        await source.backup(path);
      } finally {
        source.close();
      }
      const size = statSync(path).size;
      const sha = checksum(path);
      log(`Backup created: ${filename} (${size} bytes, sha256=${sha.slice(0, 16)})`);
      cleanup();
      return { backup_id: id, filename, path, timestamp: at.toISOString(), size_bytes: size, checksum_sha256: sha, label };
    },

    list() {
      const backups = files()
        .sort((a, b) => (a.name < b.name ? 1 : -1))
        .map((file) => ({ filename: file.name, path: file.path, size_bytes: file.stat.size, modified: file.stat.mtime.toISOString() }));
      return { backups, total: backups.length };
    },

    stats() {
      const all = files().sort((a, b) => a.stat.mtimeMs - b.stat.mtimeMs);
      return {
        total_count: all.length,
        total_size_bytes: all.reduce((sum, file) => sum + file.stat.size, 0),
        oldest: all[0]?.stat.mtime.toISOString() ?? null,
        newest: all.at(-1)?.stat.mtime.toISOString() ?? null,
      };
    },

    /** Copies a backup over the live database through SQLite, so that open connections see the new rows at once. */
    async restore(filename: string): Promise<Record<string, unknown>> {
      const path = find(filename);
      if (path === null) return { restored: false, error: `Backup not found: ${filename}` };
      if (verify(filename)['valid'] !== true) return { restored: false, error: 'Backup failed integrity check' };
      try {
        const source = new Sqlite(path, { readonly: true, fileMustExist: true });
        try {
          await source.backup(dbPath);
        } finally {
          source.close();
        }
      } catch (error) {
        return { restored: false, error: errorText(error) };
      }
      log(`Database restored from ${filename}`);
      return { restored: true, filename, timestamp: new Date().toISOString() };
    },
  };
}

/** The backup manager of the service. */
export type Backups = ReturnType<typeof createBackups>;
