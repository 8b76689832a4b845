import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import Sqlite from 'better-sqlite3';
import type { ChainReport, EventRow } from './chain.ts';
import { checkChain, eventHash, genesis } from './chain.ts';

const schema = `
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  payload TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_kind ON events (kind);`;

/** Opens (and, when allowed, creates) a database as the service keeps it: `journal_mode` stays `delete`. */
export function openDatabase(path: string, create: boolean): Database {
  const db = new Sqlite(path, { fileMustExist: !create, timeout: 5000 });
  if (create) db.exec(schema);
  return db;
}

/** Appends one event to the chain. @param at ISO time; now when not given */
export function appendEvent(db: Database, kind: string, actor: string, payload: unknown, at = new Date().toISOString()): EventRow {
  const last = db.prepare<[], { hash: string }>('SELECT hash FROM events ORDER BY seq DESC LIMIT 1').get();
  const event = { id: randomUUID(), at, kind, actor, payload: JSON.stringify(payload), prev_hash: last?.hash ?? genesis };
  const hash = eventHash(event);
  const { lastInsertRowid } = db
    .prepare(
      'INSERT INTO events (id, at, kind, actor, payload, prev_hash, hash) VALUES (@id, @at, @kind, @actor, @payload, @prev_hash, @hash)',
    )
    .run({ ...event, hash });
  return { seq: Number(lastInsertRowid), ...event, hash };
}

/**
 * The service's one connection. Like the real program it holds its handle for as long as it runs: a file swapped under
 * it goes unseen until the restart. `detach` is the database-gone fault's way in.
 */
export class Store {
  readonly path: string;
  #db: Database | null = null;

  constructor(path: string) {
    this.path = path;
  }

  /** The open handle; after a detach it is opened again as soon as the file is back, and never created here. */
  get db(): Database {
    this.#db ??= openDatabase(this.path, false);
    return this.#db;
  }

  /** Opens the file, creating an empty database when it is not there — as the real program does at start. */
  openOrCreate(): void {
    this.#db = openDatabase(this.path, true);
  }

  detach(): void {
    this.#db?.close();
    this.#db = null;
  }

  get fileExists(): boolean {
    return existsSync(this.path);
  }

  count(): number {
    return this.db.prepare<[], { n: number }>('SELECT count(*) AS n FROM events').get()?.n ?? 0;
  }

  hashes(): string[] {
    return this.db
      .prepare<[], { hash: string }>('SELECT hash FROM events ORDER BY seq')
      .all()
      .map((row) => row.hash);
  }

  integrity(): ChainReport {
    return checkChain(this.db.prepare<[], EventRow>('SELECT * FROM events ORDER BY seq').iterate());
  }

  append(kind: string, actor: string, payload: unknown): EventRow {
    return appendEvent(this.db, kind, actor, payload);
  }

  event(id: string): EventRow | undefined {
    return this.db.prepare<[string], EventRow>('SELECT * FROM events WHERE id = ?').get(id);
  }

  list(limit: number, offset: number, kind: string | null): { items: EventRow[]; total: number } {
    const items = this.db
      .prepare<[{ kind: string | null; limit: number; offset: number }], EventRow>(
        'SELECT * FROM events WHERE @kind IS NULL OR kind = @kind ORDER BY seq DESC LIMIT @limit OFFSET @offset',
      )
      .all({ kind, limit, offset });
    const row = this.db
      .prepare<[{ kind: string | null }], { n: number }>('SELECT count(*) AS n FROM events WHERE @kind IS NULL OR kind = @kind')
      .get({ kind });
    return { items, total: row?.n ?? 0 };
  }

  byKind(): Record<string, number> {
    const rows = this.db.prepare<[], { kind: string; n: number }>('SELECT kind, count(*) AS n FROM events GROUP BY kind').all();
    return Object.fromEntries(rows.map((row) => [row.kind, row.n]));
  }
}
