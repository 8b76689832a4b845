import { oc } from '@orpc/contract';
import { z } from 'zod';
import { EnvironmentRef } from './common.ts';

/**
 * Where a secret belongs: `ssh-password`, `ssh-key-passphrase` (target), `jump-<n>-password`, `jump-<n>-key-passphrase`
 * (n from 1), or the name of a secret the stack declares (for example `api-key`).
 */
export const SecretKey = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/);

/** Tells one value of a secret from another, and nothing else of it: the start of an HMAC under a salt that only this store's keychain opens. */
const Fingerprint = z.string().regex(/^[0-9a-f]{12}$/);

/** Whether a secret is set, and where it is kept. The value never leaves the host. */
export const SecretStatus = z.strictObject({
  key: SecretKey,
  label: z.string(),
  required: z.boolean(),
  set: z.boolean(),
  /** `session`: kept in memory until the app ends, because there is no usable keychain. */
  kept: z.enum(['keychain', 'session', 'none']),
  /**
   * Fingerprints of the values that a rotation keeps: in use, next, last. Absent for what the route signs in with. `null`: there is none, or
   * (`current` only, while `set`) it can't be told without the keychain.
   */
  slots: z.strictObject({ current: Fingerprint.nullable(), pending: Fingerprint.nullable(), previous: Fingerprint.nullable() }).optional(),
});
export type SecretStatus = z.infer<typeof SecretStatus>;

/** The one clear state of the OS keychain. */
export const KeychainState = z.strictObject({
  state: z.enum(['available', 'locked', 'unavailable']),
  /** In words: what is there, or what is missing and what to do. */
  detail: z.string(),
});
export type KeychainState = z.infer<typeof KeychainState>;

export const secrets = {
  status: oc.input(EnvironmentRef).output(z.strictObject({ keychain: KeychainState, secrets: z.array(SecretStatus) })),
  /** Stores a value; it is never given back. */
  set: oc
    .input(
      EnvironmentRef.extend({
        key: SecretKey,
        value: z.string().min(1).max(65_536),
        /** `pending`: the next value, which a rotation will bring into use; needs a usable keychain. */
        slot: z.enum(['current', 'pending']).default('current'),
      }),
    )
    .output(SecretStatus),
  /** Forgets the next or the last value. `conflict` while a remembered backup can't be read without it. */
  discard: oc.input(EnvironmentRef.extend({ key: SecretKey, slot: z.enum(['pending', 'previous']) })).output(SecretStatus),
  clear: oc.input(EnvironmentRef.extend({ key: SecretKey })).output(SecretStatus),
  /** Looks at the keychain again (after the user unlocked it). */
  recheckKeychain: oc.input(z.strictObject({})).output(KeychainState),
};
