import { existsSync } from 'node:fs';
import { Problem } from '../../contract/problem.ts';
import type { SecretSlots, SlotName, SlotStates } from '../engine/action.ts';
import type { JournalWriter } from '../journal/types.ts';
import type { Store } from '../store/store.ts';
import type { Fingerprints } from './fingerprints.ts';
import type { SlotRow, SlotShelf } from './slot-shelf.ts';
import type { Opened, SecretPlace, Vault } from './vault.ts';

/** What {@link createSlots} works with. */
export interface SlotsOptions {
  readonly store: Store;
  readonly vault: Vault;
  readonly shelf: SlotShelf;
  readonly fingerprints: Fingerprints;
  readonly journal: JournalWriter;
  /** The secret as the stack declares it, and the environment's name. @throws Problem `bad-input`, `not-found` */
  readonly declared: (environmentId: string, key: string) => { readonly environment: string; readonly encryptsBackups: boolean };
  /** Whether the value in use is in memory only. */
  readonly inMemory: (environmentId: string, key: string) => boolean;
  readonly closed: (key: string, why: Extract<Opened, { opened: false }>) => Problem;
  readonly register: (value: string) => void;
  /** Settles when the keychain was looked at. */
  readonly ready: () => Promise<void>;
}

const words: Readonly<Record<SlotName, string>> = { current: 'in use', pending: 'pending', previous: 'previous' };
const placeOf = (environmentId: string, key: string, slot: SlotName): SecretPlace =>
  slot === 'current' ? { environmentId, key } : { environmentId, key, slot };

/** The values of secrets through a rotation; see {@link SecretSlots} for what each call promises. */
export function createSlots(options: SlotsOptions): (environmentId: string) => SecretSlots {
  const { store, vault, shelf, fingerprints, journal, declared } = options;

  return (environmentId) => {
    async function usable(key: string): Promise<void> {
      await options.ready();
      declared(environmentId, key);
      if (vault.state.state !== 'available')
        throw new Problem(
          vault.state.state === 'locked' ? 'keychain-locked' : 'keychain-unavailable',
          `The values of ${key} can't be kept safely through a rotation: ${vault.state.detail}`,
          { hint: 'Unlock the keychain or make it available, then try again. A new key must not exist in memory only.' },
        );
      if (options.inMemory(environmentId, key))
        throw new Problem('keychain-unavailable', `The value of ${key} is kept for this session only.`, {
          hint: 'Set it again now that the keychain works, then try again.',
        });
    }

    async function open(key: string, slot: SlotName, row: SlotRow): Promise<string> {
      const opened = await vault.open(placeOf(environmentId, key, slot), row.sealed);
      if (!opened.opened) throw options.closed(key, opened);
      const text = opened.value.toString('utf8');
      opened.value.fill(0);
      options.register(text);
      return text;
    }

    async function print(value: string): Promise<string> {
      const fingerprint = await fingerprints.of(value);
      if (fingerprint === undefined)
        throw new Problem('keychain-unavailable', `The keychain can't be used: ${vault.state.detail}`, {
          hint: 'Unlock it, then try again.',
        });
      return fingerprint;
    }

    async function look(key: string, slot: SlotName): Promise<{ row: SlotRow; fingerprint: string } | undefined> {
      const row = shelf.get(environmentId, key, slot);
      if (row === undefined) return undefined;
      if (row.fingerprint !== null) return { row, fingerprint: row.fingerprint };
      const fingerprint = await print(await open(key, slot, row));
      shelf.name(environmentId, key, slot, row, fingerprint);
      return { row, fingerprint };
    }

    async function seal(key: string, slot: SlotName, value: string): Promise<Buffer> {
      const bytes = Buffer.from(value, 'utf8');
      const sealed = await vault.seal(placeOf(environmentId, key, slot), bytes);
      bytes.fill(0);
      if (!('sealed' in sealed))
        throw new Problem('keychain-unavailable', `${key} can't be kept: ${sealed.state.detail}`, {
          hint: 'Unlock the keychain, then try again.',
        });
      return sealed.sealed;
    }

    const missing = (key: string, slot: SlotName) =>
      new Problem('secret-missing', `There is no ${words[slot]} value of ${key}.`, {
        hint: slot === 'pending' ? 'Stage one first.' : 'Set it in the environment first.',
      });
    const moved = (key: string) =>
      new Problem('conflict', `The values of ${key} are not those this was decided on: another window or run changed them.`, {
        hint: 'Look at the secrets of the environment, then plan again.',
      });
    const same = (key: string, slot: SlotName, row: SlotRow | undefined): boolean => {
      const now = shelf.get(environmentId, key, slot);
      return row === undefined || now === undefined ? row === now : now.sealed.equals(row.sealed);
    };
    const write = (
      kind: 'secret-staged' | 'secret-promoted' | 'secret-demoted' | 'secret-discarded',
      key: string,
      summary: string,
      data: Record<string, string>,
    ) => journal.append({ kind, environmentId, summary, data: { key, ...data } });
    /** `gone`: backups that were seen not to be on the host any more; their copies on this laptop count as long as they are there. */
    async function needed(key: string, fingerprint: string, gone: readonly string[] = []): Promise<string[]> {
      if (!declared(environmentId, key).encryptsBackups) return [];
      return shelf
        .backups(environmentId, key, fingerprint)
        .filter(({ name, localPath }) => !gone.includes(name) || (localPath !== null && existsSync(localPath)))
        .map(({ name }) => name);
    }
    async function refuseNeeded(key: string, fingerprint: string, gone?: readonly string[]): Promise<void> {
      const names = await needed(key, fingerprint, gone);
      if (names.length === 0) return;
      throw new Problem(
        'conflict',
        `The previous ${key} (${fingerprint}) can't be forgotten: ${names.length} remembered backups may need it.`,
        {
          hint: `Keep it until they are gone: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ' …' : ''}.`,
          detail: { backups: names.slice(0, 100) },
        },
      );
    }

    /** Two values change places in one transaction; `drop` is emptied. */
    async function turn(
      kind: 'secret-promoted' | 'secret-demoted',
      key: string,
      moves: { from: SlotName; to: SlotName; drop: SlotName },
      expected: string,
    ): Promise<void> {
      await usable(key);
      const { environment } = declared(environmentId, key);
      const promote = kind === 'secret-promoted';
      const [first, second] = [await look(key, moves.from), await look(key, 'current')];
      if (first === undefined) throw missing(key, moves.from);
      if ((promote ? first : second)?.fingerprint !== expected) throw moved(key);
      const last = await look(key, 'previous');
      const waiting = promote ? undefined : await look(key, 'pending');
      if (waiting !== undefined && waiting.fingerprint !== expected)
        throw new Problem('conflict', `Another value of ${key} (${waiting.fingerprint}) is pending; going back would lose it.`, {
          hint: 'Discard it in the environment’s secrets, then go back.',
        });
      if (promote && last !== undefined && last.fingerprint !== second?.fingerprint) await refuseNeeded(key, last.fingerprint);
      const toCurrent = await seal(key, 'current', await open(key, moves.from, first.row));
      const away = second === undefined ? undefined : await seal(key, moves.to, await open(key, 'current', second.row));
      store
        .transaction(() => {
          if (!same(key, moves.from, first.row) || !same(key, 'current', second?.row) || !same(key, 'previous', last?.row))
            throw moved(key);
          write(
            kind,
            key,
            promote
              ? `Secret ${key} of ${environment}: the pending value (${first.fingerprint}) is in use now, the former one is kept as the previous.`
              : `Secret ${key} of ${environment}: the previous value (${first.fingerprint}) is in use again, the other one is pending.`,
            { current: first.fingerprint, ...(second === undefined ? {} : { [moves.to]: second.fingerprint }) },
          );
          shelf.put(environmentId, key, 'current', { sealed: toCurrent, fingerprint: first.fingerprint });
          if (away !== undefined && second !== undefined)
            shelf.put(environmentId, key, moves.to, { sealed: away, fingerprint: second.fingerprint });
          shelf.drop(environmentId, key, moves.drop);
        })
        .immediate();
    }

    return {
      async status(key): Promise<SlotStates> {
        await usable(key);
        const [current, pending, previous] = [await look(key, 'current'), await look(key, 'pending'), await look(key, 'previous')];
        return { current: current?.fingerprint, pending: pending?.fingerprint, previous: previous?.fingerprint };
      },
      async read(key, slot) {
        await usable(key);
        const row = shelf.get(environmentId, key, slot);
        if (row === undefined) throw missing(key, slot);
        return open(key, slot, row);
      },
      async fingerprint(value) {
        options.register(value);
        return print(value);
      },
      async stage(key, value) {
        options.register(value);
        await usable(key);
        const fingerprint = await print(value);
        const before = await look(key, 'pending');
        if (before?.fingerprint === fingerprint) return fingerprint;
        if (before !== undefined)
          throw new Problem('conflict', `A pending value of ${key} (${before.fingerprint}) is there already.`, {
            hint: 'Resume or revert the rotation it belongs to, or discard it in the environment’s secrets.',
          });
        if ((await look(key, 'current'))?.fingerprint === fingerprint)
          throw new Problem('bad-input', `The new value of ${key} is the one that is in use.`, { hint: 'Give another one.' });
        const sealed = await seal(key, 'pending', value);
        const { environment } = declared(environmentId, key);
        store
          .transaction(() => {
            if (!same(key, 'pending', undefined)) throw moved(key);
            write('secret-staged', key, `Secret ${key} of ${environment}: a pending value (${fingerprint}) is kept in the keychain.`, {
              pending: fingerprint,
            });
            shelf.put(environmentId, key, 'pending', { sealed, fingerprint });
          })
          .immediate();
        return fingerprint;
      },
      promote: (key, pending) => turn('secret-promoted', key, { from: 'pending', to: 'previous', drop: 'pending' }, pending),
      demote: (key, current) => turn('secret-demoted', key, { from: 'previous', to: 'pending', drop: 'previous' }, current),
      async discard(key, slot, fingerprint, gone) {
        await usable(key);
        const found = await look(key, slot);
        if (found === undefined) return;
        if (found.fingerprint !== fingerprint) throw moved(key);
        if (slot === 'previous') await refuseNeeded(key, fingerprint, gone);
        const { environment } = declared(environmentId, key);
        store
          .transaction(() => {
            if (!same(key, slot, found.row)) throw moved(key);
            write('secret-discarded', key, `Secret ${key} of ${environment}: the ${words[slot]} value (${fingerprint}) was forgotten.`, {
              [slot]: fingerprint,
            });
            shelf.drop(environmentId, key, slot);
          })
          .immediate();
      },
      neededBy: needed,
    };
  };
}
