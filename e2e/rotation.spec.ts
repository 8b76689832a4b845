import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCli } from '../tests/support/cli.ts';
import { furnish } from '../tests/support/furnish.ts';
import { keyringUnavailable, startKeyring } from '../tests/support/keyring.ts';
import { rotationStack, startRotationLab } from '../tests/support/rotation/lab.ts';
import { startSshd } from '../tests/support/sshd.ts';
import { expect, test, textOf } from './support/journey.ts';
import { sshdUnavailable } from './support/remote.ts';
import { createWindow } from './support/window.ts';

const name = 'Shop production';

test('key rotation: set twice is refused, overlap to the end with the old key dead, and back by itself when the new one is not accepted', async ({
  page,
  host,
  closing,
}) => {
  const why = sshdUnavailable() ?? keyringUnavailable();
  test.skip(why !== undefined, `skipped: ${why}`);
  const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-rotation-'));
  closing({ stop: async () => rmSync(dir, { recursive: true, force: true }) });
  const keyring = closing(await startKeyring());
  const sshd = closing(await startSshd());
  const shop = await startRotationLab(join(dir, 'shop'));
  closing({ stop: () => shop.stop() });
  const old = shop.secrets['api-key'] as string;
  const api = (key: string) => shop.status('/api/v1/meta', { 'x-api-key': key });
  const served = await host({
    env: keyring.env,
    furnish: async (_home, dataFolder) => {
      await furnish({ dataFolder, name, tier: 'production', stackId: 'rotation', stackText: rotationStack, inputs: shop.inputs, sshd });
      const set = await createCli({ home: dataFolder, env: keyring.env })(['secret', 'set', name, 'api-key'], old);
      expect(set.code, set.stderr).toBe(0);
    },
  });
  const window = createWindow(page);
  const checks = page.getByRole('list', { name: 'Preflight checks' });
  const before = shop.env();
  const choose = async (): Promise<void> => {
    await window.go('Runs');
    await page.getByRole('link', { name: 'Prepare: Rotate the API key' }).click();
    await window.button('Make the plan').click();
    await expect(page.locator('body')).toContainText('undone at once, without asking');
    await window.button('Continue to preflight').click();
    await expect(checks).toContainText('Keychain', { timeout: 60_000 });
  };
  await window.open(served.url);
  await page
    .getByRole('navigation', { name: 'Quarterdeck' })
    .getByRole('link', { name: new RegExp(name) })
    .click();
  await window.button('Connect').click();
  await window.isHealthy();

  await test.step('a variable that is set twice stops at the preflight', async () => {
    writeFileSync(shop.envFile, `${before}\nAPI_KEYS=again\n`);
    await choose();
    await expect(checks).toContainText('in the lines 2, 11');
    await expect(window.button('Continue to confirm')).toBeDisabled();
    writeFileSync(shop.envFile, before);
  });

  await test.step('rotated with overlap; the old key is proven dead', async () => {
    await choose();
    await window.button('Continue to confirm').click({ timeout: 60_000 });
    await page.getByLabel('Environment name').fill(name);
    await window.button('Start run').click();
    await window.hasRun('Succeeded', 120_000);
    expect(await api(old)).toBe(401);
    expect(await textOf(page.locator('body'))).not.toContain(old);
  });

  await test.step('a service that does not take the new environment makes it go back by itself', async () => {
    const control = readFileSync(`${shop.dir}/control`, 'utf8');
    const rotated = shop.env();
    // From now on the service is started with the file as it is at this moment.
    writeFileSync(`${shop.dir}/frozen`, rotated);
    writeFileSync(
      `${shop.dir}/shop.conf`,
      readFileSync(`${shop.dir}/shop.conf`, 'utf8').replace(/ENV_FILE=.*/, `ENV_FILE='${shop.dir}/frozen'`),
    );
    await choose();
    await window.button('Continue to confirm').click({ timeout: 60_000 });
    await page.getByLabel('Environment name').fill(name);
    await window.button('Start run').click();
    await window.hasRun('Reverted', 120_000);
    await expect(page.locator('body')).toContainText('It went back by itself');
    expect(shop.env()).toBe(rotated);
    expect(control).not.toBe('');
  });
});
