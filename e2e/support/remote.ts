import type { Page } from '@playwright/test';
import type { Replica } from '../../tests/support/replica.ts';
import { startReplica } from '../../tests/support/replica.ts';
import type { Sshd } from '../../tests/support/sshd.ts';
import { sshdUnavailable, startSshd } from '../../tests/support/sshd.ts';
import { expect } from './journey.ts';
import { createWindow } from './window.ts';

/** A real sshd with the deployment behind it. */
export interface Remote {
  readonly sshd: Sshd;
  readonly replica: Replica;
  /** What restore and revert must bring back: number of events, Merkle root, head of the chain. */
  data(): Promise<{ events: number; root: string; head: string }>;
  /** The fingerprint the server presents now. */
  fingerprint(): string;
}

export { sshdUnavailable };

/** Starts both; `closing` ends them with the test. */
export async function startRemote(closing: <T extends { stop(): Promise<void> }>(thing: T) => T): Promise<Remote> {
  const sshd = closing(await startSshd());
  const replica = closing(await startReplica());
  return {
    sshd,
    replica,
    async data() {
      const health = (await (await replica.request('GET', '/health')).json()) as { event_count: number; merkle_root: string };
      const newest = (await (await replica.request('GET', '/events?limit=500')).json()) as {
        items: { event_hash: string; sequence_number: number }[];
      };
      const head = newest.items.toSorted((a, b) => a.sequence_number - b.sequence_number).at(-1)?.event_hash ?? '';
      return { events: health.event_count, root: health.merkle_root, head };
    },
    fingerprint: () => sshd.hostKeys[0]?.fingerprint ?? '',
  };
}

/** Fills the form for a remote and saves it. The window is then on its profile. */
export async function addEnvironment(
  page: Page,
  { sshd, replica }: Remote,
  { name, tier }: { name: string; tier: 'Production' | 'Staging' },
): Promise<void> {
  await page.getByRole('link', { name: 'Add environment' }).click();
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByRole('radio', { name: tier }).check();
  await page.getByLabel('Host', { exact: true }).fill(sshd.host);
  await page.getByLabel('Port', { exact: true }).fill(String(sshd.port));
  await page.getByLabel('User', { exact: true }).fill(sshd.user);
  await page.getByLabel('Method 1').selectOption('key');
  await page.getByLabel('Key file 1').fill(sshd.clientKey.path);
  const titles: Readonly<Record<string, string>> = {
    base_url: 'Base URL',
    service_control: 'Service control',
    db_path: 'Database file',
    backup_dir: 'Backup folder',
    log_file: 'Log file',
    env_file: 'Environment file',
  };
  for (const [input, value] of Object.entries(replica.inputs)) await page.getByLabel(new RegExp(`^${titles[input] ?? input}`)).fill(value);
  await page.getByRole('button', { name: 'Save environment' }).click();
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
}

/** Sets the API key on the profile that is open. */
export async function setApiKey(
  page: Page,
  key: string,
  kept: 'Set, kept in the keychain' | 'Set, only until Quarterdeck ends',
): Promise<void> {
  await page.getByRole('button', { name: 'Set API key' }).click();
  await page.getByRole('textbox', { name: 'API key' }).fill(key);
  await page.getByRole('button', { name: 'Store API key' }).click();
  await expect(page.getByRole('listitem', { name: 'API key' })).toContainText(kept);
  expect(await page.content()).not.toContain(key);
}

/** Connects the open environment and accepts its key by the fingerprint that is pasted. */
export async function meet(page: Page, fingerprint: string): Promise<void> {
  const window = createWindow(page);
  await window.go('Overview');
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await expect(page.getByLabel('Presented key fingerprint', { exact: true })).toHaveText(fingerprint);
  await page.getByLabel('Fingerprint from the server').fill(fingerprint);
  await page.getByRole('button', { name: 'Trust and connect' }).click();
  await expect(page.getByText('Connected', { exact: true }).first()).toBeVisible();
}
