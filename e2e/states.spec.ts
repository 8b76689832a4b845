import { fileURLToPath } from 'node:url';
import { serveFakeHost } from '../tests/support/fake-host/serve.ts';
import { expect, test } from './support/journey.ts';
import { createCamera } from './support/screens.ts';

// States that no demo gets into by itself: many rows, long names, hostile text, refusals, errors, slow answers.
const assets = fileURLToPath(new URL('../out/renderer', import.meta.url));

test.use({ viewport: { width: 1280, height: 800 } });
test.describe.configure({ timeout: 240_000 });

type Options = Parameters<typeof serveFakeHost>[1];

const fakeHost = async (closing: <T extends { stop(): Promise<void> }>(thing: T) => T, options?: Options): Promise<string> => {
  const { url, close } = await serveFakeHost(assets, options);
  closing({ stop: close });
  return url;
};

test('every state of a connection, in both themes', async ({ page, closing, watch: _watch }) => {
  const url = await fakeHost(closing);
  const camera = createCamera(page);
  const go = async (hash: string): Promise<void> => {
    await page.evaluate((to) => {
      window.location.hash = to;
    }, hash);
  };
  await page.goto(url);
  await expect(page.getByRole('navigation', { name: 'Quarterdeck' })).toBeVisible();

  await go('#/env/changed/overview');
  const refusal = page.getByRole('alert').filter({ hasText: 'has changed' });
  await expect(refusal).toContainText('No login and no secret was sent');
  await expect(refusal.getByLabel('Key on record fingerprint', { exact: true })).toContainText('SHA256:');
  await expect(refusal.getByLabel('Presented key fingerprint', { exact: true })).toContainText('SHA256:');
  await expect(page.getByRole('button', { name: /trust/i })).toHaveCount(0);
  await camera.take('state-key-changed');

  await go('#/env/contact/logs');
  const trust = page.getByRole('button', { name: 'Trust and connect' });
  await expect(trust).toBeDisabled();
  await page.getByLabel('Fingerprint from the server').fill('SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM');
  await expect(page.getByText('Do not connect: find out who answers')).toBeVisible();
  await expect(trust).toBeDisabled();
  await camera.take('state-key-unknown');
  await page.getByLabel('Fingerprint from the server').fill('256 SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDiOeWqpVtsjPnrlXk root@ff (ED25519)');
  await expect(trust).toBeEnabled();

  await go('#/env/retry/overview');
  await expect(page.getByRole('region', { name: 'Overall health' })).toContainText('Unobserved');
  await camera.take('state-unobserved');
  await go('#/env/secret/overview');
  await page.getByRole('button', { name: 'Set SSH password' }).click();
  await expect(page.getByLabel('SSH password', { exact: true }).last()).toHaveAttribute('type', 'password');
  await camera.take('state-secret-missing');
  await go('#/env/prompts/overview');
  await expect(page.getByRole('button', { name: 'Answer and connect' })).toBeVisible();
  await camera.take('state-prompts');
  await go('#/env/empty/backups');
  await expect(page.getByRole('heading', { name: 'There is no backup yet' })).toBeVisible();
  await camera.take('state-empty');
  camera.expectNothingFound();
});

test('ten thousand backups, an interrupted run, a long journal', async ({ page, closing, watch: _watch }) => {
  const url = await fakeHost(closing);
  const camera = createCamera(page);
  await page.goto(url);
  await page.getByRole('link', { name: /^friendlyface-eu/ }).click();
  await expect(page.getByRole('note').filter({ hasText: 'PRODUCTION' })).toBeVisible();
  await expect(page.getByRole('list', { name: 'Firing alerts' })).toBeVisible();
  await camera.take('state-unhealthy');

  await page.getByRole('link', { name: 'Backups' }).click();
  const backups = page.getByRole('grid', { name: 'Backups' });
  await expect(backups).toHaveAttribute('aria-rowcount', '10001');
  expect(await backups.getByRole('row').count()).toBeLessThan(80);
  await backups.focus();
  await page.keyboard.press('End');
  await expect(backups.locator('[aria-selected="true"]')).toHaveAttribute('aria-rowindex', '10001');
  await page.keyboard.press('Home');
  await camera.take('state-many-backups');

  await page.getByRole('link', { name: 'Open run' }).click();
  await expect(page.getByRole('status', { name: 'How it stands' })).toBeVisible();
  for (const name of ['Probe', 'Resume', 'Revert']) await expect(page.getByRole('button', { name, exact: true })).toBeVisible();
  await expect(page.getByRole('listitem', { name: 'Restore it: Unknown' })).toBeVisible();
  await camera.take('state-interrupted');

  await page.getByRole('link', { name: 'Rehearsals' }).click();
  await expect(page.getByRole('listitem').filter({ hasText: 'Never done' })).toBeVisible();
  await expect(page.getByRole('grid', { name: 'Ledger of rehearsals' })).toHaveAttribute('aria-rowcount', '201');
  await camera.take('state-rehearsals');
  camera.expectNothingFound();
});

test('a guided operation: what the host offers, red frames, output, pause, and a lock of somebody else', async ({
  page,
  closing,
  watch: _watch,
}) => {
  const url = await fakeHost(closing);
  const camera = createCamera(page);
  const go = (hash: string): Promise<void> =>
    page.evaluate((to) => {
      window.location.hash = to;
    }, hash);
  await page.goto(url);
  await expect(page.getByRole('navigation', { name: 'Quarterdeck' })).toBeVisible();

  await go('#/env/busy/runs');
  const lock = page.getByRole('status', { name: 'Host lock' });
  await expect(lock).toContainText('zoe@a-tower-with-a-long-name');
  const runs = page.getByRole('grid', { name: 'Runs' });
  await expect(runs.getByRole('row')).toHaveCount(4);
  await camera.take('run-list');
  await page.getByLabel('Show').selectOption({ label: 'Waiting for a decision' });
  await expect(runs.getByRole('row')).toHaveCount(2);
  await expect(page.getByText('1 of 3')).toBeVisible();
  await lock.getByRole('button', { name: 'Remove the lock…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('button', { name: 'Remove the lock' })).toBeDisabled();
  await camera.take('run-lock');
  await dialog.getByLabel('Environment name').fill('shop-forensics-primary-of-the-north-with-a-name-nobody-shortened');
  await page.keyboard.press('Enter');
  await expect(dialog).toBeHidden();
  await expect(lock).toBeHidden();

  await go('#/env/busy/run/restore-to-time');
  const survey = page.getByRole('region', { name: 'What the host has' });
  await expect(survey).toContainText('Not known: psql is not installed');
  await expect(page.getByRole('note').filter({ hasText: 'Destructive on production' })).toContainText('nobody-shortened');
  const time = page.getByLabel('Time (UTC)');
  await time.fill('2026-11-28 00:00');
  await expect(page.getByText('it ends at 2026-11-27 03:00:05 UTC')).toBeVisible();
  await page.getByLabel('Version to deploy with it').selectOption({ label: '1.8.1 · 3 days ago' });
  await camera.take('run-survey');
  await page.getByRole('button', { name: 'Latest' }).click();
  await expect(time).toHaveValue('2026-11-27 03:00:05');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('heading', { name: 'Restore to a point in time: the plan' })).toBeVisible();
  await expect(page.getByText(/^Destructive on shop-forensics/).first()).toBeVisible();
  await camera.take('run-plan');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('list', { name: 'Preflight checks' })).toBeVisible();
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('heading', { name: 'Restore to a point in time: confirm' })).toBeVisible();
  await camera.take('run-confirm');

  await go('#/env/busy/runs/run-running');
  await expect(page.getByText('A pause or a cancel stops before')).toContainText('“Restart the service”');
  await expect(page.getByText(/8\.0 MiB\/s · about 2 s left/)).toBeVisible();
  const output = page.getByRole('log', { name: 'Output of Restore it' });
  await expect(output).toContainText('restoring page 9999 of 10000 <b>not bold</b> ok');
  expect(await output.locator('b').count()).toBe(0);
  // Its end is in view.
  expect(await output.evaluate((pre) => pre.scrollHeight - pre.scrollTop - pre.clientHeight)).toBeLessThan(30);
  for (const name of ['Pause', 'Cancel run']) await expect(page.getByRole('button', { name, exact: true })).toBeVisible();
  await camera.take('run-live');
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await expect(page.locator('.run-head').getByText('Paused', { exact: true })).toBeVisible();

  await go('#/env/busy/runs/run-paused');
  for (const name of ['Resume', 'Revert', 'Cancel run']) await expect(page.getByRole('button', { name, exact: true })).toBeVisible();
  await camera.take('run-paused');
  await go('#/env/busy/runs/run-talked');
  await expect(page.getByText(/are not kept; the hash is of all of it/)).toBeVisible();
  await camera.take('run-failed');
  camera.expectNothingFound();
});

test('a held log does not move while thousands of lines come in, and remote text stays text', async ({ page, closing, watch: _watch }) => {
  const url = await fakeHost(closing, { linesPerSecond: 2000 });
  await page.goto(url);
  await page.getByRole('link', { name: /^friendlyface-eu/ }).click();
  await page.getByRole('link', { name: 'Logs' }).click();
  const lines = page.getByRole('grid', { name: 'Log lines' });
  await expect(lines.getByRole('row').nth(20)).toBeVisible();
  await lines.hover();
  await page.mouse.wheel(0, -2000);
  await expect(page.getByRole('button', { name: /new lines?$/ })).toBeVisible();
  const firstRow = (): Promise<string> =>
    lines.evaluate((grid) => {
      const top = grid.getBoundingClientRect().top + 40;
      const row = [...grid.querySelectorAll('.log-row')].find((each) => each.getBoundingClientRect().top > top);
      return `${row?.id ?? ''} ${Math.round(row?.getBoundingClientRect().top ?? 0)}`;
    });
  const before = await firstRow();
  const counted = page.getByRole('button', { name: /new lines?$/ });
  await expect.poll(async () => Number(((await counted.textContent()) ?? '').replaceAll(/\D/g, ''))).toBeGreaterThan(5000);
  expect(await firstRow()).toBe(before);
  await counted.click();
  await expect(counted).toBeHidden();

  await page.getByRole('searchbox', { name: 'Filter text' }).fill('<img src=x');
  await expect(lines.locator('mark').first()).toHaveText('<img src=x');
  expect(await lines.locator('img').count()).toBe(0);
});

test('an answer that does not come, and one that is an error', async ({ page, closing, watch: _watch }) => {
  const slow = await fakeHost(closing, { slowMs: 20_000 });
  const camera = createCamera(page);
  await page.goto(slow);
  await expect(page.getByRole('status', { name: 'Loading environments' })).toBeVisible();
  await camera.take('state-loading');

  const failing = await fakeHost(closing, { failing: ['backups.list', 'logs.sources', 'runs.list', 'runs.runbooks'] });
  await page.goto(failing);
  await page.getByRole('link', { name: /^friendlyface-eu/ }).click();
  await page.getByRole('link', { name: 'Backups' }).click();
  await expect(page.getByRole('alert').filter({ hasText: 'http-unreachable' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Try again' })).toBeVisible();
  await camera.take('state-failing');
  camera.expectNothingFound();
});
