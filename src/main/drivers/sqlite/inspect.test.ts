import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectSqlite } from './inspect.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'quarterdeck-sqlite-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function make(name: string, sql: string): string {
  const path = join(dir, name);
  const db = new Database(path);
  db.exec(sql);
  db.close();
  return path;
}
const rows =
  "CREATE TABLE events (id INTEGER PRIMARY KEY, hash TEXT, data BLOB); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO events SELECT i, 'h' || i, randomblob(100) FROM n;";

describe('inspectSqlite', () => {
  it('tells tables, newest rows and foreign keys, and leaves nothing beside the file', async () => {
    const path = make(
      'good.db',
      `${rows} CREATE TABLE "odd ""name" (x) STRICT, WITHOUT ROWID;`.replace(
        ' (x) STRICT, WITHOUT ROWID',
        ' (x TEXT PRIMARY KEY) STRICT, WITHOUT ROWID',
      ),
    );
    const before = readFileSync(path);
    expect(await inspectSqlite(path)).toMatchObject({
      integrity: 'ok',
      foreignKeyErrors: 0,
      tables: { events: 2000, 'odd "name': 0 },
      newest: { events: { id: '2000', hash: 'h2000' } },
    });
    expect(readdirSync(dir)).toEqual(['good.db']);
    expect(readFileSync(path)).toEqual(before);
  });

  it('reads a file in WAL mode without making its side files, and ignores a stray one', async () => {
    const live = new Database(join(dir, 'live.db'));
    live.pragma('journal_mode = WAL');
    live.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    live.pragma('wal_checkpoint(TRUNCATE)');
    live.exec('INSERT INTO t VALUES (2)');
    copyFileSync(join(dir, 'live.db'), join(dir, 'copy.db'));
    copyFileSync(join(dir, 'live.db-wal'), join(dir, 'copy.db-wal'));
    live.close();
    const before = readdirSync(dir);
    expect(await inspectSqlite(join(dir, 'copy.db'))).toMatchObject({ integrity: 'ok', tables: { t: 1 } });
    expect(readdirSync(dir)).toEqual(before);
  });

  it('says what integrity_check says of a damaged file', async () => {
    const path = make('bad.db', rows);
    const bytes = readFileSync(path);
    bytes.fill(0xff, 8192, 12_288);
    writeFileSync(path, bytes);
    const { integrity } = await inspectSqlite(path);
    expect(integrity).not.toBe('ok');
    expect(integrity.length).toBeGreaterThan(10);
  });

  it('counts rows that break a foreign key', async () => {
    const path = make(
      'keys.db',
      'PRAGMA foreign_keys = OFF; CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (a INTEGER REFERENCES a(id)); INSERT INTO b VALUES (1), (2);',
    );
    expect(await inspectSqlite(path)).toMatchObject({ integrity: 'ok', foreignKeyErrors: 2 });
  });

  it.each([
    ['empty', '', /is empty/],
    ['HTML', '<html><body>502 Bad Gateway</body></html>', /begins with “<html>/],
    ['only a header', 'SQLite format 3\0', /can't be read|cut off|no tables/],
  ])('refuses what is no database: %s', async (_, content, message) => {
    const path = join(dir, 'x.db');
    writeFileSync(path, content);
    await expect(inspectSqlite(path)).rejects.toMatchObject({ code: 'integrity-mismatch', message: expect.stringMatching(message) });
    expect(readdirSync(dir)).toEqual(['x.db']);
  });

  it('refuses a cut file and an empty database', async () => {
    const path = make('cut.db', rows);
    truncateSync(path, 20_480);
    await expect(inspectSqlite(path)).rejects.toMatchObject({ code: 'integrity-mismatch', message: expect.stringMatching(/cut off/) });
    await expect(inspectSqlite(make('none.db', 'CREATE TABLE t (a); DROP TABLE t;'))).rejects.toMatchObject({
      code: 'integrity-mismatch',
      message: expect.stringMatching(/no tables/),
    });
    await expect(inspectSqlite(join(dir, 'nowhere.db'))).rejects.toMatchObject({ code: 'not-found' });
  });

  it('does not load what a hostile schema refers to', async () => {
    const path = make(
      'hostile.db',
      'CREATE TABLE t (a); CREATE VIRTUAL TABLE v USING fts5(x); CREATE VIEW w AS SELECT randomblob(1000000000);',
    );
    const found = await inspectSqlite(path);
    expect(found.integrity).toBe('ok');
    expect(Object.keys(found.tables)).not.toContain('v');
  });

  it('is given up when it takes too long', async () => {
    const path = make('slow.db', rows);
    await expect(inspectSqlite(path, { timeoutMs: 0 })).rejects.toMatchObject({ code: 'timed-out' });
  });
});
