import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupVerification } from '../../src/contract/backups.ts';
import { BackupList } from '../../src/contract/backups.ts';
import { Run } from '../../src/contract/runs.ts';
import { furnish } from '../support/furnish.ts';
import type { SqliteService } from '../support/sqlite-service.ts';
import { sqliteServiceUnavailable, startSqliteService } from '../support/sqlite-service.ts';
import { skipSsh } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

const name = 'Shop production';

describe.skipIf(skipSsh(sqliteServiceUnavailable()))('a SQLite file on the command line', () => {
  const root = mkdtempSync(join(tmpdir(), 'quarterdeck-cli-sqlite-'));
  let sshd: Sshd;
  let shop: SqliteService;
  let cli: Awaited<ReturnType<typeof furnish>>;
  const list = async () => BackupList.parse((await cli(['backups', name, '--json'])).json());

  beforeAll(async () => {
    [sshd, shop] = await Promise.all([startSshd(), startSqliteService({ dir: join(root, 'shop'), orders: 20, end: 'crash' })]);
    cli = await furnish({
      dataFolder: join(root, 'data'),
      name,
      tier: 'production',
      stackId: 'sqlite',
      stackText: readFileSync(new URL('../support/stacks/sqlite.yaml', import.meta.url), 'utf8'),
      inputs: shop.inputs,
      sshd,
    });
  });
  afterAll(async () => {
    await shop?.close();
    await sshd?.stop();
    rmSync(root, { recursive: true, force: true });
  });

  it('backups: none yet, created, listed with where they are from, verified on both sides', async () => {
    expect((await list()).backups).toEqual([]);
    const created = await cli(['backups', name, 'create', '--label', 'pre-deploy', '--json']);
    expect(Run.parse(created.json()).state, created.stderr).toBe('succeeded');
    const { backups, retention } = await list();
    expect(retention).toMatchObject({ maxCount: null, removedByNextBackup: [], source: 'nothing deletes them by itself' });
    expect(backups).toMatchObject([
      {
        label: 'pre-deploy',
        protected: true,
        origin: { environmentName: name, foreign: false },
        verifications: [{ valid: true }, { valid: true }],
      },
    ]);
    const backup = backups[0]?.name ?? '';
    for (const where of [[], ['--local']]) {
      const verified = await cli(['backups', name, 'verify', backup, ...where, '--json']);
      expect(verified.json<BackupVerification>(), verified.stderr).toMatchObject({ valid: true, sha256: backups[0]?.sha256 });
    }
  });

  it('run restore-backup: a bit-flipped one is refused, a good one restored, and reverted to the exact data', async () => {
    const good = (await list()).backups[0]?.name ?? '';
    await shop.order(9);
    const before = shop.data();
    const spoilt = 'shop-spoilt.db';
    const bytes = readFileSync(join(shop.backups, good));
    bytes[4096 + 11] = (bytes[4096 + 11] ?? 0) ^ 0x40;
    writeFileSync(join(shop.backups, spoilt), bytes);
    const bad = await cli(['backups', name, 'verify', spoilt, '--json']);
    expect(bad.json<BackupVerification>().valid).toBe(false);
    expect(bad.code).toBe(1);
    const refused = await cli(['run', name, 'restore-backup', '--input', `backup=${spoilt}`, '--confirm', name, '--json']);
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toContain('integrity_check');
    expect(shop.data()).toBe(before);

    const done = await cli(['run', name, 'restore-backup', '--input', `backup=${good}`, '--confirm', name, '--json']);
    const run = Run.parse(done.json());
    expect(run.state, done.stderr).toBe('succeeded');
    expect(await shop.health()).toEqual({ status: 200, orders: 20 });
    const reverted = await cli(['runs', 'revert', run.id, '--confirm', name, '--json']);
    expect(Run.parse(reverted.json()).state, reverted.stderr).toBe('reverted');
    expect(shop.data()).toBe(before);
    expect((await cli(['journal', 'verify'])).code).toBe(0);
  });
});
