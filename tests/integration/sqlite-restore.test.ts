import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Preflight, Run } from '../../src/contract/runs.ts';
import type { OpenEngine } from '../support/engine-lab.ts';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import type { SqliteService } from '../support/sqlite-service.ts';
import { sqliteServiceUnavailable, startSqliteService } from '../support/sqlite-service.ts';
import { scratch, skipSsh } from '../support/ssh-lab.ts';

const stackText = readFileSync(new URL('../support/stacks/sqlite.yaml', import.meta.url), 'utf8');
const name = 'Shop production';
const why = sqliteServiceUnavailable();
if (why !== undefined) console.info(`skipped: ${why}`);

const room = scratch();
let lab: OperationLab | undefined;
let shop: SqliteService | undefined;
afterEach(async () => {
  await lab?.close();
  await shop?.close();
  lab = undefined;
  shop = undefined;
  room.close();
});

async function start(
  options: { orders?: number; end?: 'close' | 'crash'; variables?: Record<string, string>; inputs?: Record<string, string> } = {},
): Promise<{ service: SqliteService; open: OpenEngine; lab: OperationLab }> {
  const service = await startSqliteService({ dir: room.path('shop'), ...options });
  shop = service;
  lab = await startOperationLab({
    stackText,
    stackId: 'sqlite',
    inputs: { ...service.inputs, ...options.inputs },
    ...(options.variables === undefined ? {} : { variables: options.variables }),
  });
  return { service, open: await lab.open(), lab };
}

const made = (run: Run, step = 'backup') => run.steps.find(({ id }) => id === step)?.output ?? {};
const states = (run: Run) => run.steps.map(({ id, state }) => `${id} ${state}`).join(', ');
const rows = (file: string): number => {
  const db = new Database(file, { readonly: true });
  try {
    return db.prepare<[], number>('SELECT count(*) FROM orders').pluck().get() ?? -1;
  } finally {
    db.close();
  }
};
const calls = (service: SqliteService) => (existsSync(join(service.dir, 'calls')) ? readFileSync(join(service.dir, 'calls'), 'utf8') : '');
/** What lies beside the database, but for the index, which is nobody's data. */
const beside = (service: SqliteService) => readdirSync(join(service.dir, 'data')).filter((one) => !one.endsWith('-shm'));

async function backup(open: OpenEngine, label = ''): Promise<Record<string, string>> {
  const run = await open.run('create-backup', { label });
  expect(run.summary).toMatch(/^Done/);
  return made(run);
}
async function preflight(open: OpenEngine, inputs: Record<string, string>): Promise<Preflight> {
  const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'restore-backup', inputs });
  return open.engine.preflight({ planId: plan.id });
}
const blocks = ({ items }: Preflight) => items.filter(({ verdict }) => verdict === 'block').map(({ detail }) => detail);
const revert = async (open: OpenEngine, run: Run): Promise<Run> =>
  open.engine.settled((await open.engine.revert({ runId: run.id, typedName: name })).id);

describe.skipIf(skipSsh() || why !== undefined)('a backup of a SQLite file', () => {
  it('holds what is only in the log yet, is verified on both sides, and is told by its manifest', async () => {
    const { service, open, lab: where } = await start({ orders: 0 });
    await service.order(30);
    // What a copy of the file alone would have held.
    copyFileSync(service.db, room.path('hot.db'));
    expect(rows(room.path('hot.db'))).toBe(0);
    const output = await backup(open, 'pre-deploy');
    expect(output).toMatchObject({ integrity: 'ok', rows: '{"customers":2,"orders":30}', foreign_keys: '0' });
    expect(output['filename']).toMatch(/^shop-\d{8}-\d{6}-[0-9a-f]{8}\.db$/);
    expect(readdirSync(service.backups).sort()).toEqual([output['filename'], `${output['filename']}.quarterdeck.json`]);
    expect(rows(join(where.handle.localFolder, output['filename'] ?? ''))).toBe(30);
    const manifest = JSON.parse(readFileSync(`${output['path']}.quarterdeck.json`, 'utf8')) as Record<string, unknown>;
    expect(manifest).toMatchObject({ kind: 'sqlite', source: service.db, environment: 'env-1', sha256: output['sha256'] });
    expect((await service.health()).orders).toBe(30);
  });

  it('of a service that is stopped leaves the live file and its folder as they are', async () => {
    const { service, open } = await start({ orders: 5 });
    await service.verb('stop');
    const before = [readdirSync(join(service.dir, 'data')), statSync(service.db).mtimeMs, readFileSync(service.db)];
    expect(await backup(open)).toMatchObject({ integrity: 'ok', rows: '{"customers":2,"orders":5}' });
    expect([readdirSync(join(service.dir, 'data')), statSync(service.db).mtimeMs, readFileSync(service.db)]).toEqual(before);
  });

  it('is made by python3 where there is no sqlite3, equal to the last byte of what is told; and refused where there is neither', async (context) => {
    const found = spawnSync('python3', ['-c', 'import sqlite3, sys; print(sys.executable)'], { encoding: 'utf8' });
    if (found.status !== 0) context.skip('no python3 with its sqlite3 module');
    const bin = room.path('bin');
    mkdirSync(bin, { recursive: true });
    const python = found.stdout.trim();
    for (const folder of ['/usr/bin', '/bin'])
      for (const one of readdirSync(folder))
        if (!/^(sqlite3|python3?)$/.test(one) && !existsSync(join(bin, one))) symlinkSync(join(folder, one), join(bin, one));
    symlinkSync(python, join(bin, 'python3'));
    const { service, open } = await start({ orders: 3, variables: { PATH: bin } });
    await service.order(4);
    const output = await backup(open);
    expect(output).toMatchObject({ integrity: 'ok', rows: '{"customers":2,"orders":7}' });
    expect(rows(output['path'] ?? '')).toBe(7);
    const look = await (await open.session()).exec({ script: 'command -v sqlite3 || echo none\n' });
    expect(look.outcome === 'done' && look.stdout.toString()).toBe('none\n');
    await lab?.close();

    execFileSync('rm', [join(bin, 'python3')]);
    lab = await startOperationLab({ stackText, stackId: 'sqlite', inputs: service.inputs, variables: { PATH: bin } });
    const without = await lab.open();
    const plan = without.engine.plan({ environmentId: 'env-1', runbook: 'create-backup', inputs: {} });
    expect(blocks(await without.engine.preflight({ planId: plan.id })).join()).toContain('neither sqlite3 nor python3');
  });
});

describe.skipIf(skipSsh() || why !== undefined)('a restore of a SQLite file', () => {
  it('brings the backup back though a log of the old data lies there; reverting brings back exactly what was', async () => {
    const { service, open } = await start({ orders: 10, end: 'crash' });
    const good = await backup(open);
    await service.order(25);
    const before = service.data();

    // The trap, to see that it is one: a file swapped under its old log is the old data, and integrity_check finds it good.
    await service.verb('stop');
    mkdirSync(room.path('naive'));
    copyFileSync(good['path'] ?? '', room.path('naive/shop.db'));
    copyFileSync(`${service.db}-wal`, room.path('naive/shop.db-wal'));
    const trap = new Database(room.path('naive/shop.db'));
    expect([trap.prepare('SELECT count(*) FROM orders').pluck().get(), trap.pragma('integrity_check', { simple: true })]).toEqual([
      35,
      'ok',
    ]);
    trap.close();
    await service.verb('start');

    const { uid, mode } = statSync(service.db);
    const run = await open.run('restore-backup', { backup: good['filename'] ?? '', min_rows: 'orders=10' });
    expect(run.summary).toContain('rows: customers 2, orders 10');
    expect(run.state).toBe('succeeded');
    expect(await service.health()).toEqual({ status: 200, orders: 10 });
    expect(statSync(service.db)).toMatchObject({ uid, mode });
    const aside = made(run, 'swap')['set_aside'] ?? '';
    expect(readdirSync(aside).sort()).toEqual(['plan', 'restored', 'shop.db', 'shop.db-shm', 'shop.db-wal']);
    expect(beside(service)).toEqual(['shop.db', `shop.db.before-${aside.slice(-8)}`, 'shop.db-wal'].sort());
    await service.order(2);

    const reverted = await revert(open, run);
    expect(reverted.summary).toContain('Reverted');
    expect(reverted.state).toBe('reverted');
    expect(service.data()).toBe(before);
    expect((await service.health()).orders).toBe(35);
    // Nothing that was written is ever thrown away.
    expect(rows(join(aside, 'restored', 'shop.db'))).toBe(12);
  });

  const spoil: readonly [string, RegExp, (file: string) => void][] = [
    ['truncated', /SHA-256 is not the manifest|malformed|integrity_check/, (file) => truncateSync(file, 4096)],
    ['empty', /SHA-256|empty/, (file) => truncateSync(file, 0)],
    ['an HTML page', /SHA-256|not a database/, (file) => writeFileSync(file, '<!doctype html><title>404</title>')],
    [
      'bit-flipped',
      /SHA-256|integrity_check/,
      (file) => {
        const bytes = readFileSync(file);
        bytes[4096 + 11] = (bytes[4096 + 11] ?? 0) ^ 0x40;
        writeFileSync(file, bytes);
      },
    ],
  ];
  it.each(spoil)('of a backup that is %s is refused before anything stops, with a manifest and without one', async (_what, words, harm) => {
    const { service, open, lab: where } = await start({ orders: 300 });
    const good = await backup(open);
    // Also with the laptop's copy gone, so that nothing but the host's file is left.
    execFileSync('rm', ['-r', where.handle.localFolder]);
    mkdirSync(where.handle.localFolder);
    const before = service.data();
    harm(good['path'] ?? '');
    expect(blocks(await preflight(open, { backup: good['filename'] ?? '' })).join()).toMatch(words);
    execFileSync('rm', [`${good['path']}.quarterdeck.json`]);
    expect(blocks(await preflight(open, { backup: good['filename'] ?? '' })).join()).not.toBe('');
    await expect(open.begin('restore-backup', { backup: good['filename'] ?? '' })).rejects.toMatchObject({
      data: { code: 'preflight-blocked' },
    });
    expect(calls(service)).toBe('');
    expect(service.data()).toBe(before);
  });

  it('of a backup that was harmed after the preflight fails before the service is stopped', async () => {
    const { service, open, lab: where } = await start({ orders: 300 });
    const good = await backup(open);
    execFileSync('rm', ['-r', where.handle.localFolder]);
    mkdirSync(where.handle.localFolder);
    const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'restore-backup', inputs: { backup: good['filename'] ?? '' } });
    expect((await open.engine.preflight({ planId: plan.id })).ok).toBe(true);
    spoil[3]?.[2](good['path'] ?? '');
    const { token } = open.engine.confirm({ planId: plan.id, planHash: plan.hash, typedName: name });
    const run = await open.engine.settled((await open.engine.start({ planId: plan.id, token })).id);
    expect(states(run)).toContain('secure failed, safety pending');
    expect(run.summary).toContain('SHA-256');
    expect(calls(service)).toBe('');
  });

  it('of another environment’s backup, of another file’s, or of one with too few rows is refused', async () => {
    const { service, open } = await start({ orders: 20 });
    const good = await backup(open);
    const file = `${good['path']}.quarterdeck.json`;
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...manifest, environment: 'env-2', environmentName: 'Shop staging', host: 'SHA256:other' }));
    expect(blocks(await preflight(open, { backup: good['filename'] ?? '' })).join()).toContain('another environment, Shop staging');
    writeFileSync(file, JSON.stringify({ ...manifest, source: '/srv/other.db' }));
    expect(blocks(await preflight(open, { backup: good['filename'] ?? '' })).join()).toContain('/srv/other.db');
    writeFileSync(file, JSON.stringify(manifest));
    expect(blocks(await preflight(open, { backup: good['filename'] ?? '', min_rows: 'orders=21' })).join()).toContain('at least 21');
    expect((await preflight(open, { backup: good['filename'] ?? '', min_rows: 'orders=20' })).ok).toBe(true);
    await service.order(30);
    const warned = await preflight(open, { backup: good['filename'] ?? '' });
    expect(warned.items.find(({ verdict, detail }) => verdict === 'warn' && /Far fewer rows/.test(detail))?.detail).toContain(
      '20 instead of 50',
    );

    // A sound database of something else, without a manifest.
    const other = new Database(join(service.backups, 'other.db'));
    other.exec('CREATE TABLE orders (x); INSERT INTO orders VALUES (1)');
    other.close();
    expect(blocks(await preflight(open, { backup: 'other.db' })).join()).toContain('not those of the live database');
    expect(calls(service)).toBe('');
  });

  it('uses the laptop’s copy when the host has the backup no more', async () => {
    const { service, open } = await start({ orders: 4 });
    const good = await backup(open);
    execFileSync('rm', [good['path'] ?? '', `${good['path']}.quarterdeck.json`]);
    await service.order(3);
    const run = await open.run('restore-backup', { backup: good['filename'] ?? '' });
    expect(run.summary).toMatch(/^Done/);
    expect((await service.health()).orders).toBe(4);
    expect((await revert(open, run)).state).toBe('reverted');
    expect((await service.health()).orders).toBe(7);
  });

  it('of a live file that is damaged keeps its bytes as the way back', async () => {
    const { service, open } = await start({ orders: 50 });
    const good = await backup(open);
    await service.verb('stop');
    writeFileSync(service.db, '<html>somebody saved a page here</html>');
    const run = await open.run('restore-backup', { backup: good['filename'] ?? '' });
    expect(run.summary).toMatch(/^Done/);
    expect(run.steps.find(({ id }) => id === 'safety')?.observed).toContain('DAMAGED');
    expect(readFileSync(join(service.backups, made(run, 'safety')['filename'] ?? ''), 'utf8')).toContain('<html>');
    expect((await service.health()).orders).toBe(50);
    // It did not run before, and could not on such a file: going back leaves it stopped.
    const reverted = await revert(open, run);
    expect(readFileSync(service.db, 'utf8')).toContain('<html>');
    expect(reverted.state).toBe('reverted');
    expect((await service.verb('status')).stdout).toContain('stopped');
  });

  it('moves nothing while somebody will not let go, whoever it is', async () => {
    const { service, open } = await start({ orders: 6 });
    const good = await backup(open);
    await service.order(1);
    const before = service.data();
    const holder = new Database(service.db, { readonly: true });
    holder.prepare('SELECT count(*) FROM orders').get();
    const run = await open.run('restore-backup', { backup: good['filename'] ?? '' });
    holder.close();
    expect(states(run)).toContain('stop done, swap failed, start pending');
    expect(run.summary).toMatch(new RegExp(`still holds the database.*${process.pid}`));
    expect(service.data()).toBe(before);
    // It has let go: the same run goes on.
    const resumed = await open.engine.settled((await open.engine.resume({ runId: run.id, typedName: name })).id);
    expect(resumed.state).toBe('succeeded');
    expect((await service.health()).orders).toBe(6);
    expect((await revert(open, resumed)).state).toBe('reverted');
    expect(service.data()).toBe(before);
  });

  it('finds a service that restarts itself behind its control, and loses nothing', async () => {
    const { service, open } = await start({ orders: 6 });
    const good = await backup(open);
    await service.order(2);
    const before = service.data();
    writeFileSync(join(service.dir, 'supervised'), '');
    const run = await open.run('restore-backup', { backup: good['filename'] ?? '' });
    expect(states(run)).toContain('stop done, swap failed');
    expect(run.summary).toMatch(/holds the database|lock file is locked/);
    expect(service.data()).toBe(before);
    expect((await service.health()).orders).toBe(8);
    await service.close();
    expect((await revert(open, run)).state).toBe('reverted');
    expect(service.data()).toBe(before);
    expect((await service.health()).orders).toBe(8);
  });

  it('goes on when the connection is cut in the middle of it', async () => {
    const { service, open } = await start({ orders: 40 });
    const good = await backup(open);
    await service.order(3);
    const run = await open.begin('restore-backup', { backup: good['filename'] ?? '' });
    await vi.waitUntil(() => calls(service) !== '', { timeout: 60_000 });
    lab?.proxy.cut('rst');
    const ended = await open.engine.settled(run.id);
    expect(ended.summary).toMatch(/^Done/);
    expect((await service.health()).orders).toBe(40);
  });
});
