import type { ConnectionState } from '../../contract/connections.ts';
import type { Environment } from '../../contract/environments.ts';
import type { AlertView, HealthState } from '../../contract/health.ts';
import type { HttpClient } from '../drivers/http/types.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import type { JournalWriter } from '../engine/journal-writer.ts';
import type { StackDefinition } from '../stacks/schema.ts';
import type { Store } from '../store/store.ts';
import type { MetricSample } from './prometheus.ts';

/** What the health service is made of. */
export interface HealthOptions {
  readonly store: Store;
  readonly stacks: { get(id: string): { readonly definition: StackDefinition; readonly hash: string } };
  readonly environments: { get(input: { environmentId: string }): Promise<Environment> };
  /** HTTP through the tunnel of an environment. */
  http(environmentId: string): HttpClient;
  /** The open session of an environment; throws `not-connected`. */
  session(environmentId: string): Promise<SshSession>;
  readonly secrets: { read(environmentId: string, key: string): Promise<string | undefined> };
  readonly connections: {
    get(input: { environmentId: string }): ConnectionState | Promise<ConnectionState>;
    /** Called at each change. Returns the way to stop. */
    onState(listener: (state: ConnectionState) => void): () => void;
  };
  readonly journal: JournalWriter;
  /** Alarms that rest on something else than probes: they are shown beside the rules, and say nothing of the deployment's health. */
  readonly moreAlerts?: (environmentId: string) => AlertView[];
  readonly log?: { error(message: string, fields?: Record<string, unknown>): void };
  /** Unix milliseconds. */
  readonly clock?: () => number;
  /** 0 ≤ x < 1, for jitter. */
  readonly random?: () => number;
}

/** What one look saw. */
export interface Look {
  readonly state: Exclude<HealthState, 'unknown'>;
  readonly latencyMs?: number;
  /** Why it is not healthy, or what was seen. */
  readonly words: string;
  readonly facts: Readonly<Record<string, string>>;
  /** Nothing answered, which a dead connection would look like too: the caller has to make sure. */
  readonly doubtful?: true;
  /** The JSON body, for rules. */
  readonly json?: unknown;
  readonly metrics?: readonly MetricSample[];
}
