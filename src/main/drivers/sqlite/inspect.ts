import Database from 'better-sqlite3';
import { Problem } from '../../../contract/problem.ts';

/** What a SQLite file holds, as far as it can be told without knowing its schema. */
export interface SqliteInspection {
  /** Text of `integrity_check`; only `ok` is good. */
  readonly integrity: string;
  /** Rows that break a foreign key. */
  readonly foreignKeyErrors: number;
  /** Rows by table. */
  readonly tables: Readonly<Record<string, number>>;
  /** The row added last, by table; values as text. */
  readonly newest: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/**
 * Opens a copy read-only and looks through all of it. Never to be used on a live file. @throws Problem `integrity-mismatch`
 * when it is no database at all (empty, truncated, HTML, …)
 */
export async function inspectSqlite(path: string): Promise<SqliteInspection> {
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { readonly: true, fileMustExist: true });
    const rows = db.pragma('integrity_check(20)') as { integrity_check: string }[];
    const names = db
      .prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
      .all();
    if (names.length === 0) throw new Problem('integrity-mismatch', 'The file is an empty database: it holds no tables.');
    const tables: Record<string, number> = {};
    const newest: Record<string, Record<string, string>> = {};
    for (const { name } of names) {
      tables[name] = db.prepare<[], { n: number }>(`SELECT count(*) AS n FROM ${quoted(name)}`).get()?.n ?? 0;
      const last = lastRow(db, name);
      if (last !== undefined)
        newest[name] = Object.fromEntries(Object.entries(last).map(([key, value]) => [key, String(value).slice(0, 500)]));
    }
    return {
      integrity: rows
        .map((row) => row.integrity_check)
        .join('; ')
        .slice(0, 1000),
      foreignKeyErrors: (db.pragma('foreign_key_check') as unknown[]).length,
      tables,
      newest,
    };
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(
      'integrity-mismatch',
      `The file can't be read as a SQLite database: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  } finally {
    db?.close();
  }
}

function lastRow(db: Database.Database, table: string): Record<string, unknown> | undefined {
  try {
    return db.prepare<[], Record<string, unknown>>(`SELECT * FROM ${quoted(table)} ORDER BY rowid DESC LIMIT 1`).get();
  } catch {
    // A table without row ids has no row that was added last.
    return undefined;
  }
}
