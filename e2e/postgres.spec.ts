import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { furnish } from '../tests/support/furnish.ts';
import { postgresUnavailable } from '../tests/support/postgres.ts';
import { postgresStack, startShop } from '../tests/support/postgres-lab.ts';
import { startSshd } from '../tests/support/sshd.ts';
import { expect, test } from './support/journey.ts';
import { sshdUnavailable } from './support/remote.ts';
import { createWindow } from './support/window.ts';

const name = 'Shop production';

test('PostgreSQL: hostile and cut dumps are refused in words, a good one restored beside the live database, verified, and reverted', async ({
  page,
  host,
  closing,
}) => {
  const why = sshdUnavailable() ?? postgresUnavailable();
  test.skip(why !== undefined, `skipped: ${why}`);
  const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-shop-'));
  closing({ stop: async () => rmSync(dir, { recursive: true, force: true }) });
  const sshd = closing(await startSshd());
  const shop = closing(await startShop(dir));
  const served = await host({
    furnish: (_home, dataFolder) =>
      furnish({
        dataFolder,
        name,
        tier: 'production',
        stackId: postgresStack.id,
        stackText: postgresStack.text,
        inputs: shop.inputs,
        sshd,
      }),
  });
  const window = createWindow(page);
  const checks = page.getByRole('list', { name: 'Preflight checks' });
  await window.open(served.url);

  await test.step('a dump is made while the database is in use, and read through', async () => {
    await page
      .getByRole('navigation', { name: 'Quarterdeck' })
      .getByRole('link', { name: new RegExp(name) })
      .click();
    await window.button('Connect').click();
    await expect(page.getByText('Connected', { exact: true }).first()).toBeVisible();
    await window.go('Backups');
    await window.button('Create backup').click();
    await window.dialog.getByLabel('Label').fill('pre-deploy');
    await window.dialog.getByRole('button', { name: 'Show the plan' }).click();
    await window.dialog.getByRole('button', { name: 'Start backup' }).click();
    await expect(window.dialog.getByText('Succeeded', { exact: true })).toBeVisible({ timeout: 60_000 });
    await window.dialog.getByRole('button', { name: 'Done' }).click();
    await window.backups.getByRole('row').filter({ hasText: 'pre-deploy' }).click();
    expect(await window.verify('On the server')).toBe('good');
  });

  const good = await window.chosenName();
  const marker = join(dir, 'marker');
  await shop.pg.sql('DELETE FROM public.orders WHERE id > 10', 'shop');
  const before = await shop.live();

  await test.step('a dump with a command in it, and one that was cut, stop at the preflight; nothing was touched', async () => {
    writeFileSync(join(shop.backupDir, 'evil.dump'), `\\! touch ${marker}\n`);
    const bytes = readFileSync(join(shop.backupDir, good));
    writeFileSync(join(shop.backupDir, 'cut.dump'), bytes.subarray(0, bytes.length - 20));
    copyFileSync(join(shop.backupDir, `${good}.quarterdeck.json`), join(shop.backupDir, 'cut.dump.quarterdeck.json'));
    for (const [file, words] of [
      ['evil.dump', 'not an archive in PostgreSQL’s custom format'],
      ['cut.dump', 'cut off or damaged'],
    ] as const) {
      await window.go('Backups');
      await window.button('Reload the backups').click();
      await window.backups.getByRole('row').filter({ hasText: file }).click();
      expect(await window.verify('On the server')).toBe('bad');
      await window.button('Restore…').click();
      await window.button('Continue to preflight').click();
      await expect(checks).toContainText(words, { timeout: 60_000 });
      await expect(window.button('Continue to confirm')).toBeDisabled();
    }
    expect(existsSync(marker)).toBe(false);
    expect(await shop.live()).toBe(before);
  });

  await test.step('the good one is restored and verified', async () => {
    await window.go('Backups');
    await window.backups.getByRole('row').filter({ hasText: good }).click();
    await window.button('Restore…').click();
    await expect(page.getByRole('list', { name: 'Steps of the plan' }).getByRole('heading')).toHaveCount(10);
    await window.button('Continue to preflight').click();
    await window.button('Continue to confirm').click({ timeout: 60_000 });
    await page.getByLabel('Environment name').fill(name);
    await window.button('Start run').click();
    await window.hasRun('Succeeded', 120_000);
    expect(await shop.pg.sql('SELECT count(*) FROM public.orders', 'shop')).toBe('400');
  });

  await test.step('revert brings the exact data back', async () => {
    await window.revert(name);
    expect(await shop.live()).toBe(before);
    expect(await shop.databases()).toEqual(['shop']);
    await window.go('Journal');
    await window.verifyJournal();
  });
});
