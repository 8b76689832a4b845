import { expect, test } from './support/journey.ts';
import { createWindow } from './support/window.ts';

test('the demo’s database goes away and comes back: the overview says in words what is wrong', async ({ page, host, watch: _watched }) => {
  const served = await host();
  const window = createWindow(page);
  await window.open(served.url);
  await window.tryDemo();
  const gone = page.getByRole('switch', { name: 'Database gone' });
  await window.button('Practice').click();
  await gone.click();
  await expect(gone).toBeChecked();
  await page.keyboard.press('Escape');
  await expect(window.button('Practice (1 on)')).toBeVisible();
  const check = window.verdict.getByRole('button', { name: 'Check now' });
  await expect(async () => {
    await check.click();
    await expect(window.verdict.getByRole('heading', { name: 'Unhealthy' })).toBeVisible({ timeout: 1_000 });
    // Several looks in a row make a probe unhealthy; then the check that is bad is named.
    await expect(window.verdict).toContainText(/The database check says/, { timeout: 1_000 });
  }).toPass({ timeout: 60_000 });
  await expect(page.getByRole('region', { name: 'Alerts' })).toContainText('Critical, firing');

  await window.button('Practice (1 on)').click();
  await gone.click();
  await expect(gone).not.toBeChecked();
  await page.keyboard.press('Escape');
  await expect(async () => {
    await check.click();
    await expect(window.verdict.getByRole('heading', { name: 'Healthy' })).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 60_000 });
});
