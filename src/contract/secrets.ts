import { oc } from '@orpc/contract';
import { z } from 'zod';
import { EnvironmentRef } from './common.ts';

/**
 * Where a secret belongs: `ssh-password`, `ssh-key-passphrase` (target), `jump-<n>-password`, `jump-<n>-key-passphrase`
 * (n from 1), or the name of a secret the stack declares (for example `api-key`).
 */
export const SecretKey = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/);

/** Whether a secret is set, and where it is kept. The value never leaves the host. */
export const SecretStatus = z.strictObject({
  key: SecretKey,
  label: z.string(),
  required: z.boolean(),
  set: z.boolean(),
  /** `session`: kept in memory until the app ends, because there is no usable keychain. */
  kept: z.enum(['keychain', 'session', 'none']),
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
  set: oc.input(EnvironmentRef.extend({ key: SecretKey, value: z.string().min(1).max(65_536) })).output(SecretStatus),
  clear: oc.input(EnvironmentRef.extend({ key: SecretKey })).output(SecretStatus),
  /** Looks at the keychain again (after the user unlocked it). */
  recheckKeychain: oc.input(z.strictObject({})).output(KeychainState),
};
