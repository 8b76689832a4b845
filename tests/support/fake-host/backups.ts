import type { Backup, BackupList } from '../../../src/contract/backups.ts';

const HOUR = 3_600_000;
const hex = (seed: number): string => Array.from({ length: 64 }, (_, place) => ((seed * 31 + place * 17) % 16).toString(16)).join('');
const stamp = (at: number): string => new Date(at).toISOString().replace(/[-:]/g, '').slice(0, 15).replace('T', '_');

/** `count` backups, one an hour; some labelled, some verified, one bad, one protected. */
export function backupsOf(count: number): BackupList {
  const now = Date.now();
  const backups = Array.from({ length: count }, (_, place): Backup => {
    const modifiedAt = now - place * 6 * HOUR - 25 * 60_000;
    const verified = place % 3 === 0;
    return {
      name:
        place === 5
          ? `ff_backup_${'a-very-long-name-that-somebody-typed-into-a-script-'.repeat(3)}${stamp(modifiedAt)}.db`
          : `ff_backup_${stamp(modifiedAt)}.db`,
      sizeBytes: 48_234_496 + ((place * 7919) % 997) * 4096,
      modifiedAt,
      label:
        place === 0
          ? 'pre-deploy 2026.11'
          : place === 4
            ? 'before-restore'
            : place === 9
              ? 'A label that is rather longer than the column it has to stand in, as labels are'
              : null,
      createdBy: place % 4 === 0 ? 'maria@laptop' : null,
      sha256: verified ? hex(place) : null,
      verifications: verified
        ? [
            {
              method: place % 2 === 0 ? 'server' : 'local',
              at: modifiedAt + HOUR,
              by: 'maria@laptop',
              valid: place !== 6,
              detail:
                place === 6
                  ? 'integrity_check: *** in database main *** Page 1204 is never used'
                  : 'integrity_check: ok; 18,204 events; SHA-256 as recorded',
              sha256: hex(place),
            },
          ]
        : [],
      protected: place === 4,
      localPath: place === 4 ? '/home/maria/.local/share/quarterdeck/backups/eu/before-restore.db' : null,
    };
  });
  const names = backups.map(({ name }) => name);
  return {
    backups,
    statistics: {
      count,
      totalBytes: backups.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      oldestAt: backups.at(-1)?.modifiedAt ?? null,
      newestAt: backups[0]?.modifiedAt ?? null,
    },
    retention: {
      maxCount: 10,
      maxDays: null,
      source: 'FF_BACKUP_MAX_COUNT in /srv/friendlyface/.env',
      removedByCleanup: names.slice(10, 12),
      removedByNextBackup: names.slice(9, 12),
    },
    at: now,
  };
}
