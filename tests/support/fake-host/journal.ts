import type { JournalEntry, JournalKind } from '../../../src/contract/journal.ts';

const kinds: readonly [JournalKind, string][] = [
  ['probe-flipped', 'Chain integrity went from healthy to unhealthy: the event chain is broken.'],
  ['alert-flipped', 'Data integrity violation is firing.'],
  ['run-started', 'Restore a backup was started.'],
  ['step-intended', 'About to restore ff_backup_20261121_010000.db.'],
  ['step-ended', 'Restore it: done; 17,988 events.'],
  ['run-ended', 'Restore a backup succeeded.'],
  ['backup-verified', 'ff_backup_20261121_010000.db is valid (server).'],
  ['host-key-refused', 'The key of ff-us-east-forensics-primary.internal.example.net has changed; refused.'],
  ['note-added', 'Called the on-call of the face team; they see it too.'],
];

const hex = (seed: number): string => (seed + 1).toString(16).padStart(8, '0').repeat(8);

/** The entry with this number, always the same one. */
export function entryOf(seq: number, total: number): JournalEntry {
  const [kind, summary] = kinds[seq % kinds.length] ?? ['app-started', 'Quarterdeck was started.'];
  const run = kind.startsWith('run') || kind.startsWith('step');
  return {
    seq,
    at: Date.now() - (total - seq) * 47_000,
    kind,
    environmentId: seq % 11 === 0 ? 'demo' : kind === 'host-key-refused' ? 'changed' : 'eu',
    runId: run ? 'run-3' : null,
    stepId: kind.startsWith('step') ? 'restore' : null,
    operator: 'maria@laptop',
    summary,
    data: { attempt: seq, request: { method: 'POST', path: '/admin/backup/restore', status: 200 } },
    previousHash: hex(seq - 1),
    hash: hex(seq),
  };
}
