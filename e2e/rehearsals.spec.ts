import { expect, test } from './support/journey.ts';
import { createWindow } from './support/window.ts';

test('a restore that was never rehearsed is an alarm; rehearsing it enters a measured row in the ledger', async ({ page, host }) => {
  const served = await host();
  const window = createWindow(page);
  await window.open(served.url);
  await window.tryDemo();
  const alarm = page.getByRole('list', { name: 'Firing alerts' }).getByRole('listitem').filter({ hasText: 'Rehearsal' });
  await expect(alarm).toContainText('never done');

  await window.go('Backups');
  await window.chooseGood(0);
  const backup = await window.chosenName();
  await window.go('Rehearsals');
  await expect(page.getByText('Nothing was rehearsed yet.')).toBeVisible();
  await page.getByRole('link', { name: 'Rehearse now' }).click();
  await page.getByLabel('Backup', { exact: true }).selectOption({ value: backup });
  await window.button('Make the plan').click();
  await window.button('Continue to preflight').click();
  await window.button('Continue to confirm').click();
  await window.button('Start run').click();
  await window.hasRun('Succeeded');

  await window.go('Rehearsals');
  const row = page.getByRole('grid', { name: 'Ledger of rehearsals' }).getByRole('row').nth(1);
  await expect(row).toContainText(/Targets met|target missed/);
  await expect(row).toContainText('of 15 min');
  await row.dblclick();
  await window.hasRun('Succeeded');
  await window.go('Overview');
  await window.button('Check now').click();
  await expect(alarm.filter({ hasText: 'never done' })).toHaveCount(0);
});
