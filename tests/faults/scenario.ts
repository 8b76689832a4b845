import type { Run } from '../../src/contract/runs.ts';
import type { LabHandle } from '../support/engine-lab.ts';
import type { Sshd } from '../support/sshd.ts';

/** The places of a fault: the host's data and the laptop's, each on a small file system of its own, so that either can be full. */
export interface ScenarioRoom {
  /** Everything of the deployment that an operation may fill lies below it. */
  readonly hostDir: string;
  readonly laptopDir: string;
}

/**
 * One operation on real components, as the fault harness needs it. The faults are made from the runbook's own steps: a scenario says
 * nothing of steps.
 */
export interface Scenario {
  /** `sqlite-restore`; a row of the matrix. */
  readonly id: string;
  /** Size of the host's small file system; 96 when not given. */
  readonly hostMebibytes?: number;
  /** Size of the laptop's; 64 when not given. */
  readonly laptopMebibytes?: number;
  /** Why it can't run here; undefined when it can. */
  unavailable(): string | undefined;
  /** Starts what the operation works on, once for many cases. */
  start(room: ScenarioRoom): Promise<ScenarioLab>;
}

/** The components of a {@link Scenario}, running. */
export interface ScenarioLab {
  readonly stackId: string;
  /** Text of the stack file; absent for a shipped stack. */
  readonly stackText?: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  /** More variables of what runs on the host. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly runbook: string;
  /** Asked for each case, after `reset`. */
  runInputs(): Readonly<Record<string, string>>;
  /** Puts everything on the host back to how it was before; fast, it is called before every case. */
  reset(): Promise<void>;
  /** What a revert must bring back, exactly: a text made of the live data and of what serves it. */
  live(): Promise<string>;
  /** Throws unless the operation's promise holds: the data is what was asked for, and what serves it is healthy. */
  assertDone(run: Run): Promise<void>;
  /**
   * Throws when the only good copy could be lost: asked after the fault and before anything is resumed. The live data is whole, or a verified
   * copy of it exists where no retention reaches.
   */
  assertSafe(run: Run | undefined, handle: LabHandle, sshd: Sshd): Promise<void>;
  stop(): Promise<void>;
}
