import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { KeychainState } from '../../contract/secrets.ts';
import type { Keychain } from '../drivers/keychain/keychain.ts';
import type { Store } from '../store/store.ts';

/** Where a secret belongs; sealed together with it, so that a row can't be moved to another place. */
export interface SecretPlace {
  readonly environmentId: string;
  readonly key: string;
  /** Absent: the value in use. */
  readonly slot?: 'pending' | 'previous';
}

/** What opening a sealed value came to. */
export type Opened =
  | { readonly opened: true; readonly value: Buffer }
  | { readonly opened: false; readonly why: 'locked' | 'unavailable' | 'other-key' | 'damaged'; readonly detail: string };

/** What sealing came to. */
export type Sealed = { readonly sealed: Buffer } | { readonly state: KeychainState };

/** Seals values under a master key that is in the OS keychain only. */
export interface Vault {
  /** The keychain's state, and whether the master key that this data folder was sealed with is in it. */
  readonly state: KeychainState;
  check(): Promise<KeychainState>;
  seal(place: SecretPlace, value: Buffer): Promise<Sealed>;
  open(place: SecretPlace, sealed: Buffer): Promise<Opened>;
}

const PREFIX = 'vault-key:';
const FORMAT = 1;
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

const KeyRecord = z.object({ check: z.string(), madeAt: z.number() });

/**
 * Makes a {@link Vault}. A master key is 32 random bytes under an account name of its own, so that data folders never
 * meet and no key is ever written over another. The store remembers, per master key, a check value (an HMAC, which
 * tells nothing of the key): with it a null from the keychain is known to mean locked or gone, never "make a new
 * one", and a foreign value is known to be wrong. Only when the keychain has shown that it can write and read does setting a
 * secret make another master key; what was sealed under the old one stays and opens again when that key is back.
 */
export function createVault({ store, keychain, clock = Date.now }: { store: Store; keychain: Keychain; clock?: () => number }): Vault {
  const masters = new Map<string, Buffer>();
  let missing: KeychainState | undefined;

  const records = (): { account: string; check: string }[] =>
    (store.prepare("SELECT name, value FROM settings WHERE name LIKE ? || '%'").all(PREFIX) as { name: string; value: string }[])
      .map(({ name, value }) => ({ account: name.slice(PREFIX.length), ...KeyRecord.parse(JSON.parse(value)) }))
      .sort((a, b) => b.madeAt - a.madeAt);

  const fetch = async (account: string, check: string): Promise<Buffer | KeychainState> => {
    const held = masters.get(account);
    if (held !== undefined) return held;
    const item = await keychain.read(account);
    if (item.found === 'unreadable') return item.state;
    if (item.found === 'value' && item.value.length === KEY_BYTES && sameText(checkOf(item.value), check)) {
      masters.set(account, item.value);
      return item.value;
    }
    return {
      state: 'locked',
      detail:
        item.found === 'absent'
          ? 'The keychain answers, but it does not hold the master key of this data folder: it is in a locked keyring, in another user’s or another machine’s keychain, or was removed. Secrets set now get a new master key; those set before stay sealed.'
          : 'The keychain holds another key in the place of this data folder’s master key. Secrets set now get a new master key; those set before stay sealed.',
    };
  };

  /** The newest master key that can be read; makes none. */
  const current = async (): Promise<{ account: string; key: Buffer } | KeychainState | undefined> => {
    let why: KeychainState | undefined;
    for (const { account, check } of records()) {
      const key = await fetch(account, check);
      if (Buffer.isBuffer(key)) return { account, key };
      why ??= key;
      if (keychain.state.state !== 'available') break;
    }
    return why;
  };

  const make = async (): Promise<{ account: string; key: Buffer } | KeychainState> => {
    const account = `master-key-${randomBytes(8).toString('hex')}`;
    const key = randomBytes(KEY_BYTES);
    const state = await keychain.write(account, key);
    if (state.state !== 'available') return state;
    store
      .prepare('INSERT INTO settings (name, value) VALUES (?, ?)')
      .run(PREFIX + account, JSON.stringify({ check: checkOf(key), madeAt: clock() }));
    masters.set(account, key);
    return { account, key };
  };

  return {
    get state() {
      return missing ?? keychain.state;
    },
    async check() {
      missing = undefined;
      const state = await keychain.check();
      if (state.state !== 'available') return state;
      const found = await current();
      if (found !== undefined && !('key' in found)) missing = found;
      return missing ?? keychain.state;
    },
    async seal(place, value) {
      const found = await current();
      // A keychain that could not be asked keeps its key; only one that was seen to work, and has none, gets a new one.
      if (found !== undefined && !('key' in found) && keychain.state.state !== 'available') return { state: found };
      const master = found !== undefined && 'key' in found ? found : await make();
      if (!('key' in master)) return { state: master };
      missing = undefined;
      return { sealed: seal(master.account, master.key, place, value) };
    },
    async open(place, sealed) {
      const parts = split(sealed);
      const record = parts === undefined ? undefined : records().find(({ account }) => account === parts.account);
      if (parts === undefined) return { opened: false, why: 'damaged', detail: 'The stored value is damaged.' };
      if (record === undefined)
        return { opened: false, why: 'other-key', detail: 'The stored value was sealed with a master key this data folder does not know.' };
      const key = await fetch(record.account, record.check);
      if (!Buffer.isBuffer(key)) {
        const why = keychain.state.state === 'available' ? 'other-key' : keychain.state.state;
        return { opened: false, why, detail: key.detail };
      }
      const value = unseal(key, place, parts);
      return value === undefined
        ? { opened: false, why: 'damaged', detail: 'The stored value is damaged, or was sealed for another place.' }
        : { opened: true, value };
    },
  };
}

function checkOf(key: Buffer): string {
  return createHmac('sha256', key).update('quarterdeck master key check, version 1').digest('hex').slice(0, 32);
}

function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function boundTo({ environmentId, key, slot }: SecretPlace): Buffer {
  return Buffer.from(JSON.stringify(['quarterdeck-secret', FORMAT, environmentId, key, ...(slot === undefined ? [] : [slot])]));
}

/** `format, length of account, account, iv, tag, ciphertext`. */
function seal(account: string, master: Buffer, place: SecretPlace, value: Buffer): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', master, iv).setAAD(boundTo(place));
  const text = Buffer.concat([cipher.update(value), cipher.final()]);
  return Buffer.concat([Buffer.from([FORMAT, account.length]), Buffer.from(account), iv, cipher.getAuthTag(), text]);
}

interface Parts {
  readonly account: string;
  readonly iv: Buffer;
  readonly tag: Buffer;
  readonly text: Buffer;
}

function split(sealed: Buffer): Parts | undefined {
  const start = 2 + (sealed[1] ?? 0);
  if (sealed[0] !== FORMAT || sealed.length < start + IV_BYTES + TAG_BYTES) return undefined;
  const body = sealed.subarray(start);
  return {
    account: sealed.toString('latin1', 2, start),
    iv: body.subarray(0, IV_BYTES),
    tag: body.subarray(IV_BYTES, IV_BYTES + TAG_BYTES),
    text: body.subarray(IV_BYTES + TAG_BYTES),
  };
}

function unseal(master: Buffer, place: SecretPlace, { iv, tag, text }: Parts): Buffer | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', master, iv, { authTagLength: TAG_BYTES }).setAAD(boundTo(place)).setAuthTag(tag);
    return Buffer.concat([decipher.update(text), decipher.final()]);
  } catch {
    // The tag does not fit: GCM's only answer to a changed byte, place or key.
    return undefined;
  }
}
