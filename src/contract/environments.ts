import { oc } from '@orpc/contract';
import { z } from 'zod';
import { EnvironmentRef, Id, Timestamp } from './common.ts';

/** How much harm a mistake does here. Decides read-only mode, typed confirmation and the colour of every screen. */
export const Tier = z.enum(['production', 'staging', 'development']);
export type Tier = z.infer<typeof Tier>;

/** How one hop is authenticated; secrets are named by place (see `secrets`), never stored here. */
export const SshAuth = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('agent') }),
  z.strictObject({ kind: z.literal('key'), path: z.string().min(1).max(1024) }),
  z.strictObject({ kind: z.literal('password') }),
  z.strictObject({ kind: z.literal('keyboard-interactive') }),
]);
export type SshAuth = z.infer<typeof SshAuth>;

/** A host name or address as ssh takes it: no spaces, no option look-alikes, no control characters. */
export const HostName = z.string().regex(/^(?!-)[A-Za-z0-9_.:%[\]-]{1,253}$/, 'a host name or an IP address');

/** A login name as sshd takes it. */
export const UserName = z.string().regex(/^(?!-)[^\s\p{Cc}]{1,64}$/u, 'a login name without spaces');

/** One host on the way. */
export const SshHop = z.strictObject({
  host: HostName,
  port: z.int().min(1).max(65_535),
  user: UserName,
  /** Tried in this order. */
  auth: z.array(SshAuth).min(1).max(6),
});
export type SshHop = z.infer<typeof SshHop>;

/** The route: jump hosts in the order they are crossed, then the target. */
export const SshRoute = z.strictObject({ target: SshHop, jumps: z.array(SshHop).max(8) });
export type SshRoute = z.infer<typeof SshRoute>;

/** A name a person gives: one line, no control characters. */
export const DisplayName = z
  .string()
  .trim()
  .min(1)
  .max(80)
  .regex(/^[^\p{Cc}\p{Cf}]+$/u, 'one line without control characters');

/** What a person sets on a connection profile. */
export const EnvironmentDraft = z.strictObject({
  name: DisplayName,
  tier: Tier,
  ssh: SshRoute,
  /** Stack id, for example `friendlyface`. */
  stack: Id,
  /** The stack's inputs by name; checked against the stack when saved. */
  inputs: z.record(z.string().max(64), z.string().max(4096)),
  notes: z.string().max(10_000),
});
export type EnvironmentDraft = z.infer<typeof EnvironmentDraft>;

/** A stored connection profile. */
export const Environment = EnvironmentDraft.extend({
  id: Id,
  /** Set on the embedded demo environment, which is made and removed with the demo host. */
  demo: z.boolean(),
  /** Goes up with each save; a save on an older revision is a `conflict`. */
  revision: z.int().positive(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Environment = z.infer<typeof Environment>;

/** A host found in `~/.ssh/config`, ready to become an environment. */
export const SshConfigHost = z.strictObject({
  /** The `Host` alias. */
  alias: z.string(),
  route: SshRoute.optional(),
  /** What could not be taken over, in words (unsupported options, unresolvable jumps). */
  warnings: z.array(z.string()),
});
export type SshConfigHost = z.infer<typeof SshConfigHost>;

/** A profile file: environments without any secret. Version 1. */
export const ProfileFile = z.strictObject({
  format: z.literal('quarterdeck-profiles'),
  version: z.literal(1),
  environments: z.array(EnvironmentDraft).max(500),
});
export type ProfileFile = z.infer<typeof ProfileFile>;

export const environments = {
  list: oc.input(z.strictObject({})).output(z.array(Environment)),
  get: oc.input(EnvironmentRef).output(Environment),
  create: oc.input(EnvironmentDraft).output(Environment),
  /** Saves over `revision`; a changed route disconnects. */
  update: oc.input(EnvironmentRef.extend({ revision: z.int().positive(), draft: EnvironmentDraft })).output(Environment),
  /** A copy under a new name, without its secrets. */
  duplicate: oc.input(EnvironmentRef.extend({ name: DisplayName })).output(Environment),
  /** Deletes the profile and its secrets; the journal keeps its history. `name` must be typed for production. */
  remove: oc.input(EnvironmentRef.extend({ typedName: z.string().optional() })).output(z.strictObject({ removed: z.literal(true) })),
  /** Reads an OpenSSH client configuration (default `~/.ssh/config`); saves nothing. */
  readSshConfig: oc
    .input(z.strictObject({ path: z.string().max(1024).optional() }))
    .output(z.strictObject({ path: z.string(), hosts: z.array(SshConfigHost), warnings: z.array(z.string()) })),
  exportProfiles: oc.input(z.strictObject({ environmentIds: z.array(Id).optional() })).output(ProfileFile),
  /** Adds a profile file's environments; names that are taken get a number. Nothing is saved when any of them is bad. */
  importProfiles: oc.input(z.strictObject({ file: ProfileFile })).output(z.array(Environment)),
};
