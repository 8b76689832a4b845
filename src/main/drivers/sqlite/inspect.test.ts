import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectSqlite } from './inspect.ts';

describe('looking through a copy', () => {
  let dir = '';
  let file = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'quarterdeck-sqlite-'));
    file = join(dir, 'copy.db');
    const db = new Database(file);
    db.exec(
      `CREATE TABLE events (seq INTEGER PRIMARY KEY, hash TEXT, filler TEXT); CREATE TABLE "odd ""name" (a TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO "odd ""name" VALUES ('x')`,
    );
    for (let i = 1; i <= 500; i += 1) db.prepare('INSERT INTO events VALUES (?, ?, ?)').run(i, `h${i}`, 'x'.repeat(200));
    db.close();
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const mismatch = expect.objectContaining({ data: expect.objectContaining({ code: 'integrity-mismatch' }) });

  it('counts rows and finds the newest', async () => {
    expect(await inspectSqlite(file)).toMatchObject({
      integrity: 'ok',
      foreignKeyErrors: 0,
      tables: { events: 500, 'odd "name': 1 },
      newest: { events: { seq: '500', hash: 'h500' } },
    });
  });

  it.each([
    ['a missing file', () => rmSync(file)],
    ['an empty file', () => writeFileSync(file, '')],
    ['HTML', () => writeFileSync(file, '<html><body>502 Bad Gateway</body></html>'.repeat(100))],
    ['a truncated file', () => truncateSync(file, 20_000)],
  ])('never takes %s for a good copy', async (_words, damage) => {
    damage();
    const result = await inspectSqlite(file).then(
      ({ integrity }) => integrity,
      (error: unknown) => error,
    );
    if (typeof result === 'string') expect(result).not.toBe('ok');
    else expect(result).toEqual(mismatch);
  });
});
