import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProblemCode } from '../../contract/problem.ts';
import type { KeychainState } from '../../contract/secrets.ts';
import { createBackupMemory } from '../backups/memory.ts';
import type { Keychain } from '../drivers/keychain/keychain.ts';
import type { SecretSlots } from '../engine/action.ts';
import type { Journal } from '../journal/journal.ts';
import { createJournal } from '../journal/journal.ts';
import { migrations } from '../store/migrations/index.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/store.ts';
import type { Secrets } from './secrets.ts';
import { createSecrets } from './secrets.ts';

const items = new Map<string, Buffer>();
const keychainOf = (state: KeychainState['state']): Keychain => ({
  state: { state, detail: `is ${state}` },
  check: async () => ({ state, detail: `is ${state}` }),
  async read(account) {
    if (state !== 'available') return { found: 'unreadable', state: { state, detail: `is ${state}` } };
    const value = items.get(account);
    return value === undefined ? { found: 'absent' } : { found: 'value', value: Buffer.from(value) };
  },
  async write(account, value) {
    if (state === 'available') items.set(account, Buffer.from(value));
    return { state, detail: `is ${state}` };
  },
  close: async () => undefined,
});

let folder: string;
let store: Store;
let journal: Journal;
let registered: string[];
const services: Secrets[] = [];
const start = (state: KeychainState['state'] = 'available'): Secrets => {
  const made = createSecrets({
    store,
    journal,
    keychain: keychainOf(state),
    stacks: {
      get: () => ({
        secrets: [
          { key: 'api-key', title: 'API key', required: true },
          { key: 'encryption-key', title: 'Encryption key', required: false, encrypts_backups: true },
        ],
      }),
    },
    redactor: { register: (value) => void registered.push(value) },
  });
  services.push(made);
  return made;
};
const env = { environmentId: 'env-a' };
const code = (wanted: ProblemCode) => expect.objectContaining({ data: expect.objectContaining({ code: wanted }) });
const values = async (slots: SecretSlots, key = 'api-key') => {
  const found: Record<string, string> = {};
  for (const slot of ['current', 'pending', 'previous'] as const)
    if ((await slots.status(key))[slot] !== undefined) found[slot] = await slots.read(key, slot);
  return found;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarterdeck-slots-'));
  items.clear();
  registered = [];
  store = openStore(join(folder, 'store.db'), migrations);
  journal = createJournal({ store, operator: 'ann@laptop', clock: Date.now });
  store
    .prepare('INSERT INTO environments (id, name, draft, created_at, updated_at) VALUES (?, ?, ?, 1, 1)')
    .run(
      'env-a',
      'Shop',
      JSON.stringify({ stack: 's', ssh: { target: { host: 'h', port: 22, user: 'u', auth: [{ kind: 'agent' }] }, jumps: [] } }),
    );
});
afterEach(() => {
  for (const service of services.splice(0)) service.close();
  journal.close();
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('slots of a secret', () => {
  it('stages, promotes, demotes and discards; another process finds what was kept', async () => {
    const secrets = start();
    await secrets.set({ ...env, key: 'api-key', value: 'old-value' });
    const slots = secrets.slots('env-a');
    const pending = await slots.stage('api-key', 'new-value');
    expect(await slots.stage('api-key', 'new-value')).toBe(pending);
    expect(await values(start().slots('env-a'))).toEqual({ current: 'old-value', pending: 'new-value' });
    expect(pending).toMatch(/^[0-9a-f]{12}$/);
    expect(await slots.fingerprint('new-value')).toBe(pending);

    await slots.promote('api-key', pending);
    expect(await values(start().slots('env-a'))).toEqual({ current: 'new-value', previous: 'old-value' });
    expect(await secrets.read('env-a', 'api-key')).toBe('new-value');
    await slots.demote('api-key', pending);
    expect(await values(slots)).toEqual({ current: 'old-value', pending: 'new-value' });
    await slots.promote('api-key', pending);
    await slots.discard('api-key', 'previous', (await slots.status('api-key')).previous ?? '');
    expect(await values(slots)).toEqual({ current: 'new-value' });

    const kinds = journal.list({ limit: 100 }).entries.map(({ kind }) => kind);
    for (const kind of ['secret-staged', 'secret-promoted', 'secret-demoted', 'secret-discarded']) expect(kinds).toContain(kind);
    const written = JSON.stringify(journal.list({ limit: 100 }));
    expect(written).not.toContain('new-value');
    expect(written).not.toContain('old-value');
    expect(registered).toEqual(expect.arrayContaining(['new-value', 'old-value']));
  });

  it('refuses what was decided on another value, and changes nothing then', async () => {
    const secrets = start();
    await secrets.set({ ...env, key: 'api-key', value: 'old-value' });
    const slots = secrets.slots('env-a');
    await expect(slots.promote('api-key', 'aaaaaaaaaaaa')).rejects.toThrow(code('secret-missing'));
    const pending = await slots.stage('api-key', 'new-value');
    await expect(slots.stage('api-key', 'third-value')).rejects.toThrow(code('conflict'));
    await expect(slots.promote('api-key', 'aaaaaaaaaaaa')).rejects.toThrow(code('conflict'));
    await expect(slots.discard('api-key', 'pending', 'aaaaaaaaaaaa')).rejects.toThrow(code('conflict'));
    await expect(slots.stage('ssh-password', 'x')).rejects.toThrow(code('bad-input'));
    expect(await values(slots)).toEqual({ current: 'old-value', pending: 'new-value' });
    await slots.promote('api-key', pending);
    await expect(slots.stage('api-key', 'new-value')).rejects.toThrow(code('bad-input'));
    await slots.stage('api-key', 'third-value');
    await expect(slots.demote('api-key', pending)).rejects.toThrow(code('conflict'));
    expect(await values(slots)).toEqual({ current: 'new-value', pending: 'third-value', previous: 'old-value' });
  });

  it('does not open what was moved to another slot', async () => {
    const secrets = start();
    await secrets.set({ ...env, key: 'api-key', value: 'old-value' });
    const slots = secrets.slots('env-a');
    await slots.stage('api-key', 'new-value');
    store.exec(`INSERT INTO secret_slots SELECT environment_id, key, 'previous', sealed, fingerprint, updated_at FROM secret_slots`);
    await expect(slots.read('api-key', 'previous')).rejects.toThrow(code('secret-missing'));
    store.exec(`UPDATE secrets SET sealed = (SELECT sealed FROM secret_slots WHERE slot = 'pending')`);
    await expect(slots.read('api-key', 'current')).rejects.toThrow(code('secret-missing'));
  });

  it.each(['locked', 'unavailable'] as const)('keeps nothing while the keychain is %s', async (state) => {
    const slots = start(state).slots('env-a');
    await expect(slots.stage('api-key', 'new-value')).rejects.toThrow(code(`keychain-${state}`));
    await expect(slots.status('api-key')).rejects.toThrow(code(`keychain-${state}`));
    await expect(start(state).set({ ...env, key: 'api-key', value: 'n', slot: 'pending' })).rejects.toThrow(code(`keychain-${state}`));
    expect(store.prepare('SELECT count(*) AS n FROM secret_slots').get()).toEqual({ n: 0 });
  });

  it('shows fingerprints only, which say nothing without the keychain', async () => {
    const secrets = start();
    await secrets.set({ ...env, key: 'api-key', value: 'old-value' });
    const set = await secrets.set({ ...env, key: 'api-key', value: 'new-value', slot: 'pending' });
    expect(set).toMatchObject({ set: true, slots: { current: expect.any(String), pending: expect.any(String), previous: null } });
    const shown = (await secrets.status(env)).secrets.find(({ key }) => key === 'api-key');
    expect(shown?.slots).toEqual(set.slots);
    expect(await secrets.discard({ ...env, key: 'api-key', slot: 'pending' })).toMatchObject({ slots: { pending: null } });
    expect((await start('locked').status(env)).secrets.find(({ key }) => key === 'api-key')).not.toHaveProperty('slots');
    // A value that is set anew has its own.
    await secrets.set({ ...env, key: 'api-key', value: 'other-value' });
    expect((await secrets.slots('env-a').status('api-key')).current).not.toBe(set.slots?.current);
  });

  it('forgets no key that a backup was made under, or may have been', async () => {
    const secrets = start();
    const memory = createBackupMemory(store);
    const key = 'encryption-key';
    await secrets.set({ ...env, key, value: 'key-one' });
    const one = (await secrets.slots('env-a').status(key)).current ?? '';
    memory.remember({ environmentId: 'env-a', name: 'made-under-one', createdBy: 'ann' });
    const slots = secrets.slots('env-a');
    const two = await slots.stage(key, 'key-two');
    await slots.promote(key, two);
    memory.remember({ environmentId: 'env-a', name: 'made-under-two', createdBy: 'ann' });
    // Touched again later, it is still one that was made under the first.
    memory.remember({ environmentId: 'env-a', name: 'made-under-one', createdBy: 'ann', protected: true });
    expect(await slots.neededBy(key, one)).toEqual(['made-under-one']);
    await expect(slots.discard(key, 'previous', one)).rejects.toThrow(code('conflict'));
    await expect(secrets.discard({ ...env, key, slot: 'previous' })).rejects.toThrow(code('conflict'));
    // A second rotation would push it out.
    const three = await slots.stage(key, 'key-three');
    await expect(slots.promote(key, three)).rejects.toThrow(code('conflict'));
    await slots.discard(key, 'pending', three);
    expect(await values(slots, key)).toEqual({ current: 'key-two', previous: 'key-one' });

    memory.remember({ environmentId: 'env-a', name: 'somebody-elses' });
    expect(await slots.neededBy(key, one)).toEqual(['made-under-one', 'somebody-elses']);
    const copy = join(folder, 'copy.db');
    writeFileSync(copy, '');
    memory.remember({ environmentId: 'env-a', name: 'somebody-elses', localPath: copy });
    const gone = ['made-under-one', 'somebody-elses'];
    expect(await slots.neededBy(key, one, gone)).toEqual(['somebody-elses']);
    rmSync(copy);
    await slots.discard(key, 'previous', one, gone);
    expect(await values(slots, key)).toEqual({ current: 'key-two' });
    expect(await slots.neededBy('api-key', one)).toEqual([]);
  });
});
