import type { RunState, RunSummary } from '../../../contract/runs.ts';

/** What the list can be narrowed to, in the order it is offered. */
export const filterWords = {
  all: 'All runs',
  going: 'Going on',
  decide: 'Waiting for a decision',
  good: 'Succeeded',
  bad: 'Failed',
  back: 'Reverted or cancelled',
} as const;
export type RunFilter = keyof typeof filterWords;

const groupOf: Readonly<Record<RunState, Exclude<RunFilter, 'all'>>> = {
  running: 'going',
  reverting: 'going',
  paused: 'decide',
  unknown: 'decide',
  interrupted: 'decide',
  succeeded: 'good',
  failed: 'bad',
  'revert-failed': 'bad',
  reverted: 'back',
  cancelled: 'back',
};

/** Runs of one group that have every word in title, summary, operator or id. */
export function filterRuns(runs: readonly RunSummary[], filter: RunFilter, text: string): RunSummary[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return runs.filter((run) => {
    if (filter !== 'all' && groupOf[run.state] !== filter) return false;
    const all = `${run.title} ${run.summary} ${run.operator} ${run.id}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
}
