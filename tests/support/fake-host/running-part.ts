import { Problem } from '../../../src/contract/problem.ts';
import type { HostLock, Plan, Run, SurveyFinding } from '../../../src/contract/runs.ts';
import { environments as firstEnvironments } from './environments.ts';
import type { Gate } from './gate.ts';
import { pendingStep, planOf, runbooks, runOf, summaryOf } from './runs.ts';
import { createHub, pause } from './streams.ts';
import type { World } from './world.ts';

const surveyed: SurveyFinding[] = [
  {
    stepId: 'recover',
    input: 'at',
    title: 'Recoverable window',
    detail: 'Base backup of 2026-11-26 01:00:00 UTC and 812 archived WAL files without a gap. The last one was archived 40 s ago.',
    seen: true,
    min: '2026-11-26T01:04:11Z',
    max: '2026-11-27T03:00:05Z',
  },
  {
    stepId: 'deploy',
    input: 'version',
    title: 'Images on the host',
    detail: 'Three tags of shop/api are on the host; 1.8.2 runs.',
    seen: true,
    choices: [
      { value: 'shop/api:1.8.2', label: '1.8.2 · runs now' },
      { value: 'shop/api:1.8.1', label: '1.8.1 · 3 days ago' },
      { value: 'shop/api:1.8.0', label: '1.8.0 · 9 days ago' },
    ],
  },
  { stepId: 'check', input: null, title: 'Connections', detail: 'psql is not installed for this account.', seen: false },
];

/** Plans and runs; a run that is started goes through its steps by itself. */
export function createRunning(gate: Gate, world: World) {
  const runHub = createHub<Run>();
  const plans = new Map<string, Plan>();
  const runs = new Map<string, Run>();
  for (const [id, runbook, state, age] of [
    ['run-4', 'restore-backup', 'interrupted', 6],
    ['run-3', 'restore-backup', 'succeeded', 1500],
    ['run-2', 'restore-backup', 'failed', 1530],
    ['run-1', 'create-backup', 'succeeded', 2900],
  ] as const) {
    const eu = firstEnvironments[0];
    if (eu !== undefined)
      runs.set(
        id,
        runOf(id, planOf(eu, runbook, runbook === 'restore-backup' ? { backup: 'ff_backup_20261121_010000.db' } : {}), state, age),
      );
  }
  const busy = firstEnvironments.find(({ id }) => id === 'busy');
  for (const [id, state, age] of [
    ['run-running', 'running', 1],
    ['run-paused', 'paused', 30],
    ['run-talked', 'failed', 90],
  ] as const)
    if (busy !== undefined) runs.set(id, runOf(id, planOf(busy, 'restore-backup', { backup: 'ff_backup_20261121_010000.db' }), state, age));
  let lock: HostLock = {
    place: '/var/tmp/quarterdeck.lock',
    shared: true,
    holder: {
      runId: 'run-0h3xk2q-9f31',
      operator: 'zoe@a-tower-with-a-long-name',
      at: Date.now() - 40 * 60_000,
      account: 'deploy',
      state: null,
    },
  };
  const free: HostLock = { ...lock, holder: null };
  const runNamed = (id: string): Run => {
    const run = runs.get(id);
    if (run === undefined) throw new Problem('not-found', `There is no run ${id}.`);
    return run;
  };
  const putRun = (run: Run): Run => {
    runs.set(run.id, run);
    runHub.send(run);
    return run;
  };
  /** Goes through the steps, one every second. */
  const carryOut = async (id: string): Promise<void> => {
    for (const planned of runNamed(id).plan.steps) {
      const startedAt = Date.now();
      const set = (change: Partial<Run['steps'][number]>): void => {
        const run = runNamed(id);
        putRun({
          ...run,
          summary: `${planned.title}…`,
          steps: run.steps.map((step) => (step.id === planned.id ? { ...step, ...change } : step)),
        });
      };
      set({ state: 'running', startedAt });
      for (let part = 1; part <= 4; part += 1) {
        await pause(250, undefined);
        set({
          progress: { done: part * 12_000_000, total: 48_000_000, unit: 'bytes', rate: 48_000_000, remainingMs: (4 - part) * 250 },
        });
      }
      set({ state: 'done', durationMs: Date.now() - startedAt, progress: null, observed: 'As it should be.' });
    }
    putRun({ ...runNamed(id), state: 'succeeded', endedAt: Date.now(), allowed: ['revert'], summary: 'Done and verified.' });
  };
  return {
    runs: {
      runbooks: gate.runs.runbooks.handler(() => runbooks),
      plan: gate.runs.plan.handler(async ({ input }) => {
        await pause(300, undefined);
        const plan = planOf(world.environmentOf(input.environmentId), input.runbook, input.inputs);
        plans.set(plan.id, plan);
        return plan;
      }),
      survey: gate.runs.survey.handler(({ input }) => (input.runbook === 'restore-to-time' ? surveyed : [])),
      preflight: gate.runs.preflight.handler(async ({ input }) => {
        await pause(500, undefined);
        const plan = plans.get(input.planId);
        if (plan === undefined) throw new Problem('plan-stale', 'The plan is gone.');
        return {
          planId: plan.id,
          planHash: plan.hash,
          at: Date.now(),
          ok: true,
          items: [
            {
              id: 'disk',
              title: 'Space on the host',
              verdict: 'pass' as const,
              detail: '61.2 GB free in /srv/friendlyface/backups; 145 MB are needed.',
            },
            { id: 'local', title: 'Space on this laptop', verdict: 'pass' as const, detail: '212 GB free; 97 MB are needed.' },
            { id: 'lock', title: 'Nobody else is at work', verdict: 'pass' as const, detail: 'No lock on the host.' },
            {
              id: 'writes',
              title: 'Writes since the backup',
              verdict: 'warn' as const,
              detail: '216 events were written since this backup and will be replaced. They stay in the safety copy.',
            },
          ],
        };
      }),
      confirm: gate.runs.confirm.handler(({ input }) => {
        const plan = plans.get(input.planId);
        if (plan?.requiresTypedName === true && input.typedName !== plan.environmentName)
          throw new Problem('confirmation-wrong', 'The name typed is not the name of this environment.');
        return { token: 'once', expiresAt: Date.now() + 300_000 };
      }),
      start: gate.runs.start.handler(({ input }) => {
        const plan = plans.get(input.planId);
        if (plan === undefined) throw new Problem('plan-stale', 'The plan is gone.');
        const id = `run-${runs.size + 1}`;
        const run: Run = {
          id,
          plan,
          state: 'running',
          operator: 'maria@laptop',
          startedAt: Date.now(),
          endedAt: null,
          steps: plan.steps.map((step) => pendingStep(step.id)),
          allowed: ['pause', 'cancel'],
          safePoint: null,
          summary: 'Begun.',
        };
        putRun(run);
        carryOut(id).catch(() => undefined);
        return run;
      }),
      list: gate.runs.list.handler(({ input }) =>
        [...runs.values()]
          .filter((run) => input.environmentId === undefined || run.plan.environmentId === input.environmentId)
          .sort((a, b) => b.startedAt - a.startedAt)
          .map(summaryOf),
      ),
      get: gate.runs.get.handler(({ input }) => runNamed(input.runId)),
      watch: gate.runs.watch.handler(({ input, signal }) => runHub.stream([runNamed(input.runId)], signal, ({ id }) => id === input.runId)),
      probe: gate.runs.probe.handler(({ input }) =>
        putRun({ ...runNamed(input.runId), summary: 'Probed: the database was not replaced.' }),
      ),
      resume: gate.runs.resume.handler(({ input }) =>
        putRun({ ...runNamed(input.runId), state: 'succeeded', allowed: ['revert'], endedAt: Date.now() }),
      ),
      revert: gate.runs.revert.handler(({ input }) =>
        putRun({
          ...runNamed(input.runId),
          state: 'reverted',
          allowed: [],
          endedAt: Date.now(),
          summary: 'Reverted: the data before the restore is live again.',
        }),
      ),
      pause: gate.runs.pause.handler(({ input }) =>
        putRun({ ...runNamed(input.runId), state: 'paused', allowed: ['resume', 'revert', 'cancel'] }),
      ),
      hostLock: gate.runs.hostLock.handler(({ input }) => (input.environmentId === 'busy' ? lock : free)),
      breakLock: gate.runs.breakLock.handler(() => (lock = free)),
      cancel: gate.runs.cancel.handler(({ input }) =>
        putRun({ ...runNamed(input.runId), state: 'cancelled', allowed: ['resume', 'revert'], endedAt: Date.now() }),
      ),
    },
  };
}
