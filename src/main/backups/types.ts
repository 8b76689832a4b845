import type { Environment } from '../../contract/environments.ts';
import type { HttpClient } from '../drivers/http/types.ts';
import type { SqliteInspection } from '../drivers/sqlite/inspect.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import type { JournalWriter } from '../engine/journal-writer.ts';
import type { StackDefinition } from '../stacks/schema.ts';
import type { BackupMemoryRows } from './memory.ts';

/** What the backups service is made of. */
export interface BackupsOptions {
  readonly memory: BackupMemoryRows;
  readonly stacks: { get(id: string): { readonly definition: StackDefinition } };
  readonly environments: { get(input: { environmentId: string }): Promise<Environment> };
  /** HTTP through the tunnel of an environment. */
  http(environmentId: string): HttpClient;
  /** The open session of an environment; throws `not-connected`. */
  session(environmentId: string): Promise<SshSession>;
  readonly secrets: { read(environmentId: string, key: string): Promise<string | undefined> };
  readonly journal: JournalWriter;
  /** Opens a downloaded database and looks through it. */
  inspectSqlite(path: string): Promise<SqliteInspection>;
  /** Folder on this laptop for an environment's copies. */
  localFolder(environmentId: string): string;
  /** `user@machine`. */
  readonly operator: string;
  readonly clock: () => number;
}
