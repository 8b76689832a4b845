import { expect, test, textOf } from './support/journey.ts';
import { createKeyboard } from './support/keyboard.ts';
import { createWindow } from './support/window.ts';

test('journey 1, by keyboard only', async ({ page, host, watch: _watched }) => {
  const served = await host();
  const window = createWindow(page);
  const keys = await createKeyboard(page);
  const panel = page.getByRole('complementary', { name: 'Backup details' });

  await test.step('welcome, demo, health', async () => {
    await window.open(served.url);
    await keys.enter(window.button('Try the demo'));
    await window.isHealthy();
  });

  await test.step('logs: follow, hold, filter, request', async () => {
    await keys.press('g', 'l');
    await expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeVisible();
    const lines = page.getByRole('grid', { name: 'Log lines' });
    await keys.tabTo(lines);
    await keys.press('k', 'k', 'k');
    await expect(page.getByRole('complementary', { name: 'Line details' })).toBeVisible();
    await expect(window.button(/\d+ new lines?/)).toBeVisible();
    await keys.press('Escape');
    await expect(window.button(/new lines?|To the newest/)).toBeHidden();
    await keys.press('/');
    await expect(page.getByLabel('Filter text')).toBeFocused();
    await keys.type('GET /health');
    await expect(lines.locator('mark').first()).toHaveText('GET /health');
    await keys.press('ControlOrMeta+a', 'Delete');
    await expect(lines.locator('mark')).toHaveCount(0);
    await expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeVisible();
    await keys.tabTo(lines);
    // Some lines belong to no request.
    await expect(async () => {
      await keys.press('k');
      await expect(window.button('Only this request')).toBeVisible({ timeout: 500 });
    }).toPass();
    await keys.enter(window.button('Only this request'));
    await expect(page.getByRole('textbox', { name: 'Request id' })).not.toHaveValue('');
  });

  await test.step('a backup is made with a label', async () => {
    await keys.press('g', 'b');
    await expect(window.backups).toBeVisible();
    await expect(window.button('Create backup')).toBeEnabled();
    await keys.press('b');
    await keys.tabTo(window.dialog.getByLabel('Label'));
    await keys.type('by-keyboard');
    await keys.press('Enter');
    await keys.enter(window.dialog.getByRole('button', { name: 'Start backup' }));
    await expect(window.dialog.getByRole('status').filter({ hasText: 'Succeeded' })).toBeVisible({ timeout: 45_000 });
    await keys.enter(window.dialog.getByRole('button', { name: 'Done' }));
    await expect(window.backups.getByRole('row').filter({ hasText: 'by-keyboard' })).toHaveCount(1);
  });

  const verify = async (...choice: string[]): Promise<boolean> => {
    await keys.enter(panel.getByRole('button', { name: 'Verify' }));
    await expect(page.getByRole('menuitem', { name: 'On the server' })).toBeFocused();
    await keys.press(...choice, 'Enter');
    const said = panel.getByRole('status').filter({ hasText: /This backup is (good|NOT valid)\./ });
    await expect(page.getByText(/^(The server checks it…|Downloading, hashing and opening it here…)$/)).toBeHidden();
    return (await textOf(said)).includes('good');
  };
  await test.step('it is verified on the server and from a copy here', async () => {
    await keys.tabTo(window.backups);
    await keys.press('Home');
    await expect(panel).toContainText('by-keyboard');
    expect(await verify()).toBe(true);
    expect(await verify('ArrowDown')).toBe(true);
  });

  await test.step('an older one is restored', async () => {
    await keys.tabTo(window.backups, 'Shift+Tab');
    await keys.press('ArrowDown', 'ArrowDown');
    while (!(await verify())) {
      await keys.tabTo(window.backups, 'Shift+Tab');
      await keys.press('ArrowDown');
    }
    await keys.tabTo(window.backups, 'Shift+Tab');
    await keys.press('Enter');
    await expect(page.getByRole('heading', { name: 'Restore a backup: the plan' })).toBeFocused();
    await keys.enter(window.button('Continue to preflight'));
    await keys.enter(window.button('Continue to confirm'));
    await keys.enter(window.button('Start run'));
    await window.hasRun('Succeeded');
  });

  await test.step('and taken back', async () => {
    await keys.enter(window.button('Revert'));
    await keys.enter(window.dialog.getByRole('button', { name: 'Revert run' }));
    await window.hasRun('Reverted');
  });

  await test.step('the journal is whole', async () => {
    await keys.press('g', 'j');
    await keys.enter(window.button('Verify journal'));
    await expect(page.getByRole('status').filter({ hasText: 'The journal is whole' })).toBeVisible();
  });

  await test.step('every command is in the palette, every shortcut on the sheet', async () => {
    await keys.command('settings');
    await expect(page.getByRole('heading', { level: 1, name: 'Settings' })).toBeVisible();
    await keys.press('?');
    await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
    await keys.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
    await keys.command('theme: dark');
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  });
  expect(keys.untouched()).toBe(true);
});
