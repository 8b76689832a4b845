import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { slowStack, startSlowService } from '../tests/support/slow-service.ts';
import { sshdUnavailable, startSshd } from '../tests/support/sshd.ts';
import { expect, test } from './support/journey.ts';
import { furnished } from './support/stack.ts';
import { createWindow } from './support/window.ts';

test.use({ viewport: { width: 1280, height: 800 } });
test.describe.configure({ timeout: 180_000 });

const name = 'Slow production';

test('a run is paused before the step it names, found again after the window was closed, resumed; a lock left behind is removed', async ({
  page,
  host,
  closing,
}) => {
  const why = sshdUnavailable();
  test.skip(why !== undefined, `skipped: ${why}`);
  const sshd = closing(await startSshd());
  const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-guided-'));
  closing({ stop: async () => rmSync(dir, { recursive: true, force: true }) });
  const service = closing(startSlowService(dir));
  const served = await host(
    furnished({ sshd, stackId: 'slow', stackText: slowStack, name, tier: 'production', inputs: { control: service.control } }),
  );
  const window = createWindow(page);
  await window.open(served.url);
  await page.getByRole('link', { name: new RegExp(name) }).click();
  await window.button('Connect').click();
  await expect(page.getByText('Connected', { exact: true }).first()).toBeVisible();

  await window.go('Runs');
  await page.getByRole('link', { name: 'Prepare: Bounce the service' }).click();
  await expect(page.getByRole('note').filter({ hasText: 'Destructive on production' })).toContainText(name);
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('list', { name: 'Commands: Stop the service' })).toContainText(`${service.control} stop`);
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('list', { name: 'Preflight checks' })).toContainText('Who else is connected');
  await page.keyboard.press('Control+Enter');
  await page.getByLabel('Environment name').fill(name);
  await page.keyboard.press('Enter');

  await expect(window.step(/^Stop the service: Running/)).toBeVisible();
  await expect(page.getByRole('log', { name: 'Output of Stop the service' })).toHaveText('asked to stop <b>now</b>\n');
  await expect(page.getByText('A pause or a cancel stops before')).toContainText('“Start the service”');
  await window.button('Pause').click();
  await expect(window.result).toContainText('Pausing: it stops before “Start the service”');
  await expect(window.button('Pause')).toBeHidden();
  service.go();
  await window.hasRun('Paused');
  expect(service.calls()).toBe('stop\n');

  // The laptop is closed and opened again.
  await page.goto('about:blank');
  await window.open(await served.restart());
  await page.getByRole('link', { name: new RegExp(name) }).click();
  await window.button('Connect').click();
  await expect(page.getByText('Connected', { exact: true }).first()).toBeVisible();
  await page.getByRole('status').filter({ hasText: 'Bounce the service is paused.' }).getByRole('link', { name: 'Open run' }).click();
  await window.hasRun('Paused');
  await window.button('Resume').click();
  await window.dialog.getByLabel('Environment name').fill(name);
  await window.dialog.getByRole('button', { name: 'Resume run' }).click();
  await window.hasRun('Succeeded');
  expect(service.calls()).toBe('stop\nstart\n');

  const place = join(sshd.dir, 'shared', 'quarterdeck.lock');
  mkdirSync(place);
  writeFileSync(join(place, 'owner'), `run=run-zoe\noperator=zoe@tower\nat=${Date.now()}\ntoken=1-ab\n`);
  await window.go('Runs');
  const lock = page.getByRole('status', { name: 'Host lock' });
  await expect(lock).toContainText('zoe@tower is changing this host');
  await lock.getByRole('button', { name: 'Remove the lock…' }).click();
  await window.dialog.getByLabel('Environment name').fill(name);
  await window.dialog.getByRole('button', { name: 'Remove the lock' }).click();
  await expect(window.dialog).toBeHidden();
  await expect(lock).toBeHidden();
  expect(existsSync(place)).toBe(false);
  await window.go('Journal');
  await expect(page.getByRole('grid', { name: 'Journal' })).toContainText('Removing the host');
  await window.verifyJournal();
});
