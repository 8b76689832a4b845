import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './support/journey.ts';
import { createWindow } from './support/window.ts';

const config = `
Host bastion
  HostName bastion.example.net
  User ops
Host shop-*
  User deploy
  IdentityFile ~/.ssh/shop
Host shop-eu
  HostName 10.1.2.3
  Port 2222
  ProxyJump bastion
`;

test('profiles: import from the SSH configuration, edit, duplicate, export, delete', async ({ page, host, watch: _watched }) => {
  const served = await host({
    furnish: (home) => {
      mkdirSync(join(home, '.ssh'), { mode: 0o700 });
      writeFileSync(join(home, '.ssh', 'config'), config, { mode: 0o600 });
    },
  });
  const window = createWindow(page);
  const rail = page.getByRole('navigation', { name: 'Quarterdeck' });
  await window.open(served.url);

  await test.step('import', async () => {
    await page.getByRole('link', { name: 'Import from ~/.ssh/config' }).click();
    const found = page.getByRole('list', { name: 'Hosts found' });
    await expect(found.getByRole('listitem').filter({ hasText: 'shop-eu' })).toContainText(
      'ops@bastion.example.net → deploy@10.1.2.3:2222',
    );
    await expect(found.getByRole('checkbox', { name: 'shop-*' })).toHaveCount(0);
    await found.getByRole('checkbox', { name: 'shop-eu' }).check();
    await page.getByLabel('Tier').selectOption('production');
    await window.button('Add 1 environment').click();
    await expect(page.getByText('Backup folder is needed.')).toBeVisible();
    await page.getByLabel('Backup folder').fill('/srv/ff/backups');
    await window.button('Add 1 environment').click();
    await expect(page.getByRole('heading', { level: 1, name: 'shop-eu' })).toBeVisible();
    await expect(page.getByLabel('Host', { exact: true }).first()).toHaveValue('10.1.2.3');
    await expect(page.getByRole('group', { name: 'Jump host 1' }).getByLabel('Host', { exact: true })).toHaveValue('bastion.example.net');
  });

  await test.step('edit: what is missing is said, then saved', async () => {
    await page.getByLabel('Name', { exact: true }).fill('Shop EU');
    await page.getByLabel('Backup folder').fill('');
    await window.button('Save changes').click();
    await expect(page.getByText('Some fields need a look.')).toBeVisible();
    await expect(page.getByLabel('Backup folder')).toBeFocused();
    await page.getByLabel('Backup folder').fill('/srv/ff/backups');
    await window.button('Save changes').click();
    await expect(page.getByRole('heading', { level: 1, name: 'Shop EU' })).toBeVisible();
    await expect(rail.getByRole('link', { name: /Shop EU/ })).toBeVisible();
  });

  await test.step('export: a file without secrets', async () => {
    await window.button('More about this environment').click();
    const saving = page.waitForEvent('download');
    await page.getByRole('menuitem', { name: /Export profile/ }).click();
    const saved = await saving;
    expect(saved.suggestedFilename()).toBe('shop-eu.quarterdeck.json');
    const file = JSON.parse(readFileSync(await saved.path(), 'utf8')) as { format: string; environments: { name: string }[] };
    expect(file.format).toBe('quarterdeck-profiles');
    expect(file.environments.map(({ name }) => name)).toEqual(['Shop EU']);
  });

  await test.step('duplicate', async () => {
    await window.button('More about this environment').click();
    await page.getByRole('menuitem', { name: 'Duplicate' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Shop EU (copy)' })).toBeVisible();
    await expect(rail.getByRole('link', { name: /Shop EU/ })).toHaveCount(2);
  });

  await test.step('delete: on production the name is typed', async () => {
    await window.button('More about this environment').click();
    await page.getByRole('menuitem', { name: 'Delete…' }).click();
    const remove = window.dialog.getByRole('button', { name: 'Delete environment' });
    await expect(remove).toBeDisabled();
    await window.dialog.getByLabel('Environment name').fill('Shop EU');
    await expect(remove).toBeDisabled();
    await window.dialog.getByLabel('Environment name').fill('Shop EU (copy)');
    await remove.click();
    await expect(rail.getByRole('link', { name: /Shop EU/ })).toHaveCount(1);
  });
});

test('settings and addresses survive a reload', async ({ page, host, watch: _watched }) => {
  const served = await host();
  const window = createWindow(page);
  await window.open(served.url);

  await test.step('the theme is switched and kept', async () => {
    await page.getByRole('link', { name: 'Settings', exact: true }).click();
    const root = page.locator('html');
    await page.getByRole('radio', { name: 'Dark' }).click();
    await expect(root).toHaveAttribute('data-theme', 'dark');
    await page.reload();
    await expect(root).toHaveAttribute('data-theme', 'dark');
    await page.getByRole('radio', { name: 'Light' }).click();
    await expect(root).toHaveAttribute('data-theme', 'light');
  });

  await test.step('the address of a run opens that run', async () => {
    await page.getByRole('link', { name: 'Quarterdeck: welcome' }).click();
    await window.tryDemo();
    await window.go('Runs');
    await page.getByRole('link', { name: 'Prepare: Restart the service' }).click();
    await window.button('Make the plan').click();
    await window.button('Continue to preflight').click();
    await window.button('Continue to confirm').click();
    await window.button('Start run').click();
    await window.hasRun('Succeeded');
    const address = page.url();
    expect(address).toMatch(/#\/env\/[\w-]+\/runs\/run-[\w-]+$/);
    await page.reload();
    await window.hasRun('Succeeded');
    expect(page.url()).toBe(address);
    await page.getByRole('link', { name: 'Back to the list' }).click();
    await expect(page.getByRole('grid', { name: 'Runs' }).getByRole('row').filter({ hasText: 'Restart the service' })).toHaveCount(1);
  });
});
