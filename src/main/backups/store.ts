import type { BackupList, RetentionPreview } from '../../contract/backups.ts';

/** One backup as its store tells it; what the store does not know is this console's memory. */
export interface StoredBackup {
  readonly name: string;
  readonly sizeBytes: number;
  /** Unix milliseconds. */
  readonly modifiedAt: number;
  readonly label?: string;
  readonly createdBy?: string;
  readonly sha256?: string;
  readonly origin?: { readonly environmentName: string; readonly madeAt: number; readonly foreign: boolean };
  /** False when only this laptop has it. */
  readonly onHost?: boolean;
}

/** What a look into one backup found. A bad backup is a result. */
export interface BackupVerdict {
  readonly valid: boolean;
  readonly detail: string;
}

/**
 * Where the backups of one environment are: one implementation for each kind of {@link BackupsDefinition}. A `Problem` is thrown only for
 * what kept it from looking.
 */
export interface BackupStore {
  /** Folder on the host; empty when the environment does not say. */
  readonly folder: string;
  list(): Promise<{
    readonly backups: readonly StoredBackup[];
    readonly retention: RetentionPreview;
    /** As the store tells it; counted from `backups` when absent. */
    readonly statistics?: BackupList['statistics'];
  }>;
  /** The host's own check. */
  checkOnServer(name: string): Promise<BackupVerdict & { readonly sha256?: string }>;
  /** What the host says the file's hash is; undefined when it calls it invalid, or nothing says it. */
  expectedHash(name: string): Promise<string | undefined>;
  /** Opens a copy on this laptop and looks through it. */
  inspect(path: string, bytes: number): Promise<BackupVerdict>;
}
