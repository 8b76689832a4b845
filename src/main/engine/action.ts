import type { z } from 'zod';
import type { Environment } from '../../contract/environments.ts';
import type { ProblemData } from '../../contract/problem.ts';
import type { Effect, PlanCommand, PreflightItem } from '../../contract/runs.ts';
import type { HttpClient } from '../drivers/http/types.ts';
import type { SshSession } from '../drivers/ssh/types.ts';

/** Facts a step hands on: short texts, shown on the run page and journaled. Never a secret. */
export type Facts = Readonly<Record<string, string>>;

/** What this console remembers about backups beside what the deployment stores. Implemented by the backups domain. */
export interface BackupMemory {
  remember(entry: {
    environmentId: string;
    name: string;
    label?: string;
    createdBy?: string;
    sha256?: string;
    localPath?: string;
    protected?: boolean;
  }): void;
  recall(
    environmentId: string,
    name: string,
  ): { label: string | null; createdBy: string | null; sha256: string | null; localPath: string | null; protected: boolean } | undefined;
  verified(entry: {
    environmentId: string;
    name: string;
    method: 'server' | 'local';
    at: number;
    by: string;
    valid: boolean;
    detail: string;
    sha256?: string;
  }): void;
}

/** In use, next, last. */
export type SlotName = 'current' | 'pending' | 'previous';

/** Fingerprints of the values of one secret; undefined where there is none. */
export type SlotStates = Readonly<Record<SlotName, string | undefined>>;

/**
 * The values of one environment's secrets through a rotation. All of it is durable in the store, sealed under the keychain's master key,
 * when a call returns. Every change names the fingerprint it was decided on and is refused with `conflict` when that is not what is there
 * any more. Throws `keychain-locked` or `keychain-unavailable` where the only copy of a key could be lost with this process.
 */
export interface SecretSlots {
  status(key: string): Promise<SlotStates>;
  /** @throws Problem `secret-missing` */
  read(key: string, slot: SlotName): Promise<string>;
  /** The fingerprint that a value has here. */
  fingerprint(value: string): Promise<string>;
  /** Keeps the next value. The same value again is nothing new; another one is refused while one is pending. */
  stage(key: string, value: string): Promise<string>;
  /** The pending value comes into use, the one in use becomes the last. One transaction. `pending`: its fingerprint. */
  promote(key: string, pending: string): Promise<void>;
  /** The other way round: the last comes into use again, the one in use becomes pending. `current`: its fingerprint. */
  demote(key: string, current: string): Promise<void>;
  /** Forgets one value for good. @throws Problem `conflict` while {@link SecretSlots.neededBy} names a backup */
  discard(key: string, slot: 'pending' | 'previous', fingerprint: string, gone?: readonly string[]): Promise<void>;
  /**
   * Names of remembered backups that can't be read without this value, or of which it is not known. Empty for secrets that encrypt none.
   * `gone`: backups seen not to be on the host any more; only their copies on this laptop still count.
   */
  neededBy(key: string, fingerprint: string, gone?: readonly string[]): Promise<readonly string[]>;
}

/** Holding the host's lock: every mutating script gets `token` (opaque) and refuses to act when the lock on the host bears another. */
export interface HostFence {
  readonly token: string;
}

/** What the host gives an action of one environment; the engine adds what belongs to the step. */
export interface ActionBase {
  readonly environment: Environment;
  /** The open session; throws `not-connected`. Ask again after a drop. */
  session(): Promise<SshSession>;
  /** HTTP through the tunnel. */
  readonly http: HttpClient;
  /** A secret by its key; throws `secret-missing`. Use it in a header or on stdin, then let go of it. */
  secret(key: string): Promise<string>;
  /** The values of a secret through a rotation. */
  readonly slots: SecretSlots;
  /** Folder on this laptop for this environment's verified copies. */
  readonly localFolder: string;
  readonly memory: BackupMemory;
  /** `user@machine`. */
  readonly operator: string;
  /** Unix milliseconds. */
  now(): number;
  /** Times of waiting that differ from the ordinary ones; for tests. */
  readonly waits?: ActionWaits;
}

/** How long actions wait for what can't be told of, in milliseconds. */
export interface ActionWaits {
  /** Between two tries to get the connection back. Default 500. */
  readonly askMs?: number;
  /** How long a request that lost its sender may still be on its way through the deployment. Default 10 000. */
  readonly onItsWayMs?: number;
}

/** What an action may use. Nothing else reaches the world. */
export interface ActionContext extends ActionBase {
  /**
   * Unique for this try of this step of this run: keys detached jobs and once-only requests. A new one is given only after the
   * last try was seen to have failed or not to have happened.
   */
  readonly stepKey: string;
  /** Aborted only while planning, in preflight and in probes. A mutating execute never sees an abort. */
  readonly signal: AbortSignal;
  progress(state: { done: number; total: number; unit: 'bytes' | 'items' }): void;
  /** What the host said while the step went on. It is redacted, shown, and its hash is journaled when the step ends. Never a secret. */
  say(text: string): void;
  /** Absent in reading runs, in preflight and in probes. */
  readonly fence?: HostFence;
  /** What earlier tries of this step recorded. */
  readonly recorded: Facts;
  /** Journals facts durably *before* an effect, so that a later probe can compare. Throws `journal-unwritable`: then don't act. */
  record(facts: Facts): void;
}

/** How an execute or an undo ended, as far as it was seen. */
export type ActionOutcome =
  | { readonly outcome: 'done'; readonly observed: string; readonly output?: Facts }
  /** `waits`: nothing broke, a person has something to do first. Such a failure never makes a run go back by itself. */
  | { readonly outcome: 'failed'; readonly problem: ProblemData; readonly waits?: true }
  | { readonly outcome: 'unknown'; readonly problem: ProblemData };

/** What a read-only look found out about a step whose end was not seen. */
export type ProbeOutcome =
  | { readonly found: 'done'; readonly observed: string; readonly output?: Facts }
  | { readonly found: 'not-done'; readonly observed: string }
  /** Begun and not finished, and nothing is at work any more: a resume executes it again, a revert undoes it, given `output`. */
  | { readonly found: 'partly'; readonly observed: string; readonly output?: Facts }
  | { readonly found: 'unknown'; readonly observed: string };

/** Taking a completed step back. `execute` and `probe` get what the step itself had put out. */
export interface ActionUndo<I> {
  readonly title: string;
  describe(input: I, environment: Environment): readonly PlanCommand[];
  execute(context: ActionContext, input: I, output: Facts): Promise<ActionOutcome>;
  probe(context: ActionContext, input: I, output: Facts): Promise<ProbeOutcome>;
}

/**
 * A typed, versioned unit that a stack refers to by name. Running `execute` twice with the same `stepKey` must equal
 * running it once.
 */
export interface Action<I = unknown> {
  /** `family.verb@version`. */
  readonly id: string;
  readonly title: string;
  readonly effect: Effect;
  /** Strict schema of `with` after references are resolved. */
  readonly input: z.ZodType<I>;
  /** Names of the facts a done step puts out, so that references to them are checked when the stack is loaded. */
  readonly outputs: readonly string[];
  /** The exact commands and requests; secrets stand as `‹key›`; facts of earlier steps as `‹step.fact›`. */
  describe(input: I, environment: Environment): readonly PlanCommand[];
  /** Read-only looks before anything is touched. References to earlier steps' facts are not resolved yet: they stand as `‹…›`. */
  preflight?(context: ActionContext, input: I): Promise<readonly PreflightItem[]>;
  /**
   * What the host offers for this action's parameters before they are chosen (backups, versions, the recoverable window). Reads only;
   * what is not known yet is missing or empty in `given`.
   */
  survey?(context: ActionContext, given: Readonly<Record<string, unknown>>): Promise<readonly SurveyItem[]>;
  execute(context: ActionContext, input: I): Promise<ActionOutcome>;
  /** Read-only: is this step's effect there already? */
  probe(context: ActionContext, input: I): Promise<ProbeOutcome>;
  /**
   * How it is taken back. `kept`: what it made stays, for a stated reason, and a revert passes over it. `irreversible`: a revert stops
   * at it, with the reason. `nothing-to-undo` is for reads only.
   */
  readonly undo: ActionUndo<I> | { readonly kept: string } | { readonly irreversible: string } | 'nothing-to-undo';
}

/** One thing a {@link Action.survey} found out. */
export interface SurveyItem {
  /** Name of the action's parameter it belongs to; the screens show it beside the run's input that feeds it. */
  readonly parameter?: string;
  readonly title: string;
  readonly detail: string;
  /** Values the host has, best first. */
  readonly choices?: readonly { readonly value: string; readonly label: string }[];
  /** Bounds of a time (RFC 3339) or number; what is outside will be refused by the preflight. */
  readonly min?: string;
  readonly max?: string;
}

/** Every action there is, by id. */
export type ActionRegistry = ReadonlyMap<string, Action>;

/** Checks an action's own types, then forgets them: the engine gives it only what its schema let through. */
export function defineAction<I>(action: Action<I>): Action {
  return action as Action;
}
