import { oc } from '@orpc/contract';
import { z } from 'zod';
import { EnvironmentRef, Id, Timestamp } from './common.ts';

const Milliseconds = z.int().nonnegative();

/**
 * What makes a runbook a rehearsal: a restore into a scratch target, measured. The recovery time (RTO) is the time its steps took, up to
 * and including `until`; the data loss (RPO) is how old the restored data was when the rehearsal began.
 */
export const RehearsalPlan = z.strictObject({
  /** The runbook that is rehearsed. */
  of: Id,
  rtoTargetMs: Milliseconds,
  rpoTargetMs: Milliseconds,
  /** A good rehearsal older than this is stale. */
  everyMs: Milliseconds,
  /** The step after which the data would be back in service; what follows only cleans up. */
  until: Id,
  /** The fact that tells the time of the restored data (Unix milliseconds or RFC 3339); null when the stack names none. */
  dataTime: z.strictObject({ step: Id, fact: z.string() }).nullable(),
});
export type RehearsalPlan = z.infer<typeof RehearsalPlan>;

/**
 * How a rehearsal came out. `met`: restored, verified, within both targets. `missed`: restored and verified, and slower or older than
 * the targets allow (or the age of the data was not told). `failed`: it was seen not to work. `unknown`: its end was not seen.
 */
export const RehearsalVerdict = z.enum(['met', 'missed', 'failed', 'unknown']);
export type RehearsalVerdict = z.infer<typeof RehearsalVerdict>;

/** One row of the ledger. */
export const Rehearsal = z.strictObject({
  runId: Id,
  runbook: Id,
  title: z.string(),
  of: Id,
  startedAt: Timestamp,
  operator: z.string(),
  verdict: RehearsalVerdict,
  /** Null when it did not come that far. */
  rtoMs: Milliseconds.nullable(),
  rtoTargetMs: Milliseconds,
  /** Null when the time of the data was not found out. */
  rpoMs: Milliseconds.nullable(),
  rpoTargetMs: Milliseconds,
  /** What was restored, as far as the run's inputs say. */
  inputs: z.record(z.string(), z.string()),
  detail: z.string(),
});
export type Rehearsal = z.infer<typeof Rehearsal>;

/** How one rehearsal of the stack stands. Only a `met` or `missed` one counts as having been done: the restore worked. */
export const RehearsalState = z.strictObject({
  runbook: Id,
  title: z.string(),
  of: Id,
  everyMs: Milliseconds,
  state: z.enum(['fresh', 'stale', 'never']),
  lastGoodAt: Timestamp.nullable(),
  dueAt: Timestamp.nullable(),
  last: Rehearsal.nullable(),
});
export type RehearsalState = z.infer<typeof RehearsalState>;

export const RehearsalList = z.strictObject({
  at: Timestamp,
  states: z.array(RehearsalState),
  /** Newest first. */
  ledger: z.array(Rehearsal),
});
export type RehearsalList = z.infer<typeof RehearsalList>;

export const rehearsals = {
  /** What was rehearsed, and what is due. Works without a connection. */
  list: oc.input(EnvironmentRef).output(RehearsalList),
};
