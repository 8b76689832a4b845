import type { Store } from '../store/store.ts';
import type { SecretPlace } from './vault.ts';

/** Where values rest: sealed ones in the store, those of this session in memory. */
export interface SecretShelf {
  has(place: SecretPlace): boolean;
  sealed(place: SecretPlace): Buffer | undefined;
  session(place: SecretPlace): Buffer | undefined;
  sessions(): { place: SecretPlace; value: Buffer }[];
  keepSealed(place: SecretPlace, sealed: Buffer, fingerprint?: string): void;
  /** Keeps in memory what replaces a sealed value; the sealed one stays in the store until this one can be sealed. */
  keepForSession(place: SecretPlace, value: Buffer): void;
  clear(place: SecretPlace): void;
  /** Wipes what is in memory for an environment. */
  forget(environmentId: string): void;
  /** Wipes everything in memory. */
  close(): void;
}

/** Makes a {@link SecretShelf}. */
export function createSecretShelf(store: Store, clock: () => number): SecretShelf {
  const memory = new Map<string, { place: SecretPlace; value: Buffer }>();
  const name = ({ environmentId, key }: SecretPlace): string => `${environmentId}/${key}`;
  const sealed = ({ environmentId, key }: SecretPlace): Buffer | undefined =>
    (
      store.prepare('SELECT sealed FROM secrets WHERE environment_id = ? AND key = ?').get(environmentId, key) as
        | { sealed: Buffer }
        | undefined
    )?.sealed;
  const drop = (which: (place: SecretPlace) => boolean): void => {
    for (const [id, { place, value }] of [...memory]) {
      if (!which(place)) continue;
      value.fill(0);
      memory.delete(id);
    }
  };
  const dropOne = (place: SecretPlace): void => drop((other) => name(other) === name(place));
  return {
    has: (place) => memory.has(name(place)) || sealed(place) !== undefined,
    sealed,
    session: (place) => memory.get(name(place))?.value,
    sessions: () => [...memory.values()],
    keepSealed(place, value, fingerprint) {
      store
        .prepare(
          `INSERT INTO secrets (environment_id, key, sealed, fingerprint, updated_at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (environment_id, key) DO UPDATE SET sealed = excluded.sealed, fingerprint = excluded.fingerprint, updated_at = excluded.updated_at`,
        )
        .run(place.environmentId, place.key, value, fingerprint ?? null, clock());
      dropOne(place);
    },
    keepForSession(place, value) {
      dropOne(place);
      memory.set(name(place), { place: { ...place }, value });
    },
    clear(place) {
      store.prepare('DELETE FROM secrets WHERE environment_id = ? AND key = ?').run(place.environmentId, place.key);
      dropOne(place);
    },
    forget: (environmentId) => drop((place) => place.environmentId === environmentId),
    close: () => drop(() => true),
  };
}
