import { describe, expect, it } from 'vitest';
import type { Backup, BackupList } from '../../../contract/backups.ts';
import { backupRows, retentionWords } from './rows.ts';

const backup = (name: string, modifiedAt: number, more: Partial<Backup> = {}): Backup => ({
  name,
  sizeBytes: 1,
  modifiedAt,
  label: null,
  createdBy: null,
  sha256: null,
  verifications: [],
  protected: false,
  localPath: null,
  ...more,
});
const list = (retention: Partial<BackupList['retention']>): BackupList => ({
  backups: [backup('old.db', 1), backup('new.db', 3, { label: 'Pre-Deploy' }), backup('kept.db', 2, { protected: true })],
  statistics: { count: 3, totalBytes: 3, oldestAt: 1, newestAt: 3 },
  retention: { maxCount: 2, maxDays: null, source: '', removedByCleanup: [], removedByNextBackup: [], ...retention },
  at: 0,
});

describe('rows', () => {
  it('stand newest first and know their fate; a protected copy has none', () => {
    const rows = backupRows(list({ removedByCleanup: ['old.db', 'kept.db'], removedByNextBackup: ['old.db', 'new.db'] }), '');
    expect(rows.map(({ backup: { name }, fate }) => [name, fate])).toEqual([
      ['new.db', 'next-backup'],
      ['kept.db', undefined],
      ['old.db', 'cleanup'],
    ]);
  });

  it('are found by label or name, without regard to case', () => {
    expect(backupRows(list({}), ' pre-dep ').map((row) => row.backup.name)).toEqual(['new.db']);
    expect(backupRows(list({}), 'OLD').map((row) => row.backup.name)).toEqual(['old.db']);
  });
});

describe('retention in words', () => {
  it.each<[Partial<BackupList['retention']>, string]>([
    [{ maxCount: null }, 'Every backup is kept.'],
    [{}, 'The deployment keeps the newest 2. A cleanup now deletes nothing, nor does the next backup.'],
    [
      { removedByCleanup: ['a'], removedByNextBackup: ['a', 'b'] },
      'The deployment keeps the newest 2. A cleanup now deletes 1, the next backup 2.',
    ],
    [
      { maxDays: 30, removedByNextBackup: ['a'] },
      'The deployment keeps the newest 2, and none older than 30 days. A cleanup now deletes nothing, the next backup 1.',
    ],
  ])('%j', (retention, words) => expect(retentionWords(list(retention).retention)).toBe(words));
});
