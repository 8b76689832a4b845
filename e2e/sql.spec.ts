import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { layMigrations, migratedSql } from '../tests/support/migration-files.ts';
import { postgresUnavailable } from '../tests/support/postgres.ts';
import { FAMILY, sqlStack, startSqlLab } from '../tests/support/sql-lab.ts';
import { sshdUnavailable, startSshd } from '../tests/support/sshd.ts';
import { expect, test } from './support/journey.ts';
import { meet } from './support/remote.ts';
import { createWindow } from './support/window.ts';

const name = 'Families production';

test('journey: the devices of a family are revoked by their preview and given back; a migration is tried, rolled back and applied again', async ({
  page,
  host,
  closing,
}) => {
  const why = sshdUnavailable() ?? postgresUnavailable();
  test.skip(why !== undefined, `skipped: ${why}`);
  test.setTimeout(240_000);
  let home = '';
  const served = await host({
    furnish(folder) {
      home = folder;
      const stacks = join(folder, '../data/stacks');
      mkdirSync(stacks, { recursive: true });
      writeFileSync(join(stacks, 'family-app.yaml'), sqlStack);
    },
  });
  const sshd = closing(await startSshd());
  const db = await startSqlLab({ more: migratedSql });
  closing(db.postgres);
  layMigrations(join(home, 'migrations'));
  mkdirSync(join(home, 'backups'));
  const window = createWindow(page);

  await test.step('the environment is added with a stack of one’s own', async () => {
    await window.open(served.url);
    await page.getByRole('link', { name: 'Add environment' }).click();
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByRole('radio', { name: 'Production' }).check();
    await page.getByLabel('Host', { exact: true }).fill(sshd.host);
    await page.getByLabel('Port', { exact: true }).first().fill(String(sshd.port));
    await page.getByLabel('User', { exact: true }).fill(sshd.user);
    await page.getByLabel('Method 1').selectOption('key');
    await page.getByLabel('Key file 1').fill(sshd.clientKey.path);
    await page.getByLabel('Stack', { exact: true }).selectOption('family-app');
    const fields = {
      'Socket folder': db.postgres.socketDir,
      'Server port': String(db.postgres.port),
      'PostgreSQL programs': db.postgres.bin,
      'Database name': 'family',
      'Folder of the migrations': join(home, 'migrations'),
      'Backup folder': join(home, 'backups'),
    };
    for (const [label, value] of Object.entries(fields)) await page.getByLabel(new RegExp(`^${label}`)).fill(value);
    await window.button('Save environment').click();
    await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
    await meet(page, sshd.hostKeys[0]?.fingerprint ?? '');
  });

  /** From the plan to the end of the run. */
  const carryOut = async (destroys: boolean): Promise<void> => {
    await window.button('Make the plan').click();
    await window.button('Continue to preflight').click();
    await expect(page.getByRole('list', { name: 'Preflight checks' })).toBeVisible();
    await window.button('Continue to confirm').click();
    if (destroys) await page.getByLabel('Environment name').fill(name);
    await window.button('Start run').click();
    await window.hasRun('Succeeded', 90_000);
  };
  const prepare = async (title: string): Promise<void> => {
    await window.go('Runs');
    await page.getByRole('link', { name: `Prepare: ${title}`, exact: true }).click();
  };

  const before = await db.devices();
  await test.step('revocation: the preview is what is confirmed', async () => {
    await prepare('Revoke the devices of a family');
    await page.getByLabel('Family', { exact: true }).fill(FAMILY);
    const found = page.getByRole('region', { name: 'What the host has' });
    await expect(found).toContainText('Phone 1', { timeout: 45_000 });
    await expect(found).toContainText('push_token: •••');
    expect(await page.content()).not.toContain('canary-token');
    await page.getByLabel('Rows you expect', { exact: true }).selectOption({ label: '4 rows, exactly these' });
    await carryOut(true);
    await expect(page.getByText('4 rows of public.registered_devices changed').first()).toBeVisible();
    expect(await db.sql(`SELECT count(*) FROM registered_devices WHERE family_id = '${FAMILY}' AND status <> 'revoked'`)).toBe('0');
  });
  await test.step('and the devices are given back exactly', async () => {
    await window.revert(name);
    expect(await db.devices()).toBe(before);
  });

  const chooseNewest = async (): Promise<void> => {
    await expect(page.getByRole('region', { name: 'What the host has' })).toContainText('3 migrations applied', { timeout: 45_000 });
    await page.getByLabel('Newest migration', { exact: true }).selectOption({ label: '013 (the newest)' });
  };
  const rows = (): Promise<string> => db.sql('SELECT m::text FROM schema_migrations m ORDER BY 1');
  const applied = await rows();
  await test.step('migration: the dry run shows what would go', async () => {
    await prepare('Try a migration down');
    await chooseNewest();
    await carryOut(false);
    await expect(page.getByText('column public.albums.owner text').first()).toBeVisible();
    expect(await rows()).toBe(applied);
  });
  await test.step('then it goes, after a verified backup, and comes back', async () => {
    await prepare('Roll migrations back');
    await chooseNewest();
    await carryOut(true);
    expect(await rows()).not.toContain('013');
    await window.revert(name);
    expect(await rows()).toBe(applied);
  });
});
