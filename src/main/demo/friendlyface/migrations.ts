import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';

/** A refusal the API answers with 400 `{detail}`. */
export class MigrationRefused extends Error {}

interface Migration {
  readonly version: string;
  readonly name: string;
  readonly file: string;
}

/** The migrations of a folder (`NNN_name.sql`, without the `_down` companions), in order. */
export function discoverMigrations(dir: string): Migration[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((file) => file.endsWith('.sql') && !file.endsWith('_down.sql'))
    .sort()
    .flatMap((file) => {
      const match = /^([^_]+)_(.+)\.sql$/.exec(file);
      return match?.[1] === undefined || match[2] === undefined ? [] : [{ version: match[1], name: match[2], file: join(dir, file) }];
    });
}

function applied(db: Database): { version: string; name: string }[] {
  db.exec('CREATE TABLE IF NOT EXISTS _migrations (version TEXT PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)');
  return db.prepare<[], { version: string; name: string }>('SELECT version, name FROM _migrations ORDER BY version').all();
}

/** Applies what is pending, up to and including `last` when given; answers the versions it applied. */
export function applyMigrations(db: Database, dir: string, last?: string): string[] {
  const done = new Set(applied(db).map((row) => row.version));
  const fresh = discoverMigrations(dir).filter((item) => !done.has(item.version) && (last === undefined || item.version <= last));
  for (const item of fresh) {
    db.exec(readFileSync(item.file, 'utf8'));
    db.prepare('INSERT INTO _migrations (version, name, applied_at) VALUES (?, ?, ?)').run(
      item.version,
      item.name,
      new Date().toISOString(),
    );
  }
  return fresh.map((item) => item.version);
}

/** What `GET /admin/migrations/status` answers: version strings, and the number of known files as the total. */
export function migrationStatus(db: Database, dir: string): { applied: string[]; pending: string[]; total: number } {
  const done = applied(db).map((row) => row.version);
  const known = discoverMigrations(dir);
  return { applied: done, pending: known.map((item) => item.version).filter((version) => !done.includes(version)), total: known.length };
}

/** Rolls the last applied migration back. @throws MigrationRefused when there is none, or no `_down.sql` beside it. */
export function rollbackLast(db: Database, dir: string, dryRun: boolean): { rolled_back: string; name: string; dry_run: boolean } {
  const last = applied(db).at(-1);
  if (last === undefined) throw new MigrationRefused('No migrations to roll back');
  const down = join(dir, `${last.version}_${last.name}_down.sql`);
  if (!existsSync(down)) throw new MigrationRefused(`No down migration found for ${last.version}_${last.name}`);
  if (!dryRun) {
    db.exec(readFileSync(down, 'utf8'));
    db.prepare('DELETE FROM _migrations WHERE version = ?').run(last.version);
  }
  return { rolled_back: last.version, name: last.name, dry_run: dryRun };
}
