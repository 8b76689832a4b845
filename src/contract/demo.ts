import { oc } from '@orpc/contract';
import { z } from 'zod';
import { Id } from './common.ts';

/** Ways to break the demo deployment for practice. */
export const DemoFault = z.enum(['database-gone', 'slow', 'rate-limit-storm', 'corrupt-chain', 'disk-nearly-full']);
export type DemoFault = z.infer<typeof DemoFault>;

export const DemoStatus = z.strictObject({
  state: z.enum(['stopped', 'starting', 'running', 'failed']),
  environmentId: Id.nullable(),
  faults: z.array(DemoFault),
  detail: z.string(),
});
export type DemoStatus = z.infer<typeof DemoStatus>;

export const demo = {
  status: oc.input(z.strictObject({})).output(DemoStatus),
  /** Starts the demo host (made on first use) and answers when its environment is ready to connect. */
  start: oc.input(z.strictObject({})).output(DemoStatus),
  stop: oc.input(z.strictObject({})).output(DemoStatus),
  setFault: oc.input(z.strictObject({ fault: DemoFault, on: z.boolean() })).output(DemoStatus),
};
