import type { Environment } from '../../contract/environments.ts';
import type { Plan, Runbook, RunState, RunStep } from '../../contract/runs.ts';
import type { ParameterValue } from '../stacks/references.ts';
import type { StackDefinition } from '../stacks/schema.ts';
import type { Store } from '../store/store.ts';
import type { ActionBase, ActionRegistry, Facts } from './action.ts';
import type { JournalWriter } from './journal-writer.ts';

/** What the engine is made of. */
export interface EngineOptions {
  readonly store: Store;
  readonly journal: JournalWriter;
  readonly stacks: {
    get(id: string): { readonly definition: StackDefinition; readonly hash: string; readonly runbooks: readonly Runbook[] };
  };
  readonly actions: ActionRegistry;
  /** `get` throws `not-found`. */
  readonly environments: { get(id: string): Environment };
  /** What actions of this environment may use; made anew for every step. */
  contextFor(environment: Environment): ActionBase;
  /** `user@machine`. */
  readonly operator: string;
  /** Unix milliseconds. */
  readonly clock: () => number;
  /** Masks known secrets in what steps observed before it is stored. */
  readonly redact?: <T>(value: T) => T;
  /** Pause between looks at a kept step that may still be at work, in milliseconds. Default 3 s. */
  readonly keptLookMs?: number;
  /** Confirmation tokens; random when not given. */
  readonly tokenSource?: () => string;
  /**
   * An observer of the four places at which a step can be cut off; awaited there. For tests and the fault harness, absent otherwise.
   * When it throws, the run is left as it is stored at that place, as if the process had ended.
   */
  readonly onPoint?: (point: FaultPoint, where: PointWhere) => void | Promise<void>;
}

/** Nothing written yet · intent durable, nothing done · done, outcome not written · outcome durable. */
export type FaultPoint = 'before-intent' | 'after-intent' | 'after-effect' | 'after-outcome';

/** Which try of which step a {@link FaultPoint} belongs to. */
export interface PointWhere {
  readonly runId: string;
  readonly stepId: string;
  readonly position: number;
  readonly direction: 'act' | 'undo';
  readonly stepKey: string;
}

/** A step as it will be carried out; references to earlier steps' facts are still references. */
export interface RecipeStep {
  readonly id: string;
  readonly action: string;
  readonly with: Readonly<Record<string, ParameterValue>>;
}

/** What a plan's hash covers beside what is shown. */
export interface Recipe {
  readonly stackId: string;
  readonly stackHash: string;
  readonly environmentRevision: number;
  /** Hash of where the environment leads (route's end, stack, inputs): a run goes on only while it is the same. */
  readonly target: string;
  readonly steps: readonly RecipeStep[];
}

/** A stored plan. */
export interface StoredPlan {
  readonly plan: Plan;
  readonly recipe: Recipe;
}

/** Which process drives a run. */
export interface Owner {
  readonly instance: string;
  readonly pid: number;
  /** What tells this process from a later one of the same number. */
  readonly processStart: string;
}

/** Whether the run's steps are being done or undone. */
export type Direction = 'forward' | 'revert';

/** A step as stored: the contract's, and what only the engine needs. */
export interface StepRecord {
  readonly view: RunStep;
  /** Tries of the step that were seen to have failed or not to have happened. */
  readonly attempt: number;
  readonly undoAttempt: number;
  /** Milliseconds that doing it took; kept when it is undone. */
  readonly actMs: number | null;
  /** What is running, or unknown, is the undo. */
  readonly undoing: boolean;
  /** Facts journaled before the effect. */
  readonly recorded: Facts;
  readonly undoRecorded: Facts;
}

/** A run as stored. */
export interface RunRecord {
  readonly id: string;
  readonly planId: string;
  readonly environmentId: string;
  readonly state: RunState;
  readonly direction: Direction;
  readonly operator: string;
  readonly summary: string;
  readonly owner: Owner;
  readonly fence: string | null;
  readonly cancelRequested: boolean;
  readonly pauseRequested: boolean;
  readonly startedAt: number;
  readonly endedAt: number | null;
}
