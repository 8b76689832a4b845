import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SshAuth, SshHop } from '../../contract/environments.ts';
import type { KeychainState } from '../../contract/secrets.ts';
import type { Keychain } from '../drivers/keychain/keychain.ts';
import type { Journal } from '../journal/journal.ts';
import { createJournal } from '../journal/journal.ts';
import { migrations } from '../store/migrations/index.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/store.ts';
import type { Secrets } from './secrets.ts';
import { createSecrets } from './secrets.ts';

/** A keychain in memory that can be locked: as a real one, it then says nothing about what it holds. */
function fakeKeychain() {
  const items = new Map<string, Buffer>();
  let state: KeychainState = { state: 'available', detail: 'works' };
  const keychain: Keychain = {
    get state() {
      return state;
    },
    check: async () => state,
    read: async (account) => {
      if (state.state !== 'available') return { found: 'unreadable', state };
      const value = items.get(account);
      return value === undefined ? { found: 'absent' } : { found: 'value', value: Buffer.from(value) };
    },
    write: async (account, value) => {
      if (state.state === 'available') items.set(account, Buffer.from(value));
      return state;
    },
    close: async () => undefined,
  };
  const become = (to: KeychainState['state']): void => {
    state = { state: to, detail: `is ${to}` };
  };
  return { keychain, items, become };
}

const hop = (...kinds: string[]): SshHop => ({
  host: 'h',
  port: 22,
  user: 'u',
  auth: kinds.map((kind) => (kind.startsWith('/') ? { kind: 'key', path: kind } : { kind }) as SshAuth),
});

let store: Store;
let journal: Journal;
let fake: ReturnType<typeof fakeKeychain>;
let registered: string[];
const services: Secrets[] = [];
const start = (): Secrets => {
  const secrets = createSecrets({
    store,
    journal,
    keychain: fake.keychain,
    stacks: { get: (id) => (id === 'ff' ? { secrets: [{ key: 'api-key', title: 'API key', required: true }] } : undefined) },
    keyFileIsEncrypted: async (path) => path.includes('locked'),
    redactor: { register: (value) => void registered.push(value) },
  });
  services.push(secrets);
  return secrets;
};
const add = (id: string, target: SshHop, jumps: SshHop[] = []): void => {
  store
    .prepare('INSERT INTO environments (id, name, draft, created_at, updated_at) VALUES (?, ?, ?, 1, 1)')
    .run(id, id, JSON.stringify({ stack: 'ff', ssh: { target, jumps } }));
};
const env = { environmentId: 'env-a' };
const api = { ...env, key: 'api-key' };

beforeEach(() => {
  store = openStore(':memory:', migrations);
  journal = createJournal({ store, operator: 'tester@lab', clock: () => 1 });
  fake = fakeKeychain();
  registered = [];
  add('env-a', hop('password'));
});
afterEach(() => {
  for (const one of services.splice(0)) one.close();
  journal.close();
  store.close();
});

describe('status', () => {
  it('lists what the route and the stack use, and what is required of it', async () => {
    add('env-b', hop('/keys/locked', 'agent', 'password'), [hop('password'), hop('agent'), hop('/keys/open', 'keyboard-interactive')]);
    const { secrets } = await start().status({ environmentId: 'env-b' });
    expect(secrets.map(({ key, required }) => [key, required])).toEqual([
      ['ssh-password', false],
      ['ssh-key-passphrase', true],
      ['jump-1-password', true],
      ['jump-3-password', false],
      ['jump-3-key-passphrase', false],
      ['api-key', true],
    ]);
    expect(secrets[2]?.label).toBe('SSH password of jump host 1 (u@h)');
    await expect(start().status({ environmentId: 'env-x' })).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('set, read, clear', () => {
  it('seals it, gives it to the host only, and journals the name of it', async () => {
    const secrets = start();
    expect(await secrets.set({ ...api, value: 'top secret' })).toEqual({
      key: 'api-key',
      label: 'API key',
      required: true,
      set: true,
      kept: 'keychain',
      slots: { current: expect.stringMatching(/^[0-9a-f]{12}$/), pending: null, previous: null },
    });
    expect(await secrets.read('env-a', 'api-key')).toBe('top secret');
    expect(await secrets.read('env-a', 'ssh-password')).toBeUndefined();
    expect(JSON.stringify(journal.list({ limit: 10 }))).not.toContain('top secret');
    expect(await secrets.clear(api)).toMatchObject({ set: false, kept: 'none' });
    expect(await secrets.read('env-a', 'api-key')).toBeUndefined();
    await secrets.clear(api);
    expect(journal.list({ limit: 10 }).entries.map(({ kind, data }) => [kind, data['key']])).toEqual([
      ['secret-cleared', 'api-key'],
      ['secret-set', 'api-key'],
    ]);
    expect(registered).toContain('top secret');
  });

  it('finds the secret of a hop by its place', async () => {
    add('env-b', hop('password'), [hop('password'), hop('/keys/locked')]);
    const secrets = start();
    for (const key of ['ssh-password', 'jump-1-password', 'jump-2-key-passphrase'])
      await secrets.set({ environmentId: 'env-b', key, value: key });
    const read = (kind: 'password' | 'key-passphrase', at: number) => secrets.readForHop('env-b', { kind, hop: at, jumps: 2 });
    expect([await read('password', 0), await read('key-passphrase', 1), await read('password', 2), await read('password', 1)]).toEqual([
      'jump-1-password',
      'jump-2-key-passphrase',
      'ssh-password',
      undefined,
    ]);
  });

  it('refuses a name nobody uses', async () => {
    await expect(start().set({ ...env, key: 'jump-1-password', value: 'x' })).rejects.toMatchObject({
      code: 'bad-input',
      data: { detail: { keys: ['ssh-password', 'api-key'] } },
    });
    await expect(start().clear({ ...env, key: 'other' })).rejects.toMatchObject({ code: 'bad-input' });
  });

  it('two values are never sealed alike, and a row is worth nothing in another place', async () => {
    const secrets = start();
    await secrets.set({ ...api, value: 'same' });
    await secrets.set({ ...env, key: 'ssh-password', value: 'same' });
    const sealed = store.prepare('SELECT sealed FROM secrets').pluck().all() as Buffer[];
    expect(sealed[0]?.equals(sealed[1] as Buffer)).toBe(false);
    store.prepare("UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE key = 'ssh-password') WHERE key = 'api-key'").run();
    await expect(secrets.read('env-a', 'api-key')).rejects.toMatchObject({ code: 'secret-missing' });
    expect((await secrets.status(env)).secrets.find(({ key }) => key === 'api-key')).toMatchObject({ set: false });
    expect(await secrets.read('env-a', 'ssh-password')).toBe('same');
  });

  it.each([0, 1, 5, 30, 60])('a changed byte (%i) is noticed', async (at) => {
    const secrets = start();
    await secrets.set({ ...api, value: 'a value that is long enough' });
    const sealed = store.prepare('SELECT sealed FROM secrets').pluck().get() as Buffer;
    sealed[at] = (sealed[at] ?? 0) ^ 1;
    store.prepare('UPDATE secrets SET sealed = ?').run(sealed);
    await expect(start().read('env-a', 'api-key')).rejects.toMatchObject({ code: 'secret-missing' });
  });
});

describe('a keychain that is not there', () => {
  it.each(['locked', 'unavailable'] as const)('%s: kept for the session, moved when it works', async (state) => {
    fake.become(state);
    const secrets = start();
    expect((await secrets.status(env)).keychain.state).toBe(state);
    expect(await secrets.set({ ...api, value: 'for now' })).toMatchObject({ set: true, kept: 'session' });
    expect(await secrets.read('env-a', 'api-key')).toBe('for now');
    expect(store.prepare('SELECT count(*) FROM secrets').pluck().get()).toBe(0);
    fake.become('available');
    expect(await secrets.recheckKeychain()).toMatchObject({ state: 'available' });
    expect((await secrets.status(env)).secrets[1]).toMatchObject({ kept: 'keychain' });
    expect(await start().read('env-a', 'api-key')).toBe('for now');
  });

  it('locked later: what is set stays set, can’t be read by a new start, and a session value goes before it', async () => {
    await start().set({ ...api, value: 'old' });
    fake.become('locked');
    const secrets = start();
    expect((await secrets.status(env)).secrets[1]).toMatchObject({ set: true, kept: 'keychain' });
    await expect(secrets.read('env-a', 'api-key')).rejects.toMatchObject({ code: 'keychain-locked' });
    await secrets.set({ ...api, value: 'new' });
    expect(await secrets.read('env-a', 'api-key')).toBe('new');
    expect(fake.items.size).toBe(1);
    secrets.forget('env-a');
    fake.become('available');
    expect(await secrets.read('env-a', 'api-key')).toBe('old');
  });

  it('another master key in its place opens nothing, is not written over, and nothing is lost', async () => {
    await start().set({ ...api, value: 'mine' });
    const [account = ''] = fake.items.keys();
    const own = fake.items.get(account) as Buffer;
    fake.items.set(account, Buffer.alloc(32, 7));
    const secrets = start();
    expect(await secrets.recheckKeychain()).toMatchObject({ state: 'locked', detail: expect.stringContaining('another key') });
    await expect(secrets.read('env-a', 'api-key')).rejects.toMatchObject({ code: 'secret-missing' });
    await secrets.set({ ...env, key: 'ssh-password', value: 'later' });
    expect(fake.items.get(account)).toEqual(Buffer.alloc(32, 7));
    expect(fake.items.size).toBe(2);
    fake.items.set(account, own);
    const again = start();
    expect([await again.read('env-a', 'api-key'), await again.read('env-a', 'ssh-password')]).toEqual(['mine', 'later']);
  });

  it('two starts that make a master key at once don’t lose each other’s secrets', async () => {
    const [one, two] = [start(), start()];
    await Promise.all([one.set({ ...api, value: 'first' }), two.set({ ...env, key: 'ssh-password', value: 'second' })]);
    const third = start();
    expect([await third.read('env-a', 'api-key'), await third.read('env-a', 'ssh-password')]).toEqual(['first', 'second']);
  });
});

it('stores nothing when the journal can’t be written', async () => {
  store.exec("CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'disk full'); END");
  const secrets = start();
  await expect(secrets.set({ ...api, value: 'x' })).rejects.toMatchObject({ code: 'journal-unwritable' });
  expect(await secrets.read('env-a', 'api-key')).toBeUndefined();
});

it('a password kept for one host is not there for the next one in its place', async () => {
  const secrets = start();
  await secrets.ready;
  await secrets.set({ ...env, key: 'ssh-password', value: 'for host h only' });
  await secrets.set({ ...api, value: 'the API key' });
  const route = { target: hop('password'), jumps: [] };
  secrets.routeChanged('env-a', route, route);
  expect(await secrets.read('env-a', 'ssh-password')).toBe('for host h only');
  secrets.routeChanged('env-a', route, { target: { ...hop('password'), host: 'elsewhere' }, jumps: [] });
  expect(await secrets.read('env-a', 'ssh-password')).toBeUndefined();
  expect(await secrets.read('env-a', 'api-key')).toBe('the API key');
  expect(journal.list({ limit: 1 }).entries[0]).toMatchObject({
    kind: 'secret-cleared',
    data: { key: 'ssh-password', why: 'route-changed' },
  });
});
