import { expect, test, textOf } from './support/journey.ts';
import { createWindow } from './support/window.ts';

test('journey 1, by mouse: welcome, demo, health, logs, backup, verify, restore, revert, journal', async ({
  page,
  host,
  watch,
  browser,
}) => {
  const served = await host();
  const window = createWindow(page);

  await test.step('welcome leads into the demo, which is healthy', async () => {
    await window.open(served.url);
    await expect(page.getByRole('heading', { level: 1, name: 'Quarterdeck' })).toBeVisible();
    await window.tryDemo();
    await expect(page.getByRole('list', { name: 'Probes' }).getByRole('listitem')).toHaveCount(5);
    await expect(page.getByRole('navigation', { name: 'Quarterdeck' }).getByRole('link', { name: /Demo/ })).toContainText('Healthy');
  });

  await test.step('logs stream live', async () => {
    await window.go('Logs');
    await expect(page.getByRole('status').filter({ hasText: 'Live' })).toBeVisible();
    const kept = page.getByText(/^[\d,]+ kept/);
    const before = await textOf(kept);
    await expect(kept).not.toHaveText(before);
  });

  const lines = page.getByRole('grid', { name: 'Log lines' });
  await test.step('scrolled up, the view stands still and counts what is new', async () => {
    await lines.hover();
    await page.mouse.wheel(0, -1500);
    await expect(window.button(/\d+ new lines?/)).toBeVisible();
    const first = lines.getByRole('row').nth(1);
    const still = await textOf(first);
    const counted = await textOf(window.button(/\d+ new lines?/));
    await expect(window.button(/\d+ new lines?/)).not.toHaveText(counted);
    expect(await textOf(first)).toBe(still);
    await window.button(/\d+ new lines?/).click();
    await expect(window.button(/new lines?|To the newest/)).toBeHidden();
  });

  await test.step('a filter narrows, a line opens, and leads to its request', async () => {
    await page.getByLabel('Filter text').fill('GET /health');
    await expect(lines.locator('mark').first()).toHaveText('GET /health');
    await page.getByLabel('Filter text').fill('');
    await page.getByLabel('Filter text').blur();
    const request = lines.locator('.log-request').last();
    await request.waitFor();
    await request.locator('xpath=ancestor::*[@role="row"]').getByRole('gridcell').nth(3).click();
    const details = page.getByRole('complementary', { name: 'Line details' });
    await details.getByRole('button', { name: 'Only this request' }).click();
    const id = await page.getByRole('textbox', { name: 'Request id' }).inputValue();
    expect(id).not.toBe('');
    // The list is made anew when the filter changes: for a moment it has no rows, or still the old ones.
    await expect.poll(async () => [...new Set(await lines.locator('.log-request').allTextContents())]).toEqual([id]);
  });

  await test.step('a backup is made with a label', async () => {
    await window.go('Backups');
    await expect(window.backups.getByRole('row')).not.toHaveCount(1);
    await window.button('Create backup').click();
    await window.dialog.getByLabel('Label').fill('pre-deploy');
    await window.dialog.getByRole('button', { name: 'Show the plan' }).click();
    await expect(window.dialog.getByRole('list', { name: 'Steps of the plan' })).toBeVisible();
    await window.dialog.getByRole('button', { name: 'Start backup' }).click();
    await expect(window.dialog.getByRole('status').filter({ hasText: 'Succeeded' })).toBeVisible({ timeout: 45_000 });
    await window.dialog.getByRole('button', { name: 'Done' }).click();
    await expect(window.backups.getByRole('row').filter({ hasText: 'pre-deploy' })).toHaveCount(1);
  });

  await test.step('it is verified on the server and from a copy here', async () => {
    await window.backups.getByRole('row').filter({ hasText: 'pre-deploy' }).click();
    expect(await window.verify('On the server')).toBe('good');
    expect(await window.verify('Here, from a copy')).toBe('good');
  });

  await test.step('an older one is restored, with plan, preflight and confirmation', async () => {
    const name = await window.chooseGood(1);
    await window.prepareRestore();
    await expect(page.getByRole('form', { name: 'Restore a backup: confirm' })).toContainText(name);
    await window.button('Start run').click();
    await expect(window.step(/^Make a safety copy of the live data: /)).toBeVisible();
    await window.hasRun('Succeeded');
    await expect(window.result).toContainText('Verified');
  });

  await test.step('and taken back', async () => {
    await window.revert();
    await expect(window.result).toContainText('Reverted');
  });

  await test.step('the journal has all of it, and is whole', async () => {
    await page.getByRole('link', { name: 'Its entries' }).click();
    const entries = page.getByRole('grid', { name: 'Journal entries' });
    await expect(entries.getByRole('row').nth(5)).toBeVisible();
    await window.go('Journal');
    await page.getByLabel('Filter journal').fill('restore');
    await expect(entries.getByRole('row').filter({ hasText: 'Restore' }).first()).toBeVisible();
    await page.getByLabel('Filter journal').fill('');
    await window.verifyJournal();
  });

  if (!served.url.startsWith('http:')) return;
  await test.step('the address works once; a reload keeps the session', async () => {
    const stranger = await browser.newContext();
    const other = await stranger.newPage();
    await watch.add(other);
    watch.allow(/status of 40[13]/);
    await other.goto(served.url);
    await expect(other.getByRole('heading', { name: 'This address is used up' })).toBeVisible();
    await stranger.close();
    await page.reload();
    await expect(page.getByRole('grid', { name: 'Journal entries' })).toBeVisible();
  });
});
