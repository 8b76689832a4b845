import { oc } from '@orpc/contract';
import { z } from 'zod';
import { Id } from './common.ts';
import { SecretKey } from './secrets.ts';

/** An input of a stack, as the environment form shows it. */
export const StackInput = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,39}$/),
  title: z.string(),
  type: z.enum(['url', 'path', 'text', 'number', 'choice']),
  required: z.boolean(),
  choices: z.array(z.string()).optional(),
  default: z.string().optional(),
  help: z.string().optional(),
});
export type StackInput = z.infer<typeof StackInput>;

/** A kind of deployment the console knows. */
export const StackInfo = z.strictObject({
  id: Id,
  title: z.string(),
  description: z.string(),
  /** `shipped`, or the file it came from. */
  source: z.string(),
  inputs: z.array(StackInput),
  secrets: z.array(z.strictObject({ key: SecretKey, title: z.string(), required: z.boolean(), help: z.string().optional() })),
  /** What the stack has, so that screens show only what works. */
  features: z.strictObject({ probes: z.boolean(), logs: z.boolean(), backups: z.boolean() }),
});
export type StackInfo = z.infer<typeof StackInfo>;

export const stacks = {
  list: oc
    .input(z.strictObject({}))
    .output(z.strictObject({ stacks: z.array(StackInfo), problems: z.array(z.strictObject({ file: z.string(), message: z.string() })) })),
};
