import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenEngine } from '../support/engine-lab.ts';
import { layMigrations, migratedSql } from '../support/migration-files.ts';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import { postgresUnavailable } from '../support/postgres.ts';
import type { SqlLab } from '../support/sql-lab.ts';
import { sqlStack, startSqlLab } from '../support/sql-lab.ts';
import { scratch, skipSsh } from '../support/ssh-lab.ts';

const why = postgresUnavailable();
if (why !== undefined) console.log(`skipped: ${why}`);

let room: ReturnType<typeof scratch>;
let lab: OperationLab;
let db: SqlLab;
const folder = () => room.path('migrations');
async function begin(): Promise<void> {
  room = scratch();
  mkdirSync(room.path('backups'));
  layMigrations(folder());
  const inputs = { ...(db?.inputs ?? {}), migrations: folder(), backup_dir: room.path('backups'), sqlite_file: room.path('app.db') };
  lab = await startOperationLab({ stackText: sqlStack, stackId: 'family-app', inputs, tier: 'development' });
}
afterEach(async () => {
  await lab?.close();
  room?.close();
});
const revert = async ({ engine }: OpenEngine, runId: string) => engine.settled((await engine.revert({ runId })).id);

describe.skipIf(skipSsh() || why !== undefined)('migrations of PostgreSQL by files', () => {
  beforeAll(async () => {
    db = await startSqlLab({ more: migratedSql });
  }, 120_000);
  afterAll(() => db?.postgres.stop());
  beforeEach(async () => {
    await db.reset();
    await begin();
  });

  const rows = () => db.sql('SELECT m::text FROM schema_migrations m ORDER BY version');
  const schema = () =>
    db.sql(
      "SELECT string_agg(table_name || '.' || column_name, ' ' ORDER BY 1) FROM (SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name IN ('albums', 'photos') ORDER BY 1, 2) x",
    );
  const verdict = async (open: OpenEngine, inputs: Record<string, string> = { expected: '013' }) => {
    const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'migration-down', inputs });
    return (await open.engine.preflight({ planId: plan.id })).items.find(({ id }) => id === 'down-migration');
  };

  it('are tried in a transaction that is rolled back, then rolled back for good with their row, and applied again', async () => {
    const open = await lab.open();
    const [rowsBefore, schemaBefore] = [await rows(), await schema()];
    const status = await open.run('migrations-status');
    expect(status.steps[0]?.output, status.summary).toMatchObject({ latest: '013', applied_count: '3', missing: 'none', strays: 'none' });
    const tried = await open.run('try-migration-down', { expected: '013' });
    expect(tried.steps[0]?.output, tried.summary).toMatchObject({ gone: 'column public.albums.owner text', made: 'none' });
    expect([await rows(), await schema()]).toEqual([rowsBefore, schemaBefore]);

    const run = await open.run('migration-down', { expected: '013' });
    expect(run.state, run.summary).toBe('succeeded');
    expect(await schema()).not.toContain('albums.owner');
    expect(await rows()).not.toContain('013');
    expect(readdirSync(room.path('backups')).length).toBeGreaterThan(0);

    const reverted = await revert(open, run.id);
    expect(reverted.state, reverted.summary).toBe('reverted');
    expect(await rows()).toBe(rowsBefore);
    expect(await schema()).toBe(schemaBefore);
  });

  it('go back to a version in one transaction: all of them, or none', async () => {
    const open = await lab.open();
    const before = [await rows(), await schema()];
    layMigrations(folder(), { '012_photos.down.sql': 'DROP TABLE photos;\nDROP TABLE no_such_table;\n' });
    const failed = await open.run('migration-down', { expected: '013', to: '011' });
    expect(failed.state).toBe('failed');
    expect(failed.summary).toContain('no_such_table');
    expect([await rows(), await schema()]).toEqual(before);
    layMigrations(folder());
    const run = await open.run('migration-down', { expected: '013', to: '011' });
    expect(run.state, run.summary).toBe('succeeded');
    expect(await schema()).toBe('albums.id albums.title');
    expect((await revert(open, run.id)).state).toBe('reverted');
    expect([await rows(), await schema()]).toEqual(before);
  });

  it('are refused when another one is the newest: before the confirmation, and after it', async () => {
    const open = await lab.open();
    expect(await verdict(open, { expected: '012' })).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('newest migration is 013, not 012'),
    });
    expect(await verdict(open, { expected: '013', to: '010' })).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('010 is not applied'),
    });
    const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'migration-down', inputs: { expected: '013' } });
    await open.engine.preflight({ planId: plan.id });
    const { token } = open.engine.confirm({ planId: plan.id, planHash: plan.hash, typedName: 'Shop production' });
    await db.sql("INSERT INTO schema_migrations VALUES ('014', 'late', 'now')");
    const run = await open.engine.settled((await open.engine.start({ planId: plan.id, token })).id);
    expect(run.state).toBe('failed');
    expect(run.summary).toContain('newest migration is 014, not 013');
    expect(await schema()).toContain('albums.owner');
  });

  it.each([
    [
      'a command of the client',
      (marker: string) => `ALTER TABLE albums DROP COLUMN owner;\n\\! touch ${marker}\n`,
      'line 2: a backslash command',
    ],
    ['a program', (marker: string) => `COPY albums FROM PROGRAM 'touch ${marker}';\n`, 'PROGRAM'],
    [
      'a program in a body',
      (marker: string) => `DO $x$ BEGIN EXECUTE 'COPY albums FROM PROGRAM ''touch ${marker}'''; END $x$;\n`,
      'PROGRAM',
    ],
    ['its own transaction', () => 'BEGIN;\nALTER TABLE albums DROP COLUMN owner;\nCOMMIT;\n', 'line 1: BEGIN'],
    ['what can’t run in one', () => 'DROP INDEX CONCURRENTLY photos_album;\n', 'CONCURRENTLY'],
  ])('with %s are refused before anything stops', async (_what, text, words) => {
    const marker = room.path('marker');
    layMigrations(folder(), { '013_album_owner.down.sql': text(marker) });
    const open = await lab.open();
    const before = [await rows(), await schema()];
    expect(await verdict(open)).toMatchObject({ verdict: 'block', detail: expect.stringContaining(words) });
    // The check is not only the preflight's.
    const tried = await open.run('try-migration-down', { expected: '013' });
    expect(tried.state).toBe('failed');
    expect([await rows(), await schema()]).toEqual(before);
    expect(existsSync(marker)).toBe(false);
  });

  it('are refused without a down file, and warned of without an up file', async () => {
    const open = await lab.open();
    layMigrations(folder(), { '013_album_owner.down.sql': undefined });
    expect(await verdict(open)).toMatchObject({ verdict: 'block', detail: expect.stringContaining('no down file of 013') });
    layMigrations(folder(), { '013_album_owner.up.sql': undefined });
    const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'migration-down', inputs: { expected: '013' } });
    expect((await open.engine.preflight({ planId: plan.id })).items.find(({ id }) => id === 'down-way-back')).toMatchObject({
      verdict: 'warn',
    });
    const run = await open.run('migration-down', { expected: '013' });
    expect(run.state, run.summary).toBe('succeeded');
    const reverted = await revert(open, run.id);
    expect(reverted).toMatchObject({ state: 'revert-failed', summary: expect.stringContaining('no up file of 013') });
  });

  it('show what was carried out in part: the row is there and the objects are not', async () => {
    const open = await lab.open();
    // As a tool does that runs the down file and keeps the row.
    await db.sql('DROP TABLE photos');
    const status = await open.run('migrations-status');
    expect(status.summary).toContain('carried out in part');
    expect(status.steps[0]?.output['missing']).toBe('photos of 012');
  });

  it('never roll back two when the connection is cut in the middle', async () => {
    await db.sql(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(2); RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER slow AFTER DELETE ON schema_migrations DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()`);
    const open = await lab.open();
    const run = await open.begin('migration-down', { expected: '013' });
    await expect
      .poll(() => db.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND application_name LIKE 'qd-%'"), {
        timeout: 60_000,
      })
      .toBe('1');
    lab.proxy.cut('rst');
    const ended = await open.engine.settled(run.id);
    expect(ended.state, ended.summary).toBe('succeeded');
    expect((await rows()).split('\n')).toHaveLength(2);
    expect(await schema()).toContain('photos.id');
  });
});

describe.skipIf(skipSsh())('migrations of SQLite by files', () => {
  beforeEach(async () => {
    await begin();
    inside((file) => file.exec(migratedSql));
  });
  function inside<T>(work: (file: Sqlite.Database) => T): T {
    const file = new Sqlite(room.path('app.db'), { timeout: 5000 });
    try {
      return work(file);
    } finally {
      file.close();
    }
  }
  const state = () =>
    inside((file) =>
      JSON.stringify([
        file.prepare('SELECT * FROM schema_migrations ORDER BY 1').all(),
        file.prepare('SELECT type, name, sql FROM sqlite_master ORDER BY 2').all(),
      ]),
    );

  it('are tried, rolled back with their row, and applied again; two at once are all or nothing', async () => {
    const open = await lab.open();
    const before = state();
    const tried = await open.run('sqlite-try-migration-down', { expected: '013' });
    expect(tried.steps[0]?.output, tried.summary).toMatchObject({ gone: expect.stringMatching(/^column albums.owner text$/i) });
    expect(state()).toBe(before);
    layMigrations(folder(), { '012_photos.down.sql': 'DROP TABLE photos;\nDROP TABLE no_such_table;\n' });
    const failed = await open.run('sqlite-migration-down', { expected: '013', to: '011' });
    expect(failed.state).toBe('failed');
    expect(state()).toBe(before);
    layMigrations(folder());
    const run = await open.run('sqlite-migration-down', { expected: '013', to: '011' });
    expect(run.state, run.summary).toBe('succeeded');
    expect(state()).not.toContain('photos');
    const reverted = await revert(open, run.id);
    expect(reverted.state, reverted.summary).toBe('reverted');
    expect(inside((file) => file.prepare('SELECT * FROM schema_migrations ORDER BY 1').all())).toHaveLength(3);
    expect(state()).toContain('photos_album');
  });

  it('with a line for the client are refused, and it never acts', async () => {
    const marker = room.path('marker');
    layMigrations(folder(), { '013_album_owner.down.sql': `ALTER TABLE albums DROP COLUMN owner;\n.shell touch ${marker}\n` });
    const open = await lab.open();
    const before = state();
    const run = await open.run('sqlite-try-migration-down', { expected: '013' });
    expect(run).toMatchObject({ state: 'failed', summary: expect.stringContaining('line 2: a line for the client') });
    expect(state()).toBe(before);
    expect(existsSync(marker)).toBe(false);
    expect(readFileSync(room.path('migrations/013_album_owner.down.sql'), 'utf8')).toContain('.shell');
  });
});
