import { z } from 'zod';
import { faultNames } from './friendlyface/fault-file.ts';

/** The line the demo's child prints once it is up. No secret is in it: the API key lies in a 0600 file it names. */
export const ReadyMessage = z.strictObject({
  ready: z.literal(true),
  sshPort: z.int(),
  servicePort: z.int(),
  user: z.string(),
  keyPath: z.string(),
  hostKeyFingerprint: z.string(),
  apiKeyFile: z.string(),
  inputs: z.record(z.string(), z.string()),
  faults: z.array(z.enum(faultNames)),
});
export type ReadyMessage = z.infer<typeof ReadyMessage>;

/** Printed instead when it cannot start; `conflict` means that another running app has this demo. */
export const FailedMessage = z.strictObject({ ready: z.literal(false), code: z.enum(['conflict', 'failed']), message: z.string() });

/** The answer to one command. */
export const DoneMessage = z.strictObject({ id: z.int(), ok: z.boolean(), message: z.string().optional() });

export const ChildMessage = z.union([ReadyMessage, FailedMessage, DoneMessage]);
export type ChildMessage = z.infer<typeof ChildMessage>;

/** What the child is told on its stdin, one JSON object a line. */
export const Command = z.discriminatedUnion('cmd', [
  z.strictObject({ id: z.int(), cmd: z.literal('fault'), fault: z.enum(faultNames), on: z.boolean() }),
  z.strictObject({ id: z.int(), cmd: z.literal('stop') }),
]);
export type Command = z.infer<typeof Command>;
