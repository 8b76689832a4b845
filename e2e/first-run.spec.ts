import { expect, test } from './support/journey.ts';
import { createWindow } from './support/window.ts';

test('npm start’s first run: the demo is there, the welcome page stays and leads into it', async ({ page, host, watch: _watched }) => {
  const served = await host({ args: ['--demo'] });
  const window = createWindow(page);
  await window.open(served.url);
  await expect(page.getByRole('heading', { level: 1, name: 'Quarterdeck' })).toBeVisible();
  // Pressed while the host itself is still starting it: the press joins that start.
  await window.tryDemo();
  await window.button('Practice').click();
  await expect(page.getByRole('switch', { name: 'Database gone' })).toBeEnabled();
});

test('a demo that the host started by itself shows as running without a press', async ({ page, host, watch: _watched }) => {
  const served = await host({ args: ['--demo'] });
  const window = createWindow(page);
  await window.open(served.url);
  await page.getByRole('navigation', { name: 'Quarterdeck' }).getByRole('link', { name: /Demo/ }).click();
  await window.isHealthy();
  await window.button('Practice').click();
  await expect(page.getByRole('switch', { name: 'Database gone' })).toBeEnabled();
});
