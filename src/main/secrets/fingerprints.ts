import { createHmac, randomBytes } from 'node:crypto';
import type { Store } from '../store/store.ts';
import type { SecretPlace, Vault } from './vault.ts';

/** Tells values apart without keeping anything from which they could be guessed. */
export interface Fingerprints {
  /** Twelve hex digits; undefined while the keychain can't be used. */
  of(value: string | Buffer): Promise<string | undefined>;
}

const NAME = 'secret-fingerprint-salt';
const PLACE: SecretPlace = { environmentId: '', key: NAME };

/**
 * Makes {@link Fingerprints}. The salt is random and sealed like a secret: with a plain one, whoever has the store could try weak
 * values against their fingerprints. When it can't be opened any more a new one is made, and what was kept under the old one is forgotten.
 */
export function createFingerprints({ store, vault }: { store: Store; vault: Vault }): Fingerprints {
  let salt: Buffer | undefined;

  const stored = (): Buffer | undefined => {
    const row = store.prepare<[string], { value: string }>('SELECT value FROM settings WHERE name = ?').get(NAME);
    return row === undefined ? undefined : Buffer.from(JSON.parse(row.value) as string, 'base64');
  };

  async function get(): Promise<Buffer | undefined> {
    if (salt !== undefined) return salt;
    const sealed = stored();
    if (sealed !== undefined) {
      const opened = await vault.open(PLACE, sealed);
      if (opened.opened) {
        salt = opened.value;
        return salt;
      }
      if (opened.why === 'locked' || opened.why === 'unavailable') return undefined;
    }
    const made = await vault.seal(PLACE, randomBytes(32));
    if (!('sealed' in made)) return undefined;
    const text = JSON.stringify(made.sealed.toString('base64'));
    store
      .transaction(() => {
        const now = stored();
        // Another process was quicker: its salt counts.
        if (now !== undefined && (sealed === undefined || !now.equals(sealed))) return;
        store
          .prepare('INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')
          .run(NAME, text);
        store.exec('UPDATE secrets SET fingerprint = NULL; UPDATE secret_slots SET fingerprint = NULL; DELETE FROM backup_keys');
      })
      .immediate();
    const kept = stored();
    const opened = kept === undefined ? undefined : await vault.open(PLACE, kept);
    if (opened?.opened !== true) return undefined;
    salt = opened.value;
    return salt;
  }

  return {
    async of(value) {
      const key = await get();
      return key === undefined ? undefined : createHmac('sha256', key).update(value).digest('hex').slice(0, 12);
    },
  };
}
