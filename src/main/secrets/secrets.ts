import type { Environment, SshRoute } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import type { KeychainState, SecretStatus } from '../../contract/secrets.ts';
import type { Keychain } from '../drivers/keychain/keychain.ts';
import { readKeyFile } from '../drivers/ssh/key-file.ts';
import type { SecretSlots } from '../engine/action.ts';
import type { JournalWriter } from '../journal/types.ts';
import type { Store } from '../store/store.ts';
import { createFingerprints } from './fingerprints.ts';
import { movedSecrets } from './moved.ts';
import { createSecretShelf } from './shelf.ts';
import { createSlotShelf } from './slot-shelf.ts';
import { createSlots } from './slots.ts';
import type { Opened, SecretPlace } from './vault.ts';
import { createVault } from './vault.ts';
import type { KeyFileCheck, StackSecrets } from './wanted.ts';
import { passphraseKey, passwordKey, wantedSecrets } from './wanted.ts';

/** What {@link createSecrets} works with. */
export interface SecretsOptions {
  readonly store: Store;
  readonly keychain: Keychain;
  readonly journal: JournalWriter;
  readonly stacks: { get(id: string): StackSecrets | undefined };
  /** Whether a key file is encrypted. Default: by reading it. */
  readonly keyFileIsEncrypted?: KeyFileCheck;
  /** Told every value that passes, so that it can be masked wherever text is written down. */
  readonly redactor?: { register(value: string): void };
  readonly clock?: () => number;
}

/** The secrets service: values go in by `set` and come out by `read`, which no RPC reaches. */
export interface Secrets {
  status(input: { environmentId: string }): Promise<{ keychain: KeychainState; secrets: SecretStatus[] }>;
  /** `pending`: the next value; refused without a usable keychain, and while another one is pending. */
  set(input: { environmentId: string; key: string; value: string; slot?: 'current' | 'pending' }): Promise<SecretStatus>;
  /** Forgets the next or the last value. @throws Problem `conflict` while a remembered backup can't be read without it */
  discard(input: { environmentId: string; key: string; slot: 'pending' | 'previous' }): Promise<SecretStatus>;
  clear(input: { environmentId: string; key: string }): Promise<SecretStatus>;
  /** Looks again; what was kept for the session moves to the keychain when it works now. */
  recheckKeychain(): Promise<KeychainState>;
  /** The keychain's state without waiting for it. */
  keychainState(): KeychainState;
  /**
   * For the host only. Undefined when it was never set. Throws when a stored value can't be opened: `keychain-locked`,
   * `keychain-unavailable`, or `secret-missing` when its master key is not this keychain's.
   */
  read(environmentId: string, key: string): Promise<string | undefined>;
  /** For the host only: the values of an environment's secrets through a rotation. */
  slots(environmentId: string): SecretSlots;
  /** For the connections: {@link Secrets.read} of what a hop is signed in to with. `hop` counts from 0; the target's is `jumps`. */
  readForHop(
    environmentId: string,
    request: { kind: 'password' | 'key-passphrase'; hop: number; jumps: number },
  ): Promise<string | undefined>;
  /** Clears sign-in secrets in whose place another host, login or key file stands now. Joins the caller's transaction. */
  routeChanged(environmentId: string, before: SshRoute, after: SshRoute): void;
  /** Forgets what is kept in memory for an environment (its stored rows go with its profile). */
  forget(environmentId: string): void;
  /** Settles when the first look at the keychain, begun when the service was made, is over. */
  readonly ready: Promise<void>;
  close(): void;
}

/** Makes the secrets service and begins to look at the keychain in the background. */
export function createSecrets({
  store,
  keychain,
  journal,
  stacks,
  keyFileIsEncrypted = looksEncrypted,
  redactor,
  clock = Date.now,
}: SecretsOptions): Secrets {
  const vault = createVault({ store, keychain, clock });
  const shelf = createSecretShelf(store, clock);
  const slotShelf = createSlotShelf(store, clock);
  const fingerprints = createFingerprints({ store, vault });

  const environment = (id: string): { name: string; stack: string; ssh: Environment['ssh'] } => {
    const row = store.prepare('SELECT name, draft FROM environments WHERE id = ?').get(id) as { name: string; draft: string } | undefined;
    if (row === undefined) throw new Problem('not-found', 'That environment does not exist (any more).');
    return { ...(JSON.parse(row.draft) as Pick<Environment, 'stack' | 'ssh'>), name: row.name };
  };
  const wanted = async (id: string) => {
    const profile = environment(id);
    return { profile, list: await wantedSecrets(profile, stacks.get(profile.stack), keyFileIsEncrypted) };
  };
  const ofStack = (environmentId: string, key: string) =>
    stacks.get(environment(environmentId).stack)?.secrets.find((secret) => secret.key === key);
  /** Only what can be told without asking for anything: fingerprints are told once the keychain was seen to work. */
  const slotsOf = async ({ environmentId, key }: SecretPlace): Promise<Pick<SecretStatus, 'slots'>> => {
    if (ofStack(environmentId, key) === undefined) return {};
    try {
      const { current, pending, previous } = await slots(environmentId).status(key);
      return { slots: { current: current ?? null, pending: pending ?? null, previous: previous ?? null } };
    } catch {
      return {};
    }
  };
  const statusOf = async (place: SecretPlace, wish: { label: string; required: boolean }): Promise<SecretStatus> => ({
    ...(await placeStatus(place, wish)),
    ...(await slotsOf(place)),
  });
  const placeStatus = async (place: SecretPlace, { label, required }: { label: string; required: boolean }): Promise<SecretStatus> => {
    const { key } = place;
    if (shelf.session(place) !== undefined) return { key, label, required, set: true, kept: 'session' };
    const sealed = shelf.sealed(place);
    // A row whose master key is gone is of no use: it reads as not set, so that the screen asks for it again.
    const lost = sealed !== undefined && vault.state.state === 'available' && isLost(await vault.open(place, sealed));
    return sealed === undefined || lost
      ? { key, label, required, set: false, kept: 'none' }
      : { key, label, required, set: true, kept: 'keychain' };
  };

  /** Moves what was kept for the session into the keychain. */
  const settle = async (): Promise<void> => {
    for (const { place, value } of shelf.sessions()) {
      const result = await vault.seal(place, value);
      if (!('sealed' in result)) return;
      // Replaced or cleared while it was being sealed: the newer one counts.
      if (shelf.session(place) === value && exists(place.environmentId)) shelf.keepSealed(place, result.sealed);
    }
  };
  const exists = (id: string): boolean => store.prepare('SELECT 1 FROM environments WHERE id = ?').get(id) !== undefined;
  const look = async (): Promise<KeychainState> => {
    const state = await vault.check();
    if (state.state === 'available') await settle();
    return vault.state;
  };
  const read = async (environmentId: string, key: string): Promise<string | undefined> => {
    const place = { environmentId, key };
    const session = shelf.session(place);
    if (session !== undefined) return session.toString('utf8');
    const sealed = shelf.sealed(place);
    if (sealed === undefined) return undefined;
    const opened = await vault.open(place, sealed);
    if (!opened.opened) throw closedProblem(key, opened);
    const text = opened.value.toString('utf8');
    opened.value.fill(0);
    redactor?.register(text);
    return text;
  };
  const slots = createSlots({
    store,
    vault,
    shelf: slotShelf,
    fingerprints,
    journal,
    declared(environmentId, key) {
      const { name } = environment(environmentId);
      const secret = ofStack(environmentId, key);
      if (secret === undefined) throw unknownKey(name, key, stacks.get(environment(environmentId).stack)?.secrets ?? []);
      return { environment: name, encryptsBackups: secret.encrypts_backups === true };
    },
    inMemory: (environmentId, key) => shelf.session({ environmentId, key }) !== undefined,
    closed: closedProblem,
    register: (value) => redactor?.register(value),
    ready: () => ready,
  });
  const ready = look().then(
    () => undefined,
    () => undefined,
  );

  return {
    ready,
    async status({ environmentId }) {
      await ready;
      const { list } = await wanted(environmentId);
      return { keychain: vault.state, secrets: await Promise.all(list.map((one) => statusOf({ environmentId, key: one.key }, one))) };
    },
    async set({ environmentId, key, value, slot }) {
      const { profile, list } = await wanted(environmentId);
      const secret = list.find((one) => one.key === key);
      if (secret === undefined) throw unknownKey(profile.name, key, list);
      redactor?.register(value);
      const place = { environmentId, key };
      if (slot === 'pending') {
        await ready;
        await slots(environmentId).stage(key, value);
        return statusOf(place, secret);
      }
      const fingerprint = ofStack(environmentId, key) === undefined ? undefined : await fingerprints.of(value);
      const bytes = Buffer.from(value, 'utf8');
      const result = await vault.seal(place, bytes);
      // The profile may have been removed while the keychain was asked.
      environment(environmentId);
      // At once a writer: a journal that was only read so far can't become one while another process writes.
      store
        .transaction(() => {
          const kept = 'sealed' in result ? 'in the keychain' : 'for this session only, because there is no usable keychain';
          journal.append({
            kind: 'secret-set',
            environmentId,
            summary: `Secret ${key} of ${profile.name} was set; kept ${kept}.`,
            data: { key, kept: 'sealed' in result ? 'keychain' : 'session' },
          });
          if ('sealed' in result) shelf.keepSealed(place, result.sealed, fingerprint);
          else shelf.keepForSession(place, bytes);
        })
        .immediate();
      if ('sealed' in result) bytes.fill(0);
      return {
        key,
        label: secret.label,
        required: secret.required,
        set: true,
        kept: 'sealed' in result ? 'keychain' : 'session',
        ...(await slotsOf(place)),
      };
    },
    async discard({ environmentId, key, slot }) {
      await ready;
      const { profile, list } = await wanted(environmentId);
      const secret = list.find((one) => one.key === key);
      if (secret === undefined) throw unknownKey(profile.name, key, list);
      const of = slots(environmentId);
      const fingerprint = (await of.status(key))[slot];
      if (fingerprint !== undefined) await of.discard(key, slot, fingerprint);
      return statusOf({ environmentId, key }, secret);
    },
    slots: (environmentId) => slots(environmentId),
    async clear({ environmentId, key }) {
      const { profile, list } = await wanted(environmentId);
      const place = { environmentId, key };
      const known = list.find((one) => one.key === key);
      if (known === undefined && !shelf.has(place)) throw unknownKey(profile.name, key, list);
      if (shelf.has(place)) {
        store
          .transaction(() => {
            journal.append({
              kind: 'secret-cleared',
              environmentId,
              summary: `Secret ${key} of ${profile.name} was cleared.`,
              data: { key },
            });
            shelf.clear(place);
          })
          .immediate();
      }
      return { key, label: known?.label ?? key, required: known?.required ?? false, set: false, kept: 'none' };
    },
    recheckKeychain: look,
    keychainState: () => vault.state,
    read,
    readForHop: (environmentId, { kind, hop, jumps }) =>
      read(environmentId, kind === 'password' ? passwordKey(hop, jumps) : passphraseKey(hop, jumps)),
    routeChanged(environmentId, before, after) {
      const { name } = environment(environmentId);
      for (const key of movedSecrets(before, after).filter((one) => shelf.has({ environmentId, key: one }))) {
        journal.append({
          kind: 'secret-cleared',
          environmentId,
          summary: `Secret ${key} of ${name} was cleared: another host, login or key file stands in its place now.`,
          data: { key, why: 'route-changed' },
        });
        shelf.clear({ environmentId, key });
      }
    },
    forget: (environmentId) => shelf.forget(environmentId),
    close: () => shelf.close(),
  };
}

async function looksEncrypted(path: string): Promise<boolean | undefined> {
  try {
    return (await readKeyFile(path)).state === 'locked';
  } catch {
    // Missing or no key: connecting will say so; here it only means that nothing is known.
    return undefined;
  }
}

function isLost(opened: Opened): boolean {
  if (opened.opened) {
    opened.value.fill(0);
    return false;
  }
  return opened.why === 'other-key' || opened.why === 'damaged';
}

function unknownKey(name: string, key: string, list: readonly { key: string }[]): Problem {
  const keys = list.map((one) => one.key);
  return new Problem('bad-input', `${name} has no secret called ${key}.`, {
    hint: keys.length === 0 ? 'Neither its route nor its stack uses a secret.' : `It knows: ${keys.join(', ')}.`,
    detail: { issues: [{ path: 'key', reason: 'must be one of the secrets of the route or the stack' }], keys },
  });
}

function closedProblem(key: string, { why, detail }: Extract<Opened, { opened: false }>): Problem {
  if (why === 'locked')
    return new Problem('keychain-locked', `The secret ${key} can’t be read: ${detail}`, {
      hint: 'Unlock the keychain and look again; or set the secret for this session.',
    });
  if (why === 'unavailable')
    return new Problem('keychain-unavailable', `The secret ${key} can’t be read: ${detail}`, {
      hint: 'Make the keychain available and look again; or set the secret for this session.',
    });
  return new Problem('secret-missing', `The secret ${key} can’t be opened: ${detail}`, {
    hint: 'Bring back the keychain it was set with, or set the secret again.',
  });
}
