import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { EnvironmentRef, Id, Sha256, Timestamp } from './common.ts';
import { Tier } from './environments.ts';
import { ProblemData } from './problem.ts';
import { RehearsalPlan } from './rehearsals.ts';

/** What an action does to the world. */
export const Effect = z.enum(['read', 'write', 'destructive']);
export type Effect = z.infer<typeof Effect>;

/** One input of a runbook. `backup` offers the environment's backups; `timestamp` is RFC 3339 with a zone, and becomes UTC in the plan. */
export const RunbookInput = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,39}$/),
  title: z.string(),
  type: z.enum(['text', 'backup', 'number', 'boolean', 'choice', 'timestamp']),
  required: z.boolean(),
  choices: z.array(z.string()).optional(),
  default: z.string().optional(),
  help: z.string().optional(),
});
export type RunbookInput = z.infer<typeof RunbookInput>;

/** A guided procedure of a stack. */
export const Runbook = z.strictObject({
  id: Id,
  title: z.string(),
  description: z.string(),
  effect: Effect,
  inputs: z.array(RunbookInput),
  /** The runbook it rehearses, when it is a rehearsal. */
  rehearses: Id.optional(),
});
export type Runbook = z.infer<typeof Runbook>;

/** Something that will be sent, exactly as it will be sent; secrets stand as `‹api-key›`. */
export const PlanCommand = z.strictObject({ kind: z.enum(['ssh', 'http', 'sftp', 'local', 'manual']), text: z.string() });
export type PlanCommand = z.infer<typeof PlanCommand>;

/** How a step is taken back. */
export const UndoPlan = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('undo'), title: z.string(), commands: z.array(PlanCommand) }),
  /** What it made stays on purpose: going back passes over it. */
  z.strictObject({ kind: z.literal('kept'), reason: z.string() }),
  /** Going back stops at it. */
  z.strictObject({ kind: z.literal('irreversible'), reason: z.string() }),
  /** Steps that only read. */
  z.strictObject({ kind: z.literal('nothing-to-undo') }),
]);
export type UndoPlan = z.infer<typeof UndoPlan>;

export const PlanStep = z.strictObject({
  id: Id,
  title: z.string(),
  /** Action and version: `friendlyface.restore@1`. */
  action: z.string(),
  effect: Effect,
  commands: z.array(PlanCommand),
  undo: UndoPlan,
  /** Why this step is here, one sentence. */
  why: z.string().optional(),
});
export type PlanStep = z.infer<typeof PlanStep>;

/** A runbook with its inputs resolved: immutable, named by the hash of its canonical JSON. Making one changes nothing. */
export const Plan = z.strictObject({
  id: Id,
  hash: Sha256,
  environmentId: Id,
  environmentName: z.string(),
  tier: Tier,
  runbook: Id,
  title: z.string(),
  effect: Effect,
  inputs: z.record(z.string(), z.string()),
  /** What will be touched, in words. */
  blastRadius: z.array(z.string()),
  steps: z.array(PlanStep),
  /** After this step has begun, going back is no longer promised. */
  pointOfNoReturn: Id.nullable(),
  /** The environment's name must be typed to confirm. */
  requiresTypedName: z.boolean(),
  /** It goes back by itself when a step is seen to fail; never when how it ended is unknown. `blastRadius` says so in words. */
  onFailure: z.literal('revert').optional(),
  /** Absent unless the runbook is a rehearsal. */
  rehearsal: RehearsalPlan.optional(),
  createdAt: Timestamp,
});
export type Plan = z.infer<typeof Plan>;

export const PreflightItem = z.strictObject({
  id: Id,
  title: z.string(),
  /** `block` and `unknown` stop the run; `warn` is shown. */
  verdict: z.enum(['pass', 'warn', 'block', 'unknown']),
  detail: z.string(),
});
export type PreflightItem = z.infer<typeof PreflightItem>;

export const Preflight = z.strictObject({ planId: Id, planHash: Sha256, at: Timestamp, ok: z.boolean(), items: z.array(PreflightItem) });
export type Preflight = z.infer<typeof Preflight>;

/** `unknown`: it was begun and its end was not seen. Never shown as success or failure. */
export const StepState = z.enum(['pending', 'running', 'done', 'failed', 'unknown', 'skipped', 'reverting', 'reverted', 'revert-failed']);
export type StepState = z.infer<typeof StepState>;

/** How far a step is, as its action counts. */
export const Progress = z.strictObject({
  done: z.number(),
  total: z.number(),
  unit: z.enum(['bytes', 'items']),
  /** Units a second over the last seconds (monotonic clock); null until enough was seen. */
  rate: z.number().nonnegative().nullable(),
  /** What that rate leaves, in milliseconds: an estimate. Null when it can't be told. */
  remainingMs: z.number().nonnegative().nullable(),
});
export type Progress = z.infer<typeof Progress>;

/** What the host said while a step's last try went on, redacted. */
export const Said = z.strictObject({
  /** The end of it, at most 64 KiB. */
  text: z.string(),
  /** Bytes of all that was said. */
  bytes: z.int().nonnegative(),
  /** How many of them are not in `text`. */
  dropped: z.int().nonnegative(),
  /** Of all that was said; null while it may go on. The journal has it too. */
  sha256: Sha256.nullable(),
});
export type Said = z.infer<typeof Said>;

export const RunStep = z.strictObject({
  id: Id,
  state: StepState,
  startedAt: Timestamp.nullable(),
  /** Monotonic, in milliseconds. */
  durationMs: z.number().nonnegative().nullable(),
  /** What was observed, in words. */
  observed: z.string().nullable(),
  /** Facts the step found (file names, hashes, counts). */
  output: z.record(z.string(), z.string()),
  problem: ProblemData.nullable(),
  progress: Progress.nullable(),
  /** Null when nothing was said. */
  said: Said.nullable(),
});
export type RunStep = z.infer<typeof RunStep>;

/**
 * `interrupted`: the app ended while it ran, nothing is running now. `unknown`: a step's outcome is not known.
 * Both offer only probe, resume, revert. `paused`: stopped before a step on request; the host stays locked for it.
 */
export const RunState = z.enum([
  'running',
  'succeeded',
  'failed',
  'unknown',
  'interrupted',
  'paused',
  'cancelled',
  'reverting',
  'reverted',
  'revert-failed',
]);
export type RunState = z.infer<typeof RunState>;

export const RunAllowed = z.enum(['probe', 'resume', 'revert', 'pause', 'cancel']);
export type RunAllowed = z.infer<typeof RunAllowed>;

export const Run = z.strictObject({
  id: Id,
  plan: Plan,
  state: RunState,
  operator: z.string(),
  startedAt: Timestamp,
  endedAt: Timestamp.nullable(),
  steps: z.array(RunStep),
  /** What can be done with it now. */
  allowed: z.array(RunAllowed),
  /** The step before which a pause or a cancel would stop it; null when none is left, or nothing runs forward. */
  safePoint: z.strictObject({ stepId: Id, title: z.string() }).nullable(),
  /** One sentence: how it stands. */
  summary: z.string(),
});
export type Run = z.infer<typeof Run>;

export const RunSummary = Run.pick({
  id: true,
  state: true,
  operator: true,
  startedAt: true,
  endedAt: true,
  summary: true,
  allowed: true,
}).extend({
  environmentId: Id,
  environmentName: z.string(),
  tier: Tier,
  runbook: Id,
  title: z.string(),
  effect: Effect,
});
export type RunSummary = z.infer<typeof RunSummary>;

/** The lock of a host: one run at a time changes it. */
export const HostLock = z.strictObject({
  holder: z
    .strictObject({
      /** Empty with a lock whose holder was not written. */
      runId: z.string(),
      operator: z.string(),
      /** By the holder's clock. */
      at: Timestamp.nullable(),
      /** The account of the host that made it. */
      account: z.string(),
      /** How that run stands, when it is one of this laptop's. */
      state: RunState.nullable(),
    })
    .nullable(),
  /** Where it stands on the host. */
  place: z.string(),
  /** False: the host has no folder that all accounts share, so other accounts' locks are not seen. */
  shared: z.boolean(),
});
export type HostLock = z.infer<typeof HostLock>;

/** What the host offers for an input before it is chosen. */
export const SurveyFinding = z.strictObject({
  /** The step whose action looked. */
  stepId: Id,
  /** The run input it belongs to; null when it is about all of it. */
  input: z.string().nullable(),
  title: z.string(),
  detail: z.string(),
  /** False: it could not be looked at, and `detail` says why. */
  seen: z.boolean(),
  /** Values the host has, best first. */
  choices: z.array(z.strictObject({ value: z.string(), label: z.string() })).optional(),
  /** Bounds of a time (RFC 3339, UTC) or a number. */
  min: z.string().optional(),
  max: z.string().optional(),
});
export type SurveyFinding = z.infer<typeof SurveyFinding>;

const RunRef = z.strictObject({ runId: Id });
const RunbookCall = EnvironmentRef.extend({ runbook: Id, inputs: z.record(z.string(), z.string().max(4096)) });

export const runs = {
  runbooks: oc.input(EnvironmentRef).output(z.array(Runbook)),
  /** Resolves a runbook. Reads only. */
  plan: oc.input(RunbookCall).output(Plan),
  /** What the host offers for the runbook's inputs; those that are known already narrow it. Reads only. */
  survey: oc.input(RunbookCall).output(z.array(SurveyFinding)),
  /** Looks whether the plan can be carried out. Reads only. */
  preflight: oc.input(z.strictObject({ planId: Id })).output(Preflight),
  /** Binds a person's yes to one plan hash. The token works once and for five minutes. `confirmation-wrong` on another name. */
  confirm: oc
    .input(z.strictObject({ planId: Id, planHash: Sha256, typedName: z.string().optional() }))
    .output(z.strictObject({ token: z.string(), expiresAt: Timestamp })),
  /** Begins the run; it goes on when the window closes. */
  start: oc.input(z.strictObject({ planId: Id, token: z.string() })).output(Run),
  list: oc.input(z.strictObject({ environmentId: Id.optional(), limit: z.int().min(1).max(500) })).output(z.array(RunSummary)),
  get: oc.input(RunRef).output(Run),
  /** The run as it stands, then each change; ends when the run has. */
  watch: oc.input(RunRef).output(eventIterator(Run)),
  /** Looks on the host how an unknown or interrupted step really ended. Reads only. */
  probe: oc.input(RunRef).output(Run),
  /** Goes on from the first step that is not done, after probing it. */
  resume: oc.input(RunRef.extend({ typedName: z.string().optional() })).output(Run),
  /** Undoes the completed steps in reverse order. */
  revert: oc.input(RunRef.extend({ typedName: z.string().optional() })).output(Run),
  /** Stops before the next step (`safePoint`) and keeps the host's lock, so that it can go on. The step that runs is never killed. */
  pause: oc.input(RunRef).output(Run),
  /** Stops before the next step (`safePoint`) and gives the lock back; also ends a paused run. The step that runs is never killed. */
  cancel: oc.input(RunRef).output(Run),
  /** Who changes the host now. Reads only. */
  hostLock: oc.input(EnvironmentRef).output(HostLock),
  /** Removes the lock of a run that will not come back, deliberately; it names the run that was seen to hold it. */
  breakLock: oc.input(EnvironmentRef.extend({ runId: z.string().max(120), typedName: z.string().optional() })).output(HostLock),
};
