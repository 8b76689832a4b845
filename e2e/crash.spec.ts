import type { Page } from '@playwright/test';
import type { JourneyHost } from './support/host.ts';
import { expect, test } from './support/journey.ts';
import type { Remote } from './support/remote.ts';
import { addEnvironment, meet, setApiKey, sshdUnavailable, startRemote } from './support/remote.ts';
import { createWindow } from './support/window.ts';

const name = 'Shop staging';

/** Begins a restore and kills the host once the step is under way; then starts it again and opens the run that was cut. */
async function interrupt(page: Page, served: JourneyHost, remote: Remote, step: RegExp): Promise<void> {
  const window = createWindow(page);
  await window.open(served.url);
  await addEnvironment(page, remote, { name, tier: 'Staging' });
  await setApiKey(page, remote.replica.apiKey, 'Set, only until Quarterdeck ends');
  await meet(page, remote.fingerprint());
  await window.go('Backups');
  await window.chooseGood(1);
  await window.prepareRestore();
  // Every answer takes its time: the kill comes while the step waits for one.
  remote.replica.setFault('slow', true);
  await window.button('Start run').click();
  await expect(window.step(step)).toBeVisible({ timeout: 90_000 });
  await served.kill('SIGKILL');
  await expect(page.getByRole('alert').filter({ hasText: 'does not answer' })).toBeVisible();
  remote.replica.setFault('slow', false);

  await page.goto('about:blank');
  await window.open(await served.restart());
  await page
    .getByRole('navigation', { name: 'Quarterdeck' })
    .getByRole('link', { name: new RegExp(name) })
    .click();
  const banner = page.getByRole('status').filter({ hasText: 'Restore a backup was interrupted.' });
  await expect(banner).toBeVisible();
  for (const section of ['Runs', 'Journal'] as const) {
    await window.go(section);
    await expect(banner).toBeVisible();
  }

  await page.goto(`${page.url().split('/journal')[0]}/profile`);
  await expect(page.getByRole('listitem', { name: 'API key' })).toContainText('Not set');
  await setApiKey(page, remote.replica.apiKey, 'Set, only until Quarterdeck ends');
  await window.button('Connect').click();
  await expect(page.getByText('Connected', { exact: true }).first()).toBeVisible();
  await banner.getByRole('link', { name: 'Open run' }).click();
  await window.hasRun('Interrupted');
  await expect(page.locator('.run-head').getByRole('button')).toHaveText(['Probe', 'Resume', 'Revert']);
}

test.describe('journey 3: the host is killed in the middle of a restore', () => {
  test.beforeEach(({ watch }) => {
    const why = sshdUnavailable();
    test.skip(why !== undefined, `skipped: ${why}`);
    watch.allow(/ERR_CONNECTION_REFUSED|WebSocket connection to .* failed/);
  });

  test('at the restore itself: revert brings back the exact data', async ({ page, host, closing }) => {
    const served = await host();
    const remote = await startRemote(closing);
    const before = await remote.data();
    await interrupt(page, served, remote, /^Restore it: Running/);
    const window = createWindow(page);
    await expect(window.step(/^Restore it: Unknown/)).toBeVisible();
    await window.revert();
    expect(await remote.data()).toEqual(before);
    await window.go('Journal');
    await window.verifyJournal();
  });

  test('at the restart: probe, then resume to the verified end, then revert', async ({ page, host, closing }) => {
    const served = await host();
    const remote = await startRemote(closing);
    const before = await remote.data();
    await interrupt(page, served, remote, /^Restart the service: Running/);
    const window = createWindow(page);
    await expect(window.step(/^Restart the service: Unknown/)).toBeVisible();
    // What the host was told before may still be going on there: asked until its end is known.
    await expect(async () => {
      await window.button('Probe').click();
      await expect(window.step(/^Restart the service: (Done|Pending)/)).toBeVisible({ timeout: 2_000 });
    }).toPass({ timeout: 30_000 });
    await window.button('Resume').click();
    await window.dialog.getByRole('button', { name: 'Resume run' }).click();
    await window.hasRun('Succeeded');
    await expect(window.result).toContainText('Verified');
    expect((await remote.data()).events).toBeLessThan(before.events);
    await window.revert();
    expect(await remote.data()).toEqual(before);
  });
});

test('journey 5: a rotated host key is refused with both fingerprints, and nothing is sent', async ({ page, host, closing }) => {
  const why = sshdUnavailable();
  test.skip(why !== undefined, `skipped: ${why}`);
  const served = await host();
  const remote = await startRemote(closing);
  const window = createWindow(page);
  await window.open(served.url);
  await addEnvironment(page, remote, { name, tier: 'Production' });
  await setApiKey(page, remote.replica.apiKey, 'Set, only until Quarterdeck ends');
  await meet(page, remote.fingerprint());
  await window.isHealthy();

  const old = remote.fingerprint();
  const from = remote.sshd.log().length;
  await remote.sshd.rotateHostKeys();
  const now = remote.fingerprint();
  expect(now).not.toBe(old);
  // The lost connection is tried again by itself, and stops at the key.
  const refused = page.getByRole('alert').filter({ hasText: 'Refused: the key of 127.0.0.1 has changed' });
  await expect(refused).toBeVisible({ timeout: 45_000 });
  await expect(refused.getByLabel('Key on record fingerprint', { exact: true })).toHaveText(old);
  await expect(refused.getByLabel('Presented key fingerprint', { exact: true })).toHaveText(now);
  await expect(refused.getByRole('button', { name: /trust|accept/i })).toHaveCount(0);
  await expect(refused.getByRole('textbox')).toHaveCount(0);
  await window.button('Try now').click();
  await expect(refused).toBeVisible();
  expect(remote.sshd.log().slice(from)).toMatch(/Connection from/);
  expect(remote.sshd.log().slice(from)).not.toMatch(/userauth|Accepted|Failed publickey/);
});
