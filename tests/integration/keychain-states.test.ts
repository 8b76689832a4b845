import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnvironmentDraft } from '../../src/contract/environments.ts';
import type { KeychainState, SecretStatus } from '../../src/contract/secrets.ts';
import type { Keyring } from '../support/keyring.ts';
import { skipKeyring, startKeyring } from '../support/keyring.ts';
import type { SecretsHost } from '../support/secrets-client.ts';
import { startSecretsHost } from '../support/secrets-client.ts';

type Status = { keychain: KeychainState; secrets: SecretStatus[] };

const draft: EnvironmentDraft = {
  name: 'Lab',
  tier: 'development',
  ssh: { target: { host: '127.0.0.1', port: 22, user: 'nobody', auth: [{ kind: 'password' }] }, jumps: [] },
  stack: 'lab',
  inputs: {},
  notes: '',
};
const value = 'correct horse battery staple';

let folder: string;
let hosts: SecretsHost[] = [];
const start = (env: Readonly<Record<string, string>>): SecretsHost => {
  const host = startSecretsHost({ folder, env });
  hosts.push(host);
  return host;
};
const found = (text: string): string[] => {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map((entry) => join(entry.parentPath, entry.name)).filter((path) => readFileSync(path).includes(text));
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarterdeck-home-'));
  hosts = [];
});
afterEach(async () => {
  await Promise.all(hosts.map((host) => host.stop()));
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(skipKeyring())('a real gnome-keyring', () => {
  let keyring: Keyring;
  beforeEach(async () => {
    keyring = await startKeyring();
  });
  afterEach(() => keyring.stop());

  it('keeps a secret over a restart, and gives none back by a call', async () => {
    const first = start(keyring.env);
    const { id } = await first.call<{ id: string }>('environments.create', draft);
    const set = await first.call<SecretStatus>('secrets.set', { environmentId: id, key: 'ssh-password', value });
    expect(set).toMatchObject({ key: 'ssh-password', set: true, kept: 'keychain', required: true });
    expect(await first.stop()).toBe(0);

    const second = start(keyring.env);
    const status = await second.call<Status>('secrets.status', { environmentId: id });
    expect(status.keychain.state).toBe('available');
    expect(status.secrets).toEqual([
      expect.objectContaining({ key: 'ssh-password', set: true, kept: 'keychain' }),
      expect.objectContaining({ key: 'api-key', set: false, kept: 'none' }),
    ]);
    expect(await second.call('host.lengthOf', { environmentId: id, key: 'ssh-password' })).toBe(value.length);
    expect(first.written() + second.written()).not.toContain(value);
    expect(found(value)).toEqual([]);
  });

  it('says locked, makes no second master key and loses nothing', async () => {
    const first = start(keyring.env);
    const { id } = await first.call<{ id: string }>('environments.create', draft);
    await first.call('secrets.set', { environmentId: id, key: 'api-key', value });
    await first.stop();
    await keyring.lock();

    const second = start(keyring.env);
    const locked = await second.call<Status>('secrets.status', { environmentId: id });
    expect(locked.keychain).toMatchObject({ state: 'locked', detail: expect.stringMatching(/unlock/i) });
    expect(locked.secrets.find(({ key }) => key === 'api-key')).toMatchObject({ set: true, kept: 'keychain' });
    await expect(second.call('host.lengthOf', { environmentId: id, key: 'api-key' })).rejects.toMatchObject({ code: 'keychain-locked' });
    expect(await second.call('secrets.set', { environmentId: id, key: 'ssh-password', value: 'for now only' })).toMatchObject({
      kept: 'session',
    });
    expect(await second.call('host.masterKeys')).toEqual({ n: 1 });
    expect(await second.call('host.sealedRows')).toEqual({ n: 1 });
    expect(found('for now only')).toEqual([]);

    await keyring.unlock();
    expect(await second.call<KeychainState>('secrets.recheckKeychain')).toMatchObject({ state: 'available' });
    expect(await second.call('host.lengthOf', { environmentId: id, key: 'api-key' })).toBe(value.length);
    // What was kept for the session moved to the keychain.
    const after = await second.call<Status>('secrets.status', { environmentId: id });
    expect(after.secrets.find(({ key }) => key === 'ssh-password')).toMatchObject({ set: true, kept: 'keychain' });
    expect(await second.call('host.masterKeys')).toEqual({ n: 1 });
  });

  it('starts on a locked keyring without a master key, and makes one when it is unlocked', async () => {
    await keyring.lock();
    const host = start(keyring.env);
    const { id } = await host.call<{ id: string }>('environments.create', draft);
    expect((await host.call<Status>('secrets.status', { environmentId: id })).keychain.state).toBe('locked');
    expect(await host.call('secrets.set', { environmentId: id, key: 'api-key', value })).toMatchObject({ kept: 'session' });
    expect(await host.call('host.masterKeys')).toEqual({ n: 0 });
    expect(await host.call('host.lengthOf', { environmentId: id, key: 'api-key' })).toBe(value.length);
    await keyring.unlock();
    expect(await host.call<KeychainState>('secrets.recheckKeychain')).toMatchObject({ state: 'available' });
    expect(await host.call('host.masterKeys')).toEqual({ n: 1 });
    expect(await host.stop()).toBe(0);
  });

  it('goes on with a keyring that was started again', async () => {
    const host = start(keyring.env);
    const { id } = await host.call<{ id: string }>('environments.create', draft);
    await host.call('secrets.set', { environmentId: id, key: 'api-key', value });
    await keyring.restart();
    expect(await host.call<KeychainState>('secrets.recheckKeychain')).toMatchObject({ state: 'available' });
    expect(await host.call('host.lengthOf', { environmentId: id, key: 'api-key' })).toBe(value.length);
  });

  it('a Secret Service that does not answer holds nobody up: locked after a while, and the host ends at once', async () => {
    const host = start(keyring.env);
    const { id } = await host.call<{ id: string }>('environments.create', draft);
    await host.call('secrets.set', { environmentId: id, key: 'api-key', value });
    await host.stop();
    keyring.pause(true);
    const second = start(keyring.env);
    const status = await second.call<Status>('secrets.status', { environmentId: id });
    expect(status.keychain).toMatchObject({ state: 'locked', detail: expect.stringContaining('does not answer') });
    expect(await second.call('host.masterKeys')).toEqual({ n: 1 });
    expect(await second.stop()).toBe(0);
    keyring.pause(false);
  });

  it('two data folders have master keys of their own', async () => {
    const one = start(keyring.env);
    const other = startSecretsHost({ folder: join(folder, 'other'), env: keyring.env });
    hosts.push(other);
    for (const host of [one, other]) {
      const { id } = await host.call<{ id: string }>('environments.create', draft);
      await host.call('secrets.set', { environmentId: id, key: 'api-key', value });
      expect(await host.call('host.lengthOf', { environmentId: id, key: 'api-key' })).toBe(value.length);
    }
    expect(await one.call('host.masterKeys')).toEqual({ n: 1 });
  });

  it('says what is wrong when the data folder came without its keychain', async () => {
    const first = start(keyring.env);
    const { id } = await first.call<{ id: string }>('environments.create', draft);
    await first.call('secrets.set', { environmentId: id, key: 'api-key', value });
    await first.stop();
    const elsewhere = await startKeyring();
    try {
      const second = start(elsewhere.env);
      const status = await second.call<Status>('secrets.status', { environmentId: id });
      expect(status.keychain).toMatchObject({ state: 'locked', detail: expect.stringContaining('does not hold the master key') });
      await expect(second.call('host.lengthOf', { environmentId: id, key: 'api-key' })).rejects.toMatchObject({ code: 'secret-missing' });
      expect(await second.call('secrets.set', { environmentId: id, key: 'ssh-password', value })).toMatchObject({ kept: 'keychain' });
      expect(await second.call('host.masterKeys')).toEqual({ n: 2 });
      await second.stop();
    } finally {
      await elsewhere.stop();
    }
    // Back home: the old secret opens again, the one set elsewhere does not.
    const third = start(keyring.env);
    expect(await third.call('host.lengthOf', { environmentId: id, key: 'api-key' })).toBe(value.length);
    await expect(third.call('host.lengthOf', { environmentId: id, key: 'ssh-password' })).rejects.toMatchObject({ code: 'secret-missing' });
  });
});

describe.skipIf(process.platform !== 'linux')('no keychain', () => {
  it('without D-Bus: unavailable, for this session only, nothing on disk', async () => {
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder };
    const host = start(env);
    const { id } = await host.call<{ id: string }>('environments.create', draft);
    const status = await host.call<Status>('secrets.status', { environmentId: id });
    expect(status.keychain).toMatchObject({ state: 'unavailable', detail: expect.stringMatching(/D-Bus|libsecret/) });
    expect(await host.call('secrets.set', { environmentId: id, key: 'api-key', value })).toMatchObject({ set: true, kept: 'session' });
    expect(await host.call('host.lengthOf', { environmentId: id, key: 'api-key' })).toBe(value.length);
    expect(await host.stop()).toBe(0);
    expect(found(value)).toEqual([]);
    const again = start(env);
    const after = await again.call<Status>('secrets.status', { environmentId: id });
    expect(after.secrets.find(({ key }) => key === 'api-key')).toMatchObject({ set: false, kept: 'none' });
  });

  it.skipIf(skipKeyring())('a bus without a Secret Service: unavailable', async () => {
    const bus = await startKeyring({ service: false });
    try {
      const host = start(bus.env);
      const { id } = await host.call<{ id: string }>('environments.create', draft);
      const status = await host.call<Status>('secrets.status', { environmentId: id });
      expect(status.keychain).toMatchObject({ state: 'unavailable', detail: expect.stringContaining('No Secret Service') });
      await host.stop();
    } finally {
      await bus.stop();
    }
  });
});
