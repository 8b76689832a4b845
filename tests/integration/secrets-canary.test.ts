import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnvironmentDraft, SshAuth } from '../../src/contract/environments.ts';
import { canariesIn, canaryFiles, canaryForms, canaryProcesses } from '../support/canary.ts';
import type { Keyring } from '../support/keyring.ts';
import { skipKeyring, startKeyring } from '../support/keyring.ts';
import type { SecretsHost } from '../support/secrets-client.ts';
import { startSecretsHost } from '../support/secrets-client.ts';
import { scratch, skipSsh } from '../support/ssh-lab.ts';
import type { TestUser } from '../support/ssh-user.ts';
import { makeTestUser, testUserUnavailable } from '../support/ssh-user.ts';
import type { Sshd } from '../support/sshd.ts';
import { makeKey, startSshd } from '../support/sshd.ts';

it('the search finds every form it promises', () => {
  const value = 'canary+of/this test?';
  for (const form of canaryForms(value)) expect(canariesIn(Buffer.from(`xx${form}yy`), [value])).toEqual([value]);
  for (const before of ['', 'a', 'ab'])
    expect(canariesIn(Buffer.from(Buffer.from(`${before}${value}z`).toString('base64')), [value])).toEqual([value]);
  expect(canariesIn(Buffer.from('nothing here'), [value])).toEqual([]);
});

const withoutUser = testUserUnavailable();
if (withoutUser !== undefined) console.log(`skipped: ${withoutUser}`);

describe.skipIf(skipSsh(withoutUser) || skipKeyring())('secrets that are set and used', () => {
  const passphrase = `Pp+/${randomBytes(12).toString('base64url')}`;
  const apiKey = `Ak+/${randomBytes(12).toString('base64url')} ü`;
  const nextKey = `Nk+/${randomBytes(12).toString('base64url')}`;
  const typedWrong = `Tw+/${randomBytes(12).toString('base64url')}`;
  let room: ReturnType<typeof scratch>;
  let sshd: Sshd;
  let user: TestUser;
  let keyring: Keyring;
  let host: SecretsHost;
  let keyPath: string;

  beforeEach(async () => {
    room = scratch();
    user = makeTestUser();
    const key = makeKey(room.path('key'), { passphrase });
    keyPath = key.path;
    sshd = await startSshd({ pam: true, authorizedKeys: [key.publicKey] });
    writeFileSync(room.path('known_hosts'), sshd.knownHosts());
    keyring = await startKeyring();
  });
  afterEach(async () => {
    await host?.stop();
    await keyring.stop();
    await sshd.stop();
    user.remove();
    room.close();
  });

  const draft = (name: string, login: string, auth: SshAuth[]): EnvironmentDraft => ({
    name,
    tier: 'development',
    ssh: { target: { host: '127.0.0.1', port: sshd.port, user: login, auth }, jumps: [] },
    stack: 'lab',
    inputs: {},
    notes: '',
  });

  it.each(['keychain', 'session'] as const)('kept in the %s: are nowhere to be found', async (kept) => {
    const canaries = [user.password, passphrase, apiKey, typedWrong];
    const env = kept === 'keychain' ? keyring.env : { PATH: keyring.env['PATH'] ?? '', HOME: keyring.env['HOME'] ?? '' };
    const folder = room.path('home');
    host = startSecretsHost({ folder, env, knownHosts: room.path('known_hosts') });
    const nowhere = (): void => {
      expect(canaryFiles(folder, canaries)).toEqual([]);
      expect(canaryFiles(keyring.dir, canaries)).toEqual([]);
      expect(canaryProcesses(canaries)).toEqual([]);
      expect(canariesIn(Buffer.from(host.written()), canaries)).toEqual([]);
    };
    const make = async (given: EnvironmentDraft): Promise<{ environmentId: string }> => ({
      environmentId: (await host.call<{ id: string }>('environments.create', given)).id,
    });

    const byPassword = await make(draft('By password', user.name, [{ kind: 'password' }, { kind: 'keyboard-interactive' }]));
    const byKey = await make(draft('By key', sshd.user, [{ kind: 'key', path: keyPath }]));
    expect(await host.call('secrets.set', { ...byPassword, key: 'ssh-password', value: user.password })).toMatchObject({ kept });
    expect(await host.call('secrets.set', { ...byKey, key: 'ssh-key-passphrase', value: passphrase })).toMatchObject({
      kept,
      required: true,
    });
    expect(await host.call('secrets.set', { ...byKey, key: 'api-key', value: apiKey })).toMatchObject({ kept });
    // The next value, and the one it replaces: sealed like the others, or refused where there is no keychain.
    canaries.push(nextKey);
    const next = host.call<{ slots: { pending: string } }>('secrets.set', { ...byKey, key: 'api-key', value: nextKey, slot: 'pending' });
    if (kept === 'session') await expect(next).rejects.toMatchObject({ code: 'keychain-unavailable' });
    else {
      const { slots } = await next;
      nowhere();
      await host.call('host.promote', { ...byKey, key: 'api-key', fingerprint: slots.pending });
      expect(await host.call('host.lengthOf', { ...byKey, key: 'api-key' })).toBe(nextKey.length);
      nowhere();
      await host.call('host.demote', { ...byKey, key: 'api-key', fingerprint: slots.pending });
    }
    nowhere();

    expect(await host.call('host.exec', byPassword)).toBe('hello');
    expect(await host.call('host.exec', byKey)).toBe('hello');
    expect(await host.call('host.lengthOf', { ...byKey, key: 'api-key' })).toBe(apiKey.length);
    nowhere();

    // What is wrong must not come back in words either.
    await expect(host.call('secrets.set', { ...byKey, key: 'no-such-key', value: typedWrong })).rejects.toMatchObject({
      code: 'bad-input',
    });
    await host.call('secrets.set', { ...byPassword, key: 'ssh-password', value: typedWrong });
    await host.call('connections.disconnect', byPassword);
    expect(await host.call('connections.connect', byPassword)).toMatchObject({ phase: 'blocked' });
    for (const call of ['environments.list', 'environments.exportProfiles', 'journal.list', 'settings.get', 'connections.hostKeys'])
      await host.call(call);
    for (const ref of [byPassword, byKey])
      for (const call of ['secrets.status', 'connections.get', 'environments.get']) await host.call(call, ref);
    nowhere();

    await host.call('secrets.clear', { ...byKey, key: 'api-key' });
    await host.call('environments.remove', byPassword);
    expect(await host.stop()).toBe(0);
    nowhere();
    const { entries } = await readJournal(folder, env);
    expect(entries).toEqual(expect.arrayContaining(['secret-set', 'secret-cleared', 'environment-removed']));
  });

  it('are nowhere in what a killed host leaves behind', async () => {
    const folder = room.path('home');
    host = startSecretsHost({ folder, env: keyring.env });
    const { id } = await host.call<{ id: string }>('environments.create', draft('Killed', 'u', [{ kind: 'password' }]));
    await host.call('secrets.set', { environmentId: id, key: 'api-key', value: apiKey });
    process.kill(host.pid, 'SIGKILL');
    await host.stop();
    expect(canaryFiles(folder, [apiKey])).toEqual([]);
    host = startSecretsHost({ folder, env: keyring.env });
    expect(await host.call('host.lengthOf', { environmentId: id, key: 'api-key' })).toBe(apiKey.length);
  });

  async function readJournal(folder: string, env: Readonly<Record<string, string>>): Promise<{ entries: string[] }> {
    host = startSecretsHost({ folder, env });
    const { entries } = await host.call<{ entries: { kind: string }[] }>('journal.list');
    return { entries: entries.map(({ kind }) => kind) };
  }
});
