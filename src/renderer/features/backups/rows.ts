import type { Backup, BackupList } from '../../../contract/backups.ts';

/** What retention does with a backup next. */
export type Fate = 'cleanup' | 'next-backup' | undefined;

export interface BackupRow {
  readonly backup: Backup;
  readonly fate: Fate;
}

/** Rows of the table: newest first, narrowed by a text over name, label and maker. */
export function backupRows({ backups, retention }: BackupList, text: string): BackupRow[] {
  const cleanup = new Set(retention.removedByCleanup);
  const next = new Set(retention.removedByNextBackup);
  const sought = text.trim().toLowerCase();
  return backups
    .filter(
      ({ name, label, createdBy }) =>
        sought === '' || [name, label ?? '', createdBy ?? ''].some((part) => part.toLowerCase().includes(sought)),
    )
    .map(
      (backup): BackupRow => ({
        backup,
        fate: backup.protected ? undefined : cleanup.has(backup.name) ? 'cleanup' : next.has(backup.name) ? 'next-backup' : undefined,
      }),
    )
    .sort((a, b) => b.backup.modifiedAt - a.backup.modifiedAt);
}

/** What the deployment's retention does, in one or two sentences. */
export function retentionWords({ maxCount, maxDays, removedByCleanup, removedByNextBackup }: BackupList['retention']): string {
  const limits = [maxCount === null ? '' : `the newest ${maxCount}`, maxDays === null ? '' : `none older than ${maxDays} days`].filter(
    Boolean,
  );
  if (limits.length === 0) return 'Every backup is kept.';
  const kept = `The deployment keeps ${limits.join(', and ')}.`;
  const count = (names: readonly string[]): string => (names.length === 0 ? 'nothing' : String(names.length));
  const next =
    removedByCleanup.length === 0 && removedByNextBackup.length === 0
      ? 'nor does the next backup'
      : `the next backup ${count(removedByNextBackup)}`;
  return `${kept} A cleanup now deletes ${count(removedByCleanup)}, ${next}.`;
}
