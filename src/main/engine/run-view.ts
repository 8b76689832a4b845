import type { Plan, Run, RunAllowed, RunStep, RunSummary, Said } from '../../contract/runs.ts';
import type { LiveStep } from './step-runner.ts';
import type { RunRecord, StepRecord } from './types.ts';

/** What can be done with a run now. After it has begun to go back, it only goes back. */
export function allowedActions(run: RunRecord, plan: Plan, steps: readonly RunStep[]): RunAllowed[] {
  const begun = plan.steps
    .map((step, index) => ({ undo: step.undo.kind, state: steps[index]?.state ?? 'pending' }))
    .filter(({ state }) => state !== 'pending' && state !== 'skipped' && state !== 'reverted');
  const last = begun.findLastIndex(({ undo, state }) => undo === 'irreversible' && state === 'done');
  const undoable = begun.slice(last + 1).some(({ undo }) => undo === 'undo');
  const revert: RunAllowed[] = undoable ? ['revert'] : [];
  const safe = safePoint(run, plan, steps) !== null;
  const open = steps.some((step) => step.state === 'unknown');
  switch (run.state) {
    case 'running':
      return run.cancelRequested || !safe ? [] : run.pauseRequested ? ['cancel'] : ['pause', 'cancel'];
    case 'paused':
      return ['resume', ...revert, 'cancel'];
    case 'reverting':
    case 'reverted':
      return [];
    case 'unknown':
    case 'interrupted':
      return run.direction === 'revert'
        ? [...(open ? (['probe'] as const) : []), 'revert']
        : [...(open ? (['probe'] as const) : []), 'resume', ...revert];
    case 'failed':
    case 'cancelled':
      return ['resume', ...revert];
    case 'succeeded':
    case 'revert-failed':
      return revert;
  }
}

/** The next step of a run that goes forward: before it a pause or a cancel takes effect. Null when none is left. */
export function safePoint(run: RunRecord, plan: Plan, steps: readonly RunStep[]): Run['safePoint'] {
  if (run.state !== 'running') return null;
  const next = plan.steps.findIndex((_step, at) => steps[at]?.state === 'pending' || steps[at]?.state === 'failed');
  const running = steps.findLastIndex(({ state }) => state === 'running' || state === 'unknown');
  const step = plan.steps[next];
  return step === undefined || next < running ? null : { stepId: step.id, title: step.title };
}

/** A run as the contract has it. `live` is what its running step tells, `said` what its steps said, by step. */
export function runView(
  run: RunRecord,
  plan: Plan,
  records: readonly StepRecord[],
  live?: LiveStep,
  said: ReadonlyMap<string, Said> = new Map(),
): Run {
  const steps = records.map(({ view }): RunStep => {
    const now = live?.stepId === view.id && (view.state === 'running' || view.state === 'reverting') ? live : undefined;
    return { ...view, progress: now?.meter.progress() ?? null, said: now === undefined ? (said.get(view.id) ?? null) : now.output.soFar() };
  });
  const { id, state, operator, startedAt, endedAt, summary } = run;
  return {
    id,
    plan,
    state,
    operator,
    startedAt,
    endedAt,
    steps,
    allowed: allowedActions(run, plan, steps),
    safePoint: safePoint(run, plan, steps),
    summary,
  };
}

/** A run as a list shows it. */
export function runSummary({ plan, ...run }: Run): RunSummary {
  return {
    id: run.id,
    state: run.state,
    operator: run.operator,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
    summary: run.summary,
    allowed: run.allowed,
    environmentId: plan.environmentId,
    environmentName: plan.environmentName,
    tier: plan.tier,
    runbook: plan.runbook,
    title: plan.title,
    effect: plan.effect,
  };
}

/** A step nothing was done of yet. */
export function freshStep(id: string): StepRecord {
  return {
    view: {
      id,
      state: 'pending',
      startedAt: null,
      durationMs: null,
      observed: null,
      output: {},
      problem: null,
      progress: null,
      said: null,
    },
    attempt: 1,
    actMs: null,
    undoAttempt: 1,
    undoing: false,
    recorded: {},
    undoRecorded: {},
  };
}

/** The run and its steps as they are after their process is gone: what it was doing is unknown. */
export function interrupted(run: RunRecord, steps: readonly StepRecord[]): { run: RunRecord; steps: StepRecord[] } {
  const next = steps.map((step) => {
    if (step.view.state !== 'running' && step.view.state !== 'reverting') return step;
    const view: RunStep = {
      ...step.view,
      state: 'unknown',
      progress: null,
      observed: 'Quarterdeck ended while this step ran; how it ended was not seen.',
    };
    return { ...step, view };
  });
  const open = next.find((step) => step.view.state === 'unknown');
  const summary =
    open === undefined
      ? 'Quarterdeck ended between two steps. Nothing is running; resume or revert.'
      : `Quarterdeck ended while the step ${open.view.id} ran. Probe it, then resume or revert.`;
  return { run: { ...run, state: 'interrupted', summary, cancelRequested: false, pauseRequested: false }, steps: next };
}
