import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { furnish } from '../tests/support/furnish.ts';
import { servicesUnavailable, startServiceLab } from '../tests/support/service-lab.ts';
import { startSshd } from '../tests/support/sshd.ts';
import { expect, test } from './support/journey.ts';
import { sshdUnavailable } from './support/remote.ts';
import { createWindow } from './support/window.ts';

const name = 'Shop production';
const stackText = readFileSync(new URL('../tests/support/stacks/services.yaml', import.meta.url), 'utf8');

test('a container: the previous image is chosen from what the host has, proven healthy and taken back; a crash-looping one halts', async ({
  page,
  host,
  closing,
}) => {
  const why = sshdUnavailable() ?? servicesUnavailable();
  test.skip(why !== undefined, `skipped: ${why}`);
  test.setTimeout(300_000);
  const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-services-'));
  closing({ stop: async () => rmSync(dir, { recursive: true, force: true }) });
  const services = closing(await startServiceLab(dir));
  const sshd = closing(await startSshd({ variables: services.variables }));
  const run = ['run', '--detach', '--name', 'shop', '--network', 'host', '--restart', 'always', '--env-file', `${services.project}/.env`];
  const former = await services.engine.docker(...run, 'shop-web:v2');
  await services.serves('v2');
  const served = await host({
    furnish: (_home, dataFolder) =>
      furnish({
        dataFolder,
        name,
        tier: 'production',
        stackId: 'services',
        stackText,
        inputs: { base_url: services.baseUrl, container: 'shop', env_file: `${services.project}/.env` },
        sshd,
      }),
  });
  const window = createWindow(page);
  await window.open(served.url);

  /** From the list of runbooks to the start of the run. */
  const redeploy = async (image: string): Promise<void> => {
    await window.go('Runs');
    await page.getByRole('link', { name: 'Prepare: Redeploy the previous image', exact: true }).click();
    await expect(page.getByRole('region', { name: 'What the host has' })).toContainText('Runs now: shop-web:v2', { timeout: 30_000 });
    await page.getByLabel('Image', { exact: true }).selectOption({ value: image });
    await window.button('Make the plan').click();
    await expect(page.getByRole('list', { name: 'Steps of the plan' })).toContainText('docker run --detach --pull never --name shop');
    await window.button('Continue to preflight').click();
    await window.button('Continue to confirm').click({ timeout: 60_000 });
    await page.getByLabel('Environment name').fill(name);
    await window.button('Start run').click();
  };

  await test.step('the previous image runs, seen healthy', async () => {
    await page
      .getByRole('navigation', { name: 'Quarterdeck' })
      .getByRole('link', { name: new RegExp(name) })
      .click();
    await window.button('Connect').click();
    await redeploy('shop-web:v1');
    await window.hasRun('Succeeded', 90_000);
    await expect(window.result).toContainText('healthy 3 times in a row');
    expect(await services.get('/version')).toBe('v1');
  });

  await test.step('revert brings the very same container back', async () => {
    await window.revert(name);
    await services.serves('v2');
    expect(await services.engine.docker('inspect', '--format', '{{.Id}}', 'shop')).toBe(former);
  });

  await test.step('an image that crashes again and again halts with its last words, and offers the way back', async () => {
    await redeploy('shop-web:crash');
    await window.hasRun('Failed', 90_000);
    await expect(page.locator('body')).toContainText('exit code 3');
    await expect(page.locator('body')).toContainText('fatal: the schema is of another version');
    await window.revert(name);
    await services.serves('v2');
    expect(await services.engine.docker('inspect', '--format', '{{.Id}}', 'shop')).toBe(former);
    await window.go('Journal');
    await window.verifyJournal();
  });
});
