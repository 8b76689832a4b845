import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenEngine } from '../support/engine-lab.ts';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import { sqlStack } from '../support/sql-lab.ts';
import { scratch, skipSsh } from '../support/ssh-lab.ts';

let room: ReturnType<typeof scratch>;
const file = () => room.path('jobs.db');
let lab: OperationLab;

function inside<T>(work: (db: Sqlite.Database) => T): T {
  const db = new Sqlite(file(), { timeout: 5000 });
  try {
    return work(db);
  } finally {
    db.close();
  }
}
const dump = () =>
  inside((db) =>
    JSON.stringify(
      db.prepare('SELECT id, kind, state, quote(cost), typeof(cost), quote(extra), typeof(extra), note FROM jobs ORDER BY id').all(),
    ),
  );

beforeEach(async () => {
  room = scratch();
  inside((db) => {
    db.pragma('journal_mode = WAL');
    db.exec(`CREATE TABLE jobs (id INTEGER PRIMARY KEY, kind TEXT, state TEXT DEFAULT 'new', cost REAL, extra, note TEXT, secret TEXT DEFAULT 'canary-secret');
      CREATE TABLE parents (id INTEGER PRIMARY KEY);
      CREATE TABLE children (id INTEGER PRIMARY KEY, parent REFERENCES parents (id) ON DELETE CASCADE);
      INSERT INTO parents VALUES (1); INSERT INTO children VALUES (1, 1);
      CREATE TABLE feature_flags (key TEXT PRIMARY KEY, enabled INTEGER NOT NULL);
      INSERT INTO feature_flags VALUES ('chat', 1);`);
    const insert = db.prepare('INSERT INTO jobs (kind, cost, extra, note) VALUES (?, ?, ?, ?)');
    insert.run('mail', 0.1 + 5, Buffer.from([0, 255]), 'a\nb');
    insert.run('mail', 10, 'text', "it's");
    insert.run('mail', 1e300, 42n, '');
    insert.run('mail', 1, null, 'too cheap');
    insert.run("x'; DROP TABLE jobs; --", 3, null, null);
  });
  lab = await startOperationLab({ stackText: sqlStack, stackId: 'family-app', inputs: { sqlite_file: file() }, tier: 'development' });
});
afterEach(async () => {
  await lab?.close();
  room.close();
});
const revert = async ({ engine }: OpenEngine, runId: string) => engine.settled((await engine.revert({ runId })).id);

describe.skipIf(skipSsh())('a statement on SQLite', () => {
  it('changes exactly what was confirmed while the database is open, and is taken back with every type as it was', async () => {
    const open = await lab.open();
    const before = dump();
    const reader = new Sqlite(file());
    try {
      const run = await open.run('finish-jobs', { kind: 'mail', confirmed: '3' });
      expect(run.state, run.summary).toBe('succeeded');
      expect(reader.prepare("SELECT count(*) AS n FROM jobs WHERE state = 'done' AND extra IS NULL").get()).toEqual({ n: 3 });
      const reverted = await revert(open, run.id);
      expect(reverted.state, reverted.summary).toBe('reverted');
      expect(dump()).toBe(before);
    } finally {
      reader.close();
    }
  });

  it('gives deleted rows back, and takes a value for data', async () => {
    const open = await lab.open();
    const before = dump();
    const run = await open.run('delete-jobs', { kind: "x'; DROP TABLE jobs; --", confirmed: '1' });
    expect(run.state, run.summary).toBe('succeeded');
    expect(inside((db) => db.prepare('SELECT count(*) AS n FROM jobs').get())).toEqual({ n: 4 });
    expect((await revert(open, run.id)).state).toBe('reverted');
    expect(dump()).toBe(before);
  });

  it('refuses other counts, a delete that reaches other tables, and a conflict on the way back', async () => {
    const open = await lab.open();
    const look = async (runbook: string, inputs: Record<string, string>) => {
      const plan = open.engine.plan({ environmentId: 'env-1', runbook, inputs });
      return (await open.engine.preflight({ planId: plan.id })).items.find(({ id }) => id.endsWith('-rows'));
    };
    expect(await look('finish-jobs', { kind: 'mail', confirmed: '4' })).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('3 rows'),
    });
    expect(JSON.stringify(await look('finish-jobs', { kind: 'mail', confirmed: '3' }))).not.toContain('canary-secret');
    expect(await look('delete-parents', { confirmed: '1' })).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('other tables'),
    });
    const run = await open.run('finish-jobs', { kind: 'mail', confirmed: '3' });
    inside((db) => db.exec("UPDATE jobs SET state = 'again' WHERE id = 2"));
    const now = dump();
    const reverted = await revert(open, run.id);
    expect(reverted.summary).toContain('somebody has changed them since');
    expect(dump()).toBe(now);
  });

  it('fails, and changes nothing, while another writer holds the database', async () => {
    const open = await lab.open();
    const before = dump();
    const writer = new Sqlite(file());
    writer.exec('BEGIN IMMEDIATE');
    const run = await open.run('finish-jobs', { kind: 'mail', confirmed: '3' });
    writer.exec('ROLLBACK');
    writer.close();
    expect(run.state).toBe('failed');
    expect(run.summary).toContain('locked');
    expect(dump()).toBe(before);
  });
});

describe.skipIf(skipSsh())('a feature flag in SQLite', () => {
  it('is set by the shape its table has, and set back', async () => {
    const open = await lab.open();
    const enabled = () => inside((db) => db.prepare("SELECT enabled FROM feature_flags WHERE key = 'chat'").get());
    const run = await open.run('set-sqlite-flag', { flag: 'chat', change: 'disable' });
    expect(run.state, run.summary).toBe('succeeded');
    expect(enabled()).toEqual({ enabled: 0 });
    expect((await revert(open, run.id)).state).toBe('reverted');
    expect(enabled()).toEqual({ enabled: 1 });
    const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'set-sqlite-flag', inputs: { flag: 'chat', change: 'kill' } });
    expect((await open.engine.preflight({ planId: plan.id })).items.find(({ id }) => id === 'set-flag')).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('no kill_switch'),
    });
  });
});
