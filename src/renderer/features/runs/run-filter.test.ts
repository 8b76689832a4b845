import { expect, it } from 'vitest';
import type { RunSummary } from '../../../contract/runs.ts';
import { filterRuns } from './run-filter.ts';

const run = (id: string, state: RunSummary['state'], operator = 'ann@laptop'): RunSummary => ({
  id,
  state,
  operator,
  startedAt: 1,
  endedAt: null,
  summary: `It is ${state}.`,
  allowed: [],
  environmentId: 'e',
  environmentName: 'E',
  tier: 'production',
  runbook: 'restore',
  title: 'Restore a backup',
  effect: 'destructive',
});

it('narrows runs by how they stand, and by words', () => {
  const runs = [
    run('run-1', 'running'),
    run('run-2', 'paused', 'ben@tower'),
    run('run-3', 'unknown'),
    run('run-4', 'succeeded'),
    run('run-5', 'cancelled'),
  ];
  const ids = (...args: [Parameters<typeof filterRuns>[1], string]) => filterRuns(runs, ...args).map(({ id }) => id);
  expect(ids('all', '')).toHaveLength(5);
  expect(ids('decide', '')).toEqual(['run-2', 'run-3']);
  expect(ids('all', 'BEN restore')).toEqual(['run-2']);
  expect(ids('going', 'ben')).toEqual([]);
});
