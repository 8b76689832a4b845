import { formatDuration } from '../../contract/duration.ts';
import type { Rehearsal, RehearsalPlan } from '../../contract/rehearsals.ts';
import type { Run, RunStep } from '../../contract/runs.ts';

/** Unix milliseconds of a fact that tells a time; undefined when it tells none. */
function timeOf(fact: string | undefined): number | undefined {
  if (fact === undefined) return undefined;
  if (/^\d{12,14}$/.test(fact)) return Number(fact);
  // Without a zone it would be read in this laptop's, which nobody meant.
  const at = /^\d{4}-\d{2}-\d{2}[T ].*(?:Z|[+-]\d{2}(?::?\d{2})?)$/i.test(fact) ? Date.parse(fact.replace(' ', 'T')) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** The time the steps took, up to and including `until`; undefined when that step was not seen to be done. */
function recoveryTime(plan: RehearsalPlan, steps: readonly RunStep[], took: readonly (number | null)[]): number | undefined {
  const last = steps.findIndex(({ id }) => id === plan.until);
  const counted = steps.slice(0, last + 1);
  // Undone afterwards is done too: a rehearsal that was reverted to clean up was a rehearsal.
  const done = ({ state }: RunStep) => state === 'done' || state === 'reverted' || state === 'reverting' || state === 'revert-failed';
  if (last < 0 || !counted.every(done)) return undefined;
  return Math.round(counted.reduce((sum, _step, at) => sum + (took[at] ?? 0), 0));
}

const against = (is: number, target: number): string => `target ${formatDuration(target)}${is > target ? ', missed' : ''}`;

function words(rto: number, rpo: number | undefined, plan: RehearsalPlan): string {
  const restored = `Restored in ${formatDuration(rto)} (${against(rto, plan.rtoTargetMs)})`;
  if (rpo === undefined) return `${restored}; how old the data was is not known.`;
  return `${restored}, from data ${formatDuration(rpo)} old (${against(rpo, plan.rpoTargetMs)}).`;
}

/**
 * The ledger's row of a run that is over; undefined for a run that is no rehearsal, or still goes on. `took` are the milliseconds that doing
 * each step took, kept when it was undone since. Pure.
 */
export function measureRehearsal(run: Run, took: readonly (number | null)[]): Rehearsal | undefined {
  const { plan } = run;
  const { rehearsal } = plan;
  if (rehearsal === undefined || run.endedAt === null) return undefined;
  const rto = recoveryTime(rehearsal, run.steps, took);
  const { dataTime } = rehearsal;
  const at = dataTime === null ? undefined : timeOf(run.steps.find(({ id }) => id === dataTime.step)?.output[dataTime.fact]);
  // The two clocks are not one: what seems to come from the future is as new as can be.
  const rpo = at === undefined ? undefined : Math.max(0, run.startedAt - at);
  const unseen = rto === undefined && (run.state === 'unknown' || run.state === 'interrupted');
  const within = rto !== undefined && rto <= rehearsal.rtoTargetMs && rpo !== undefined && rpo <= rehearsal.rpoTargetMs;
  return {
    runId: run.id,
    runbook: plan.runbook,
    title: plan.title,
    of: rehearsal.of,
    startedAt: run.startedAt,
    operator: run.operator,
    verdict: unseen ? 'unknown' : rto === undefined ? 'failed' : within ? 'met' : 'missed',
    rtoMs: rto ?? null,
    rtoTargetMs: rehearsal.rtoTargetMs,
    rpoMs: rpo ?? null,
    rpoTargetMs: rehearsal.rpoTargetMs,
    inputs: plan.inputs,
    detail: rto === undefined ? run.summary : words(rto, rpo, rehearsal),
  };
}
