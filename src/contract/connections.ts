import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { EnvironmentRef, Id, Timestamp } from './common.ts';
import { ProblemData } from './problem.ts';

/** OpenSSH's form: `SHA256:` and unpadded base64. */
export const Fingerprint = z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/);

/** A key that is on record for a host. */
export const KnownHostKey = z.strictObject({
  type: z.string(),
  fingerprint: Fingerprint,
  /** Where it is on record: `app`, or `path:line`. */
  source: z.string(),
});
export type KnownHostKey = z.infer<typeof KnownHostKey>;

/** A presented key that was not accepted, with all that is needed to decide on it. */
export const HostKeyQuestion = z.strictObject({
  verdict: z.enum(['unknown', 'changed', 'revoked', 'certificate-authority']),
  hop: z.strictObject({ index: z.int().nonnegative(), host: z.string(), port: z.int() }),
  offered: z.strictObject({ type: z.string(), fingerprint: Fingerprint }),
  known: z.array(KnownHostKey),
});
export type HostKeyQuestion = z.infer<typeof HostKeyQuestion>;

/** What the server asks to be typed (keyboard-interactive). */
export const AuthPrompt = z.strictObject({ hop: z.int().nonnegative(), text: z.string(), echo: z.boolean() });
export type AuthPrompt = z.infer<typeof AuthPrompt>;

/** The life of one environment's connection. */
export const ConnectionPhase = z.enum(['disconnected', 'connecting', 'connected', 'waiting-to-retry', 'blocked']);
export type ConnectionPhase = z.infer<typeof ConnectionPhase>;

/**
 * State of one environment's connection. `blocked` means that retrying by itself would be wrong (host key, refused
 * authentication, missing secret): `problem` says why, `hostKey` or `prompts` what is asked.
 */
export const ConnectionState = z.strictObject({
  environmentId: Id,
  phase: ConnectionPhase,
  since: Timestamp,
  /** Failed tries in a row. */
  attempt: z.int().nonnegative(),
  retryAt: Timestamp.optional(),
  problem: ProblemData.optional(),
  hostKey: HostKeyQuestion.optional(),
  prompts: z.array(AuthPrompt).optional(),
  /** Keepalive round trip in milliseconds. */
  latencyMs: z.number().nonnegative().optional(),
  server: z.strictObject({ ident: z.string(), hostKeyType: z.string(), fingerprint: z.string() }).optional(),
});
export type ConnectionState = z.infer<typeof ConnectionState>;

/** A key in the app's own store. */
export const StoredHostKey = z.strictObject({
  host: z.string(),
  port: z.int(),
  type: z.string(),
  fingerprint: Fingerprint,
  addedAt: Timestamp,
});
export type StoredHostKey = z.infer<typeof StoredHostKey>;

export const connections = {
  /** Connects (or says how it stands). Returns when connected, blocked or waiting to retry. */
  connect: oc.input(EnvironmentRef).output(ConnectionState),
  disconnect: oc.input(EnvironmentRef).output(ConnectionState),
  get: oc.input(EnvironmentRef).output(ConnectionState),
  /** Every environment's state: all of them first, then each change. */
  watch: oc.input(z.strictObject({})).output(eventIterator(ConnectionState)),
  /**
   * Accepts a host key by its fingerprint: the pasted one must equal the one the host presents. Refused for a changed or
   * revoked key (`host-key-changed`, `host-key-revoked`): forget the old key first. Connects afterwards.
   */
  trust: oc.input(EnvironmentRef.extend({ fingerprint: Fingerprint })).output(ConnectionState),
  /** Answers keyboard-interactive prompts once and reconnects. Answers are not stored. */
  answer: oc.input(EnvironmentRef.extend({ answers: z.array(z.string().max(1024)).max(16) })).output(ConnectionState),
  /** The app's own known hosts. */
  hostKeys: oc.input(z.strictObject({})).output(z.array(StoredHostKey)),
  forgetHostKey: oc
    .input(z.strictObject({ host: z.string(), port: z.int(), fingerprint: Fingerprint }))
    .output(z.strictObject({ removed: z.boolean() })),
};
