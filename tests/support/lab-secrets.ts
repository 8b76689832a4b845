import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Environment } from '../../src/contract/environments.ts';
import type { KeychainState } from '../../src/contract/secrets.ts';
import type { Keychain } from '../../src/main/drivers/keychain/keychain.ts';
import type { SecretSlots } from '../../src/main/engine/action.ts';
import type { JournalWriter } from '../../src/main/engine/journal-writer.ts';
import type { Secrets } from '../../src/main/secrets/secrets.ts';
import { createSecrets } from '../../src/main/secrets/secrets.ts';
import type { StackSecrets } from '../../src/main/secrets/wanted.ts';
import type { Store } from '../../src/main/store/store.ts';

/** A keychain in a file, so that another process finds what one has put there. For tests: a real one is no file. */
export function fileKeychain(file: string, state: KeychainState = { state: 'available', detail: 'A keychain of the tests.' }): Keychain {
  const items = (): Record<string, string> => (existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>) : {});
  return {
    state,
    check: async () => state,
    async read(account) {
      if (state.state !== 'available') return { found: 'unreadable', state };
      const value = items()[account];
      return value === undefined ? { found: 'absent' } : { found: 'value', value: Buffer.from(value, 'base64') };
    },
    async write(account, value) {
      if (state.state === 'available') {
        writeFileSync(`${file}.new`, JSON.stringify({ ...items(), [account]: value.toString('base64') }), { mode: 0o600 });
        renameSync(`${file}.new`, file);
      }
      return state;
    },
    close: async () => undefined,
  };
}

/** The secrets of a lab: given ones until a rotation brings others into use; its slots are those of the product, in the lab's store. */
export interface LabSecrets {
  read(key: string): Promise<string | undefined>;
  slots(): SecretSlots;
  close(): void;
}

/** Makes {@link LabSecrets}; nothing is written before the slots are used. */
export function labSecrets(options: {
  environment: Environment;
  /** By key; `<key>+pending` is staged as the next value. */
  given: Readonly<Record<string, string>>;
  store: Store;
  journal: JournalWriter;
  stack: (id: string) => StackSecrets | undefined;
  keychain: Keychain;
  register?: (value: string) => void;
}): LabSecrets {
  const { environment, given, store } = options;
  let made: Promise<Secrets> | undefined;
  let service: Secrets | undefined;
  const used = () => store.prepare('SELECT 1 FROM environments WHERE id = ?').get(environment.id) !== undefined;
  const make = async (): Promise<Secrets> => {
    const { id, name, stack, ssh } = environment;
    const first = !used();
    store
      .prepare('INSERT OR IGNORE INTO environments (id, name, draft, created_at, updated_at) VALUES (?, ?, ?, 1, 1)')
      .run(id, name, JSON.stringify({ stack, ssh, tier: environment.tier, inputs: environment.inputs, notes: '' }));
    service = createSecrets({
      store,
      keychain: options.keychain,
      journal: options.journal,
      stacks: { get: options.stack },
      keyFileIsEncrypted: async () => false,
      ...(options.register === undefined ? {} : { redactor: { register: options.register } }),
    });
    await service.ready;
    const declared = options.stack(stack)?.secrets ?? [];
    if (first && options.keychain.state.state === 'available')
      for (const [key, value] of Object.entries(given))
        if (declared.some((secret) => secret.key === key)) await service.set({ environmentId: id, key, value });
    for (const { key } of declared) {
      const pending = given[`${key}+pending`];
      if (first && pending !== undefined) await service.slots(id).stage(key, pending);
    }
    return service;
  };
  const secrets = (): Promise<Secrets> => (made ??= make());
  const through =
    <A extends unknown[], R>(call: (slots: SecretSlots, ...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> =>
      call((await secrets()).slots(environment.id), ...args);
  return {
    read: async (key) => (used() ? ((await (await secrets()).read(environment.id, key)) ?? given[key]) : given[key]),
    slots: () => ({
      status: through((slots, key: string) => slots.status(key)),
      read: through((slots, key, slot) => slots.read(key, slot)),
      fingerprint: through((slots, value) => slots.fingerprint(value)),
      stage: through((slots, key, value) => slots.stage(key, value)),
      promote: through((slots, key, pending) => slots.promote(key, pending)),
      demote: through((slots, key, current) => slots.demote(key, current)),
      discard: through((slots, key, slot, fingerprint, gone) => slots.discard(key, slot, fingerprint, gone)),
      neededBy: through((slots, key, fingerprint, gone) => slots.neededBy(key, fingerprint, gone)),
    }),
    close: () => service?.close(),
  };
}
