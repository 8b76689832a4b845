import { readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { OpenEngine } from '../support/engine-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import { postgresUnavailable } from '../support/postgres.ts';
import { postgresStack, startShop } from '../support/postgres-lab.ts';
import { sqliteServiceUnavailable, startSqliteService } from '../support/sqlite-service.ts';
import { scratch, skipSsh } from '../support/ssh-lab.ts';

const sqliteText = readFileSync(new URL('../support/stacks/sqlite.yaml', import.meta.url), 'utf8');
const room = scratch();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  room.close();
});

/** Rehearses and says how the ledger has it. */
async function rehearse(open: OpenEngine, backup: string) {
  const run = await open.run('rehearse-restore', { backup });
  return { run, row: open.engine.rehearsals('env-1', 1)[0] };
}

describe.skipIf(skipSsh(sqliteServiceUnavailable()))('a rehearsed restore of a SQLite file', () => {
  it('is staged, measured and removed again while the service goes on; a damaged backup does not pass the preflight', async () => {
    const service = await startSqliteService({ dir: room.path('shop') });
    closers.push(() => service.close());
    const lab = await startOperationLab({ stackText: sqliteText, stackId: 'sqlite', inputs: service.inputs });
    closers.push(() => lab.close());
    const open = await lab.open();
    const made = await open.run('create-backup');
    const backup = made.steps[0]?.output['filename'] ?? '';
    const beside = () => readdirSync(join(service.dir, 'data')).sort();
    const before = beside();

    const { run, row } = await rehearse(open, backup);
    expect(run.summary).toContain('The scratch target was removed');
    expect(run.state).toBe('succeeded');
    expect(row).toMatchObject({ verdict: 'met', of: 'restore-backup', inputs: { backup } });
    expect(row?.rtoMs).toBeGreaterThan(0);
    expect(row?.rpoMs).toBeLessThan(600_000);
    expect(beside()).toEqual(before);
    expect(await (await fetch(`${service.inputs['base_url']}/healthz`, { headers: { connection: 'close' } })).json()).toMatchObject({
      status: 'ok',
    });

    const file = join(service.inputs['backup_dir'] ?? '', backup);
    truncateSync(file, 5000);
    const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'rehearse-restore', inputs: { backup } });
    expect((await open.engine.preflight({ planId: plan.id })).ok).toBe(false);
    expect(beside()).toEqual(before);
  });
});

describe.skipIf(skipSsh(postgresUnavailable()))('a rehearsed restore of PostgreSQL', () => {
  it('goes into a scratch database, is compared table by table, and leaves the live one and nothing else', async () => {
    const shop = await startShop(room.dir);
    closers.push(() => shop.stop());
    const lab = await startOperationLab({ stackText: postgresStack.text, stackId: postgresStack.id, inputs: shop.inputs });
    closers.push(() => lab.close());
    await shop.reset();
    const open = await lab.open();
    const made = await open.run('create-backup');
    const backup = made.steps[0]?.output['backup'] ?? '';
    const live = await shop.live();

    const { run, row } = await rehearse(open, backup);
    expect(run.summary).toContain('The scratch target was removed');
    expect(run.state).toBe('succeeded');
    expect(row).toMatchObject({ verdict: 'met', rtoTargetMs: 1_800_000 });
    expect(await shop.databases()).toEqual(['shop']);
    expect(await shop.live()).toBe(live);
    expect(shop.calls()).not.toContain('stop');
  }, 120_000);
});
