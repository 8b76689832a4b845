import { furnish } from '../tests/support/furnish.ts';
import { recoveryStack, recoveryUnavailable, startRecoveryCluster } from '../tests/support/recovery-cluster.ts';
import { sshdUnavailable, startSshd } from '../tests/support/sshd.ts';
import { expect, test } from './support/journey.ts';
import { createWindow } from './support/window.ts';

test.describe.configure({ timeout: 300_000 });

const name = 'Shop production';

test('a time is chosen inside the window, recovered beside the live server, looked at, promoted, and taken back', async ({
  page,
  host,
  closing,
}) => {
  const why = sshdUnavailable() ?? recoveryUnavailable();
  test.skip(why !== undefined, `skipped: ${why}`);
  const sshd = closing(await startSshd());
  const cluster = await startRecoveryCluster();
  closing({ stop: () => cluster.close() });
  await cluster.write('before');
  await cluster.base('base');
  // The label of a base backup tells whole seconds: the window begins with the next one.
  let good = await cluster.write('good');
  for (const begun = Date.now(); Date.now() < begun + 2000; ) good = await cluster.write('good', 1);
  await cluster.write('bad');
  await cluster.archived();
  const live = await cluster.contents();
  const wanted = await cluster.sql(`SELECT count(*) FROM orders WHERE note <> 'bad'`);

  const served = await host({
    furnish: (_home, dataFolder) =>
      furnish({ dataFolder, name, tier: 'production', stackId: 'recovery', stackText: recoveryStack, inputs: cluster.inputs, sshd }),
  });
  const window = createWindow(page);
  await window.open(served.url);
  await page.getByRole('link', { name: new RegExp(name) }).click();
  await window.button('Connect').click();
  await expect(page.getByText('Connected', { exact: true }).first()).toBeVisible();
  const prepare = async (title: string): Promise<void> => {
    await window.go('Runs');
    await page.getByRole('link', { name: `Prepare: ${title}` }).click();
  };
  const carryOut = async (typed: boolean): Promise<void> => {
    await window.button('Continue to preflight').click();
    await expect(page.getByRole('list', { name: 'Preflight checks' })).toBeVisible({ timeout: 60_000 });
    await window.button('Continue to confirm').click();
    if (typed) await page.getByLabel('Environment name').fill(name);
    await window.button('Start run').click();
    await window.hasRun('Succeeded', 120_000);
  };
  const time = page.getByLabel('Time (UTC)');
  const field = (at: string): string => at.replace('T', ' ').replace('Z', '');

  await test.step('the window is shown; a time outside of it is refused', async () => {
    await prepare('Recover to a time, to look at it');
    await expect(page.getByRole('region', { name: 'What the host has' })).toContainText(/Base backup of .* segments of WAL: up to/, {
      timeout: 60_000,
    });
    await time.fill('2099-01-01 00:00:00');
    await window.button('Make the plan').click();
    await window.button('Continue to preflight').click();
    await expect(page.getByRole('list', { name: 'Preflight checks' })).toContainText('outside of what can be recovered', {
      timeout: 60_000,
    });
    await expect(window.button('Continue to confirm')).toBeDisabled();
  });

  await test.step('it is recovered beside the live server, and inspected', async () => {
    await prepare('Recover to a time, to look at it');
    await time.fill(field(good));
    await window.button('Make the plan').click();
    await carryOut(false);
    await expect(window.result).toContainText(`public.orders=${wanted}`);
    expect(await cluster.contents()).toBe(live);
  });

  await test.step('it takes the live place, and is verified', async () => {
    await prepare('Promote the recovered server');
    await window.button('Make the plan').click();
    await carryOut(true);
    await expect(window.result).toContainText('Verified');
    expect(await cluster.sql('SELECT count(*) FROM orders')).toBe(wanted);
  });

  await test.step('a revert brings the previous data back', async () => {
    await window.revert(name);
    expect(await cluster.contents()).toBe(live);
  });
});
