import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { furnish } from '../tests/support/furnish.ts';
import { sqliteServiceUnavailable, startSqliteService } from '../tests/support/sqlite-service.ts';
import { startSshd } from '../tests/support/sshd.ts';
import { expect, test } from './support/journey.ts';
import { sshdUnavailable } from './support/remote.ts';
import { createWindow } from './support/window.ts';

const name = 'Shop production';
const stackText = readFileSync(new URL('../tests/support/stacks/sqlite.yaml', import.meta.url), 'utf8');

test('a SQLite file: a bit-flipped backup is refused, a good one restored and verified, and all of it reverted', async ({
  page,
  host,
  closing,
}) => {
  const why = sshdUnavailable() ?? sqliteServiceUnavailable();
  test.skip(why !== undefined, `skipped: ${why}`);
  // Two whole runs over SSH, and what each looks at: slow on a busy machine.
  test.slow();
  const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-shop-'));
  closing({ stop: async () => rmSync(dir, { recursive: true, force: true }) });
  const sshd = closing(await startSshd());
  const shop = await startSqliteService({ dir, orders: 20, end: 'crash' });
  closing({ stop: () => shop.close() });
  const served = await host({
    furnish: (_home, dataFolder) =>
      furnish({ dataFolder, name, tier: 'production', stackId: 'sqlite', stackText, inputs: shop.inputs, sshd }),
  });
  const window = createWindow(page);
  const details = page.getByRole('complementary', { name: 'Backup details' });
  await window.open(served.url);

  await test.step('the service is healthy, and has no backup', async () => {
    await page
      .getByRole('navigation', { name: 'Quarterdeck' })
      .getByRole('link', { name: new RegExp(name) })
      .click();
    await window.button('Connect').click();
    await window.isHealthy();
    await window.go('Backups');
    await expect(page.getByText('There is no backup yet')).toBeVisible();
    await expect(page.getByText('nothing deletes them by itself')).toBeVisible();
  });

  await test.step('one is made while it runs, and verified on both sides', async () => {
    await window.button('Create backup').click();
    await window.dialog.getByLabel('Label').fill('pre-deploy');
    await window.dialog.getByRole('button', { name: 'Show the plan' }).click();
    await window.dialog.getByRole('button', { name: 'Start backup' }).click();
    await expect(window.dialog.getByText('Succeeded', { exact: true })).toBeVisible({ timeout: 60_000 });
    await window.dialog.getByRole('button', { name: 'Done' }).click();
    await expect(window.backups.getByRole('row').filter({ hasText: 'pre-deploy' })).toContainText('Protected');
    expect(await window.verify('On the server')).toBe('good');
    expect(await window.verify('Here, from a copy')).toBe('good');
  });

  const good = await window.chosenName();
  await shop.order(9);
  const before = shop.data();

  await test.step('a bit-flipped one is found out, and its restore stops at the preflight', async () => {
    const bytes = readFileSync(join(shop.backups, good));
    bytes[4096 + 11] = (bytes[4096 + 11] ?? 0) ^ 0x40;
    writeFileSync(join(shop.backups, 'shop-spoilt.db'), bytes);
    await window.button('Reload the backups').click();
    await window.backups.getByRole('row').filter({ hasText: 'shop-spoilt.db' }).click();
    await expect(details).toContainText('shop-spoilt.db');
    expect(await window.verify('On the server')).toBe('bad');
    await window.button('Restore…').click();
    await window.button('Continue to preflight').click();
    const checks = page.getByRole('list', { name: 'Preflight checks' });
    await expect(checks).toContainText('integrity_check says', { timeout: 60_000 });
    await expect(window.button('Continue to confirm')).toBeDisabled();
    expect(shop.data()).toBe(before);
  });

  await test.step('the good one is restored and verified', async () => {
    await window.go('Backups');
    await window.backups.getByRole('row').filter({ hasText: good }).click();
    await window.button('Restore…').click();
    await expect(page.getByRole('list', { name: 'Steps of the plan' }).getByRole('heading')).toHaveCount(9);
    await window.button('Continue to preflight').click();
    await window.button('Continue to confirm').click({ timeout: 60_000 });
    await page.getByLabel('Environment name').fill(name);
    await window.button('Start run').click();
    await window.hasRun('Succeeded', 120_000);
    await expect(window.result).toContainText('orders 20');
    expect(await shop.health()).toEqual({ status: 200, orders: 20 });
  });

  await test.step('revert brings the exact data back', async () => {
    await window.revert(name);
    expect(shop.data()).toBe(before);
    expect(await shop.health()).toEqual({ status: 200, orders: 29 });
    await window.go('Journal');
    await window.verifyJournal();
  });
});
