import { randomBytes } from 'node:crypto';
import type { KeychainState } from '../../../contract/secrets.ts';
import type { KeytarModule } from './keytar-module.ts';
import { createKeytarProcess } from './keytar-process.ts';
import { classify, keychainWords } from './words.ts';

/** What {@link createKeychain} is made from. */
export interface KeychainOptions {
  /** The name under which the operating system lists the items. */
  readonly service: string;
  /** Loads keytar. Default: in a helper process; within Electron, which may not start one, in this process. A failure means that there is no keychain. */
  readonly load?: () => Promise<KeytarModule>;
  /** How long one look may take; a locked keyring may wait for a person at a prompt. Default 4 s. */
  readonly timeoutMs?: number;
}

/** What a read found. `unreadable` says nothing about whether the item exists. */
export type KeychainItem =
  | { readonly found: 'value'; readonly value: Buffer }
  | { readonly found: 'absent' }
  | { readonly found: 'unreadable'; readonly state: KeychainState };

/**
 * The OS keychain: a few small binary items under one service name. Nothing here throws; what does not work is told by
 * {@link KeychainState}. All calls run one after the other, so that a prompt can't hold more than one thread.
 */
export interface Keychain {
  /** How it stood at the last look. */
  readonly state: KeychainState;
  /** Looks again, by writing and reading a canary. */
  check(): Promise<KeychainState>;
  /** Reads an item. `absent` is answered only when a canary could be written and read just after: a locked keyring says null, too. */
  read(account: string): Promise<KeychainItem>;
  /** Writes an item and reads it back. Answers the state; anything but `available` means that it is not kept. */
  write(account: string, value: Buffer): Promise<KeychainState>;
  /** Ends the helper, also while a call waits for a prompt. */
  close(): Promise<void>;
}

const TIMED_OUT = Symbol('timed out');

/** Makes a {@link Keychain}. Loads nothing and asks nothing before the first call. */
export function createKeychain({ service, load = loadKeytar, timeoutMs = 4000 }: KeychainOptions): Keychain {
  let state: KeychainState = keychainWords('unavailable', 'not-looked');
  let module: Promise<KeytarModule> | undefined;
  let line: Promise<unknown> = Promise.resolve();
  let stuck = false;

  const keytar = (): Promise<KeytarModule> => {
    module ??= load();
    return module;
  };

  /** Runs one piece of work after the ones before it, and gives up waiting (never the work itself) after `timeoutMs`. */
  const within = async <T>(work: (keytar: KeytarModule) => Promise<T>, otherwise: (state: KeychainState) => T): Promise<T> => {
    const before = line;
    const turn = (async () => {
      await before;
      return work(await keytar());
    })();
    line = turn.catch(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<typeof TIMED_OUT>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, TIMED_OUT);
    });
    try {
      const result = await Promise.race([turn, late]);
      if (result !== TIMED_OUT) return result;
      stuck = true;
      state = keychainWords('locked', 'no-answer');
    } catch (error) {
      state = classify(error);
    } finally {
      clearTimeout(timer);
    }
    return otherwise(state);
  };

  /** Gives up on calls under way, and begins anew: a fresh helper knows of a keyring that was restarted. */
  const renew = async (): Promise<void> => {
    const before = module;
    if (before === undefined) return;
    const keytar = await before.catch(() => undefined);
    if (before !== module || (keytar !== undefined && keytar.close === undefined)) return;
    module = undefined;
    stuck = false;
    line = Promise.resolve();
    keytar?.close?.();
  };

  let looking: Promise<KeychainState> | undefined;
  const lookAgain = async (): Promise<KeychainState> => {
    // What is under way is let finish, unless it was already given up.
    const nothing = (): undefined => undefined;
    if (module !== undefined && !stuck) await within(async () => nothing(), nothing);
    await renew();
    return within(canary, (now) => now);
  };

  const canary = async (keytar: KeytarModule): Promise<KeychainState> => {
    const account = `canary-${randomBytes(6).toString('hex')}`;
    const value = randomBytes(12).toString('hex');
    await keytar.setPassword(service, account, value);
    const back = await keytar.getPassword(service, account);
    await keytar.deletePassword(service, account);
    state = back === value ? keychainWords('available') : keychainWords('locked', 'canary-lost');
    return state;
  };

  return {
    get state() {
      return state;
    },
    check() {
      looking ??= lookAgain().finally(() => {
        looking = undefined;
      });
      return looking;
    },
    close: renew,
    read: (account) =>
      within<KeychainItem>(
        async (keytar) => {
          const text = await keytar.getPassword(service, account);
          if (text !== null) {
            state = keychainWords('available');
            return { found: 'value', value: Buffer.from(text, 'base64') };
          }
          const now = await canary(keytar);
          return now.state === 'available' ? { found: 'absent' } : { found: 'unreadable', state: now };
        },
        (now) => ({ found: 'unreadable', state: now }),
      ),
    write: (account, value) =>
      within(
        async (keytar) => {
          const text = value.toString('base64');
          await keytar.setPassword(service, account, text);
          const back = await keytar.getPassword(service, account);
          state = back === text ? keychainWords('available') : keychainWords('locked', 'canary-lost');
          return state;
        },
        (now) => now,
      ),
  };
}

async function loadKeytar(): Promise<KeytarModule> {
  if (process.versions['electron'] === undefined) return createKeytarProcess();
  const loaded = (await import('keytar')) as KeytarModule & { default?: KeytarModule };
  // CommonJS: everything is on `default`, and named only where the lexer found it.
  return loaded.default ?? loaded;
}
