import type { Rehearsal, RehearsalList } from '../../../src/contract/rehearsals.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const verdicts = ['met', 'missed', 'failed', 'met', 'unknown'] as const;

/** A ledger with every verdict, long names, and many rows; `empty` has none. */
export function rehearsalsOf(environmentId: string): RehearsalList {
  const at = Date.now();
  if (environmentId === 'empty') return { at, states: [], ledger: [] };
  const row = (index: number): Rehearsal => {
    const verdict = verdicts[index % verdicts.length] ?? 'met';
    const worked = verdict === 'met' || verdict === 'missed';
    return {
      runId: `run-${index + 1}`,
      runbook: index % 2 === 0 ? 'rehearse-restore' : 'rehearse-time',
      title:
        index % 2 === 0
          ? 'Rehearse a restore'
          : 'Rehearse a restore to a point in time, with a name that is a good deal longer than its column',
      of: 'restore-backup',
      startedAt: at - (index + 1) * 9 * DAY,
      operator: 'maria@laptop',
      verdict,
      rtoMs: worked ? (verdict === 'missed' ? 34 : 6) * MINUTE + 12_000 : null,
      rtoTargetMs: 15 * MINUTE,
      rpoMs: worked ? 7 * 60 * MINUTE : null,
      rpoTargetMs: 26 * 60 * MINUTE,
      inputs: { backup: 'ff_backup_20261121_010000.db' },
      detail: worked
        ? 'Restored in 6 min 12 s (target 15 min), from data 7 h old (target 26 h).'
        : 'Failed: “Restore it” — the archive is cut off.',
    };
  };
  const ledger = Array.from({ length: 200 }, (_, index) => row(index));
  const state = (runbook: string, title: string, more: Partial<RehearsalList['states'][number]>): RehearsalList['states'][number] => ({
    runbook,
    title,
    of: 'restore-backup',
    everyMs: 90 * DAY,
    state: 'fresh',
    lastGoodAt: at - 9 * DAY,
    dueAt: at + 81 * DAY,
    last: ledger[0] ?? null,
    ...more,
  });
  return {
    at,
    ledger,
    states: [
      state('rehearse-restore', 'Rehearse a restore', {}),
      state('rehearse-time', 'Rehearse a restore to a point in time', {
        state: 'stale',
        lastGoodAt: at - 120 * DAY,
        dueAt: at - 30 * DAY,
        last: ledger[3] ?? null,
      }),
      state('rehearse-files', 'Rehearse the files', { state: 'never', lastGoodAt: null, dueAt: null, last: null }),
    ],
  };
}
