import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BackupList } from '../../src/contract/backups.ts';
import { Run } from '../../src/contract/runs.ts';
import type { CliResult } from '../support/cli.ts';
import { createCli } from '../support/cli.ts';
import { postgresUnavailable } from '../support/postgres.ts';
import type { ShopLab } from '../support/postgres-lab.ts';
import { postgresStack, startShop } from '../support/postgres-lab.ts';
import { skipSsh } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

// Whole operations over a real sshd: on a loaded machine they take their time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const name = 'Shop production';

describe.skipIf(skipSsh(postgresUnavailable()))('PostgreSQL on the command line', () => {
  let home: string;
  let shop: ShopLab;
  let sshd: Sshd;
  let cli: ReturnType<typeof createCli>;
  /** The run a command printed; what it said instead fails the test. */
  const ended = (result: CliResult): Run => {
    const run = Run.safeParse(JSON.parse(result.stdout || 'null'));
    if (!run.success) throw new Error(`${result.stdout}${result.stderr}`);
    return run.data;
  };
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'quarterdeck-cli-'));
    [shop, sshd] = await Promise.all([startShop(join(home, 'host')), startSshd()]);
    cli = createCli({ home });
    mkdirSync(join(home, 'stacks'));
    writeFileSync(join(home, 'stacks/postgres-shop.yaml'), postgresStack.text);
    const target = { host: sshd.host, port: sshd.port, user: sshd.user, auth: [{ kind: 'key', path: sshd.clientKey.path }] };
    writeFileSync(
      join(home, 'profile.yaml'),
      JSON.stringify({ name, tier: 'production', ssh: { target }, stack: postgresStack.id, inputs: shop.inputs }),
    );
    expect((await cli(['env', 'add', '-f', join(home, 'profile.yaml')])).stderr).toBe('');
    expect((await cli(['env', 'trust', name, '--fingerprint', sshd.hostKeys[0]?.fingerprint ?? ''])).code).toBe(0);
  }, 120_000);
  afterAll(async () => {
    await sshd?.stop();
    await shop?.stop();
    if (home !== undefined) rmSync(home, { recursive: true, force: true });
  });

  it('backs up, refuses a hostile dump with words, restores a good one only with the name, verifies and goes back', async () => {
    const made = ended(await cli(['run', name, 'create-backup', '--yes', '--json']));
    expect(made.state, made.summary).toBe('succeeded');
    const backup = made.steps[0]?.output['backup'] ?? '';
    const [listed] = (await cli(['backups', name, 'list', '--json'])).json<BackupList>().backups;
    expect(listed).toMatchObject({ name: backup, sha256: made.steps[0]?.output['sha256'], origin: { foreign: false } });
    const checked = await cli(['backups', name, 'verify', backup]);
    expect([checked.code, checked.stderr]).toEqual([0, '']);
    expect(checked.stdout).toContain('Read to its end by pg_restore');

    const marker = join(home, 'marker');
    writeFileSync(join(shop.backupDir, 'evil.dump'), `\\! touch ${marker}\n`);
    await shop.pg.sql(`DELETE FROM public.orders WHERE id > 10`, 'shop');
    const damaged = await shop.live();
    const evil = await cli([
      'run',
      name,
      'restore-backup',
      '--input',
      'backup=evil.dump',
      '--input',
      'without_manifest=accept',
      '--confirm',
      name,
    ]);
    expect(evil.code).not.toBe(0);
    expect(evil.stdout + evil.stderr).toContain('not an archive in PostgreSQL’s custom format');
    expect(existsSync(marker)).toBe(false);
    expect(shop.calls()).toBe('');
    expect(await shop.live()).toBe(damaged);

    const shown = await cli(['run', name, 'restore-backup', '--input', `backup=${backup}`]);
    expect(shown.code).toBe(2);
    expect(shown.stdout).toContain('pg_restore');
    expect(shown.stdout).toContain('ALTER DATABASE shop RENAME TO');
    expect(await shop.live()).toBe(damaged);
    const run = ended(await cli(['run', name, 'restore-backup', '--input', `backup=${backup}`, '--confirm', name, '--json']));
    expect(run.state, run.summary).toBe('succeeded');
    expect(await shop.pg.sql('SELECT count(*) FROM public.orders', 'shop')).toBe('400');
    const reverted = ended(await cli(['runs', 'revert', run.id, '--confirm', name, '--json']));
    expect(reverted.state, reverted.summary).toBe('reverted');
    expect(await shop.live()).toBe(damaged);
    expect((await cli(['journal', 'verify'])).code).toBe(0);
  });

  it('drops what a restore put aside only with an archive of just that', async () => {
    const [newest] = (await cli(['backups', name, 'list', '--json']))
      .json<BackupList>()
      .backups.filter(({ name: one }) => one !== 'evil.dump');
    const run = ended(await cli(['run', name, 'restore-backup', '--input', `backup=${newest?.name}`, '--confirm', name, '--json']));
    expect(run.state, run.summary).toBe('succeeded');
    const previous = run.steps.find(({ id }) => id === 'swap')?.output['previous_database'] ?? '';
    expect(await shop.databases()).toEqual(['shop', previous]);
    const stranger = await cli(['run', name, 'drop-previous', '--input', 'previous=shop_before_00000000', '--confirm', name]);
    expect(stranger.code).not.toBe(0);
    const dropped = ended(await cli(['run', name, 'drop-previous', '--input', `previous=${previous}`, '--confirm', name, '--json']));
    expect(dropped.state, dropped.summary).toBe('succeeded');
    expect(await shop.databases()).toEqual(['shop']);
    expect(shop.dumps().some((one) => one.startsWith(previous))).toBe(true);
  });
});
