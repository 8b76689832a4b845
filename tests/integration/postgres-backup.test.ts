import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { OpenEngine } from '../support/engine-lab.ts';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import { postgresUnavailable } from '../support/postgres.ts';
import type { ShopLab } from '../support/postgres-lab.ts';
import { postgresStack, startShop } from '../support/postgres-lab.ts';
import { scratch, skipSsh } from '../support/ssh-lab.ts';

// Whole operations over a real sshd: on a loaded machine they take their time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const typedName = 'Shop production';

describe.skipIf(skipSsh(postgresUnavailable()))('PostgreSQL on the host', () => {
  const room = scratch();
  let shop: ShopLab;
  let lab: OperationLab;
  let open: OpenEngine;
  beforeAll(async () => {
    shop = await startShop(room.dir);
    lab = await startOperationLab({
      stackText: postgresStack.text,
      stackId: postgresStack.id,
      inputs: shop.inputs,
      secrets: { 'db-password': 'canary-shop' },
    });
    open = await lab.open();
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
    await shop?.stop();
    room.close();
  });
  beforeEach(async () => {
    Object.assign(lab.handle.environment.inputs, shop.inputs, { password_secret: '' });
    await shop.reset();
  }, 60_000);

  it('backs up: hash, counts and versions beside a dump that was read through', async () => {
    const run = await open.run('create-backup');
    expect(run.summary).toContain('is on this laptop');
    expect(run.steps[0]?.observed).toContain('read through by pg_restore');
    expect(run.state).toBe('succeeded');
    const { backup = '', sha256 = '', tables, rows } = run.steps[0]?.output ?? {};
    const bytes = readFileSync(join(shop.backupDir, backup));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
    expect([tables, rows]).toEqual(['4', '510']);
    const manifest = JSON.parse(readFileSync(join(shop.backupDir, `${backup}.quarterdeck.json`), 'utf8'));
    expect(manifest).toMatchObject({ kind: 'postgres', source: 'shop', sha256, facts: { contents: 'all', owner: 'shop' } });
    expect(existsSync(join(shop.backupDir, `${backup}.part`))).toBe(false);
    expect(execFileSync(join(shop.pg.bin, 'pg_restore'), ['-l', join(shop.backupDir, backup)], { encoding: 'utf8' })).toContain(
      'TABLE DATA public orders',
    );
  });

  it('restores, verifies, and goes back to exactly what was there', async () => {
    const made = await open.run('create-backup');
    const backup = made.steps[0]?.output['backup'] ?? '';
    const asBackedUp = await shop.live();
    await shop.pg.sql(
      `DELETE FROM public.orders WHERE id > 100; UPDATE public.customers SET name = 'lost'; CREATE TABLE later (x int);`,
      'shop',
    );
    const damaged = await shop.live();
    const run = await open.run('restore-backup', { backup });
    expect(run.summary).toContain('Done');
    expect(run.state).toBe('succeeded');
    const withoutOid = (text: string) => text.replace(/^shop\|\d+/, 'shop');
    expect(withoutOid(await shop.live())).toBe(withoutOid(asBackedUp));
    expect(await shop.pg.sql(`SELECT to_regclass('public.later') IS NULL`, 'shop')).toBe('t');
    expect(shop.calls()).toBe('stop\nstart\n');
    expect(await shop.databases()).toHaveLength(2);

    const reverted = await open.engine.settled((await open.engine.revert({ runId: run.id, typedName })).id);
    expect(reverted.summary).toContain('Reverted');
    expect(reverted.state).toBe('reverted');
    expect(await shop.live()).toBe(damaged);
    expect(await shop.databases()).toEqual(['shop']);
  });

  it('restores as the owner alone, with a password, while somebody writes: the counts are of the dump’s own snapshot; who writes is named and ended', async () => {
    const { handle, sshd } = lab;
    Object.assign(handle.environment.inputs, { pg_host: '127.0.0.1', pg_user: 'shop', restore_role: '', password_secret: 'db-password' });
    const args = ['-X', '-q', '-h', shop.pg.socketDir, '-p', String(shop.pg.port), '-U', 'shop', '-d', 'shop'];
    const writer = spawn(join(shop.pg.bin, 'psql'), args, { env: { PGAPPNAME: 'shop-worker' }, stdio: ['pipe', 'ignore', 'ignore'] });
    const ended = once(writer, 'exit');
    onTestFinished(() => void writer.kill());
    writer.stdin.write(`INSERT INTO public.orders (customer, total) VALUES (1, 1);\n\\watch 0.005\n`);
    const backup = (await open.run('create-backup')).steps[0]?.output['backup'] ?? '';
    const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'restore-backup', inputs: { backup } });
    const preflight = await open.engine.preflight({ planId: plan.id });
    expect(preflight.items.find(({ title }) => title === 'Connected now')).toMatchObject({
      verdict: 'warn',
      detail: expect.stringContaining('shop-worker'),
    });
    const run = await open.run('restore-backup', { backup });
    expect(run.summary).toContain('Done');
    await ended;
    const restored = run.steps.find(({ id }) => id === 'restore')?.output;
    expect(Number(restored?.['rows'])).toBeGreaterThan(510);
    const previous = run.steps.find(({ id }) => id === 'swap')?.output['previous_database'] ?? '';
    expect(await shop.pg.sql(`SELECT datallowconn FROM pg_database WHERE datname = '${previous}'`)).toBe('f');
    // The password is nowhere but in the file that goes with its script.
    for (const place of [join(sshd.stateHome), handle.storeFile, shop.backupDir])
      expect(spawnSync('grep', ['-ra', 'canary-shop', place]).stdout.toString()).toBe('');
    const reverted = await open.engine.settled((await open.engine.revert({ runId: run.id, typedName })).id);
    expect(reverted.state, reverted.summary).toBe('reverted');
    expect(await shop.databases()).toEqual(['shop']);
  });
});
