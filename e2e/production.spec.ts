import { keyringUnavailable, startKeyring } from '../tests/support/keyring.ts';
import { expect, test, textOf } from './support/journey.ts';
import { addEnvironment, meet, setApiKey, sshdUnavailable, startRemote } from './support/remote.ts';
import { createWindow } from './support/window.ts';

const name = 'Shop production';
const other = `SHA256:${'A'.repeat(43)}`;

test('journey 2: production over a real sshd; the name is asked, a wrong one refused by window and host', async ({
  page,
  host,
  closing,
}) => {
  const why = sshdUnavailable();
  test.skip(why !== undefined, `skipped: ${why}`);
  const served = await host();
  const remote = await startRemote(closing);
  const window = createWindow(page);

  // Changes the name on its way to the host: what the window refuses, the host must refuse too.
  let tampering = false;
  await page.routeWebSocket(/.*/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) =>
      server.send(tampering ? String(message).replaceAll(`"typedName":"${name}"`, '"typedName":"Shop"') : message),
    );
  });

  await test.step('the environment is added in the form', async () => {
    await window.open(served.url);
    await addEnvironment(page, remote, { name, tier: 'Production' });
    await expect(page).toHaveTitle(/^PRODUCTION: /);
    await expect(page.getByRole('note').filter({ hasText: 'PRODUCTION' })).toBeVisible();
  });

  await test.step('the API key is held for this session only, and that is said', async () => {
    await expect(page.getByText('There is no keychain.')).toBeVisible();
    await setApiKey(page, remote.replica.apiKey, 'Set, only until Quarterdeck ends');
  });

  await test.step('first contact: a wrong fingerprint is refused, the right one accepted', async () => {
    await window.go('Overview');
    await window.button('Connect').click();
    await expect(page.getByRole('heading', { name: 'Is this really 127.0.0.1?' })).toBeVisible();
    await expect(page.getByLabel('Presented key fingerprint', { exact: true })).toHaveText(remote.fingerprint());
    const trust = window.button('Trust and connect');
    await expect(trust).toBeDisabled();
    await page.getByLabel('Fingerprint from the server').fill(other);
    await expect(page.getByText('This is another fingerprint than the server presents.')).toBeVisible();
    await expect(trust).toBeDisabled();
    expect(remote.sshd.log()).not.toMatch(/userauth/);
    await page.getByLabel('Fingerprint from the server').fill(`256 ${remote.fingerprint()} root@shop (ED25519)`);
    await trust.click();
    await window.isHealthy();
  });

  await test.step('production is unmistakable on every screen', async () => {
    for (const section of ['Logs', 'Backups', 'Runs', 'Journal', 'Overview'] as const) {
      await window.go(section);
      await expect(page.getByRole('note').filter({ hasText: 'PRODUCTION' })).toBeVisible();
    }
  });

  const before = await remote.data();
  await test.step('a wrong name starts nothing', async () => {
    await window.go('Backups');
    await window.chooseGood(1);
    await window.prepareRestore();
    const start = window.button('Start run');
    const typed = page.getByLabel('Environment name');
    await expect(start).toBeDisabled();
    await typed.fill('Shop');
    await expect(start).toBeDisabled();
    await typed.fill('shop production');
    await expect(start).toBeDisabled();
    await expect(page.getByText(`This is not ${name}.`)).toBeVisible();
    await typed.press('Enter');
    await expect(start).toBeVisible();

    await typed.fill(name);
    tampering = true;
    await start.click();
    await expect(page.getByText('confirmation-wrong')).toBeVisible();
    tampering = false;
    expect(await remote.data()).toEqual(before);
  });

  await test.step('the right name restores; the result is shown', async () => {
    await window.button('Start run').click();
    await window.hasRun('Succeeded');
    await expect(window.result).toContainText('Verified');
    expect((await remote.data()).events).toBeLessThan(before.events);
  });

  await test.step('revert asks for the name again and brings the exact data back', async () => {
    await window.button('Revert').click();
    await expect(window.dialog.getByRole('button', { name: 'Revert run' })).toBeDisabled();
    await window.dialog.getByRole('button', { name: 'Cancel' }).click();
    await window.revert(name);
    expect(await remote.data()).toEqual(before);
  });

  await test.step('the journal is whole and holds no secret', async () => {
    await window.go('Journal');
    await window.verifyJournal();
    expect(await textOf(page.locator('body'))).not.toContain(remote.replica.apiKey);
  });
});

test('with a keychain the API key outlives the host, and the host key is known', async ({ page, host, closing }) => {
  const why = sshdUnavailable() ?? keyringUnavailable();
  test.skip(why !== undefined, `skipped: ${why}`);
  const keyring = closing(await startKeyring());
  const remote = await startRemote(closing);
  const served = await host({ env: keyring.env });
  const window = createWindow(page);
  await window.open(served.url);
  await addEnvironment(page, remote, { name: 'Shop staging', tier: 'Staging' });
  await expect(page.getByText('There is no keychain.')).toBeHidden();
  await setApiKey(page, remote.replica.apiKey, 'Set, kept in the keychain');
  await meet(page, remote.fingerprint());
  await window.isHealthy();

  await page.goto('about:blank');
  await window.open(await served.restart());
  await page
    .getByRole('navigation', { name: 'Quarterdeck' })
    .getByRole('link', { name: /Shop staging/ })
    .click();
  await window.button('Connect').click();
  await window.isHealthy();
});
