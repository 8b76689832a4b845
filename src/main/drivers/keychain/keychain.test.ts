import { describe, expect, it } from 'vitest';
import { createKeychain } from './keychain.ts';
import type { KeytarModule } from './keytar-module.ts';
import { classify } from './words.ts';

/** keytar in memory; a locked one refuses to write and says null, as gnome-keyring does. */
function fakeKeytar() {
  const items = new Map<string, string>();
  const mood = { locked: false, hangs: false, calls: [] as string[], closed: 0 };
  const act = <T>(name: string, work: () => T): Promise<T> => {
    mood.calls.push(name);
    return mood.hangs ? new Promise(() => undefined) : new Promise((resolve) => resolve(work()));
  };
  const keytar: KeytarModule = {
    getPassword: (_, account) => act('get', () => (mood.locked ? null : (items.get(account) ?? null))),
    setPassword: (_, account, password) =>
      act('set', () => {
        if (mood.locked) throw new Error('Cannot create an item in a locked collection');
        items.set(account, password);
      }),
    deletePassword: (_, account) => act('delete', () => items.delete(account)),
    close: () => {
      mood.closed += 1;
    },
  };
  return { keytar, items, mood };
}

describe('createKeychain', () => {
  it('loads nothing before it is asked', () => {
    let loaded = false;
    const keychain = createKeychain({
      service: 'Test',
      load: async () => {
        loaded = true;
        return fakeKeytar().keytar;
      },
    });
    expect(keychain.state.state).toBe('unavailable');
    expect(loaded).toBe(false);
  });

  it('works, and leaves no canary behind', async () => {
    const { keytar, items } = fakeKeytar();
    const keychain = createKeychain({ service: 'Test', load: async () => keytar });
    expect(await keychain.check()).toMatchObject({ state: 'available' });
    expect(items.size).toBe(0);
    expect(await keychain.read('a')).toEqual({ found: 'absent' });
    expect(await keychain.write('a', Buffer.from([1, 2, 255]))).toMatchObject({ state: 'available' });
    expect(await keychain.read('a')).toEqual({ found: 'value', value: Buffer.from([1, 2, 255]) });
    expect([...items.keys()]).toEqual(['a']);
  });

  it('a null from a locked keyring is not “absent”', async () => {
    const { keytar, mood } = fakeKeytar();
    const keychain = createKeychain({ service: 'Test', load: async () => keytar });
    await keychain.write('a', Buffer.from('x'));
    mood.locked = true;
    expect(await keychain.read('a')).toMatchObject({ found: 'unreadable', state: { state: 'locked' } });
    expect(await keychain.check()).toMatchObject({ state: 'locked' });
    mood.locked = false;
    expect(await keychain.read('a')).toMatchObject({ found: 'value' });
    expect(keychain.state.state).toBe('available');
  });

  it('a keyring that takes what it does not give back counts as locked', async () => {
    const { keytar } = fakeKeytar();
    const keychain = createKeychain({ service: 'Test', load: async () => ({ ...keytar, getPassword: async () => null }) });
    expect(await keychain.check()).toMatchObject({ state: 'locked' });
  });

  it('a call that hangs is given up, and a new look begins anew', async () => {
    const { keytar, mood } = fakeKeytar();
    const keychain = createKeychain({ service: 'Test', load: async () => keytar, timeoutMs: 10 });
    mood.hangs = true;
    expect(await keychain.check()).toMatchObject({ state: 'locked', detail: expect.stringContaining('does not answer') });
    const calls = mood.calls.length;
    // Still waiting for the first: no second call is piled upon it.
    expect(await keychain.read('a')).toMatchObject({ found: 'unreadable' });
    expect(mood.calls.length).toBe(calls);
    mood.hangs = false;
    expect(await keychain.check()).toMatchObject({ state: 'available' });
    await keychain.close();
    expect(mood.closed).toBe(2);
  });

  it('a module that can’t be loaded is no keychain, and is tried again at the next look', async () => {
    let broken = true;
    const { keytar } = fakeKeytar();
    const keychain = createKeychain({
      service: 'Test',
      load: async () => {
        if (broken) throw new Error('Failed to load keytar native addon, checked …');
        return keytar;
      },
    });
    expect(await keychain.check()).toMatchObject({ state: 'unavailable', detail: expect.stringContaining('libsecret') });
    expect(await keychain.read('a')).toMatchObject({ found: 'unreadable' });
    broken = false;
    expect(await keychain.check()).toMatchObject({ state: 'available' });
  });
});

describe('classify', () => {
  it.each([
    ['Cannot create an item in a locked collection', 'locked', 'Unlock'],
    ['User interaction is not allowed.', 'locked', 'Unlock'],
    ['Cannot autolaunch D-Bus without X11 $DISPLAY', 'unavailable', 'D-Bus'],
    ['Could not connect: No such file or directory', 'unavailable', 'D-Bus'],
    ['The name org.freedesktop.secrets was not provided by any .service files', 'unavailable', 'gnome-keyring'],
    ['The session wrapping the secret does not exist', 'unavailable', 'start it again'],
    ['Object does not exist at path “/org/freedesktop/secrets/collection/login”', 'unavailable', 'default keyring'],
    ['libsecret-1.so.0: cannot open shared object file: No such file or directory', 'unavailable', 'libsecret'],
    ['something \u001b[31mnew', 'unavailable', 'something new'],
  ])('%s', (message, state, words) => {
    expect(classify(new Error(message))).toMatchObject({ state, detail: expect.stringContaining(words) });
  });
});
