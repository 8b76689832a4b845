import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { Bytes, EnvironmentRef, Sha256, Timestamp } from './common.ts';
import { ProblemData } from './problem.ts';

/** A file name of a backup as the deployment told it: no folders, no control characters, nothing that hides or turns text around. */
export const BackupName = z.string().regex(/^(?!\.)[^/\\\p{Cc}\p{Cf}]{1,255}$/u);

/** How a backup was checked. `server`: the deployment's own check. `local`: downloaded, hashed, opened and integrity-checked here. */
export const BackupVerification = z.strictObject({
  method: z.enum(['server', 'local']),
  at: Timestamp,
  by: z.string(),
  valid: z.boolean(),
  detail: z.string(),
  sha256: Sha256.optional(),
});
export type BackupVerification = z.infer<typeof BackupVerification>;

/** One backup as the browser shows it. What the deployment does not store (label, verification) is this console's memory. */
export const Backup = z.strictObject({
  name: BackupName,
  sizeBytes: Bytes,
  modifiedAt: Timestamp,
  label: z.string().nullable(),
  createdBy: z.string().nullable(),
  sha256: Sha256.nullable(),
  /** Newest first. */
  verifications: z.array(BackupVerification),
  /** True for a copy that this console keeps out of the retention's reach. */
  protected: z.boolean(),
  /** Where a verified copy lies on this laptop. */
  localPath: z.string().nullable(),
  /** What the manifest beside it says it is of; absent when the kind of store has none, or nobody wrote one. */
  origin: z.strictObject({ environmentName: z.string(), madeAt: Timestamp, foreign: z.boolean() }).optional(),
  /** False when only this laptop has it. */
  onHost: z.boolean().optional(),
});
export type Backup = z.infer<typeof Backup>;

export const BackupStatistics = z.strictObject({
  count: z.int().nonnegative(),
  totalBytes: Bytes,
  oldestAt: Timestamp.nullable(),
  newestAt: Timestamp.nullable(),
});

/** What the deployment's retention would do, computed here from its settings. */
export const RetentionPreview = z.strictObject({
  maxCount: z.int().positive().nullable(),
  maxDays: z.number().positive().nullable(),
  /** Where the settings were read, or why they are assumed. */
  source: z.string(),
  /** Deleted by a cleanup now. */
  removedByCleanup: z.array(BackupName),
  /** Deleted when one more backup is made (the deployment cleans up after each). */
  removedByNextBackup: z.array(BackupName),
});
export type RetentionPreview = z.infer<typeof RetentionPreview>;

export const BackupList = z.strictObject({
  backups: z.array(Backup),
  statistics: BackupStatistics,
  retention: RetentionPreview,
  at: Timestamp,
});
export type BackupList = z.infer<typeof BackupList>;

/** A download as it goes; ends with `done` or `failed`. */
export const DownloadItem = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('progress'), bytes: Bytes, totalBytes: Bytes }),
  z.strictObject({ kind: z.literal('done'), path: z.string(), bytes: Bytes, sha256: Sha256, resumedFrom: Bytes }),
  z.strictObject({ kind: z.literal('failed'), problem: ProblemData }),
]);
export type DownloadItem = z.infer<typeof DownloadItem>;

/**
 * Reading side of backups. Creating one, restoring one and cleaning up are runs (see `runs`): runbooks `create-backup`,
 * `restore-backup`, `cleanup-backups`.
 */
export const backups = {
  list: oc.input(EnvironmentRef).output(BackupList),
  /** Checks one backup and remembers the result. A backup that is invalid is a result, not a problem. */
  verify: oc.input(EnvironmentRef.extend({ name: BackupName, method: z.enum(['server', 'local']) })).output(BackupVerification),
  /** Streams a backup to this laptop (default: the app's `backups` folder), resumed and hashed. */
  download: oc
    .input(EnvironmentRef.extend({ name: BackupName, directory: z.string().max(1024).optional() }))
    .output(eventIterator(DownloadItem)),
};
