import type { Plan, PlanStep, Run, Runbook, RunState, RunStep, RunSummary } from '../../../src/contract/runs.ts';

const MINUTE = 60_000;
const hash = '8f14e45fceea167a5a36dedd4bea2543c1d1b7a1c8f7a3b2e6d5c4b3a2918070';

export const runbooks: Runbook[] = [
  {
    id: 'create-backup',
    title: 'Create a backup',
    description: 'Makes one backup, verifies it on the host, and brings a verified copy to this laptop.',
    effect: 'write',
    inputs: [{ name: 'label', title: 'Label', type: 'text', required: false, help: 'For people, such as pre-deploy.' }],
  },
  {
    id: 'restore-backup',
    title: 'Restore a backup',
    description:
      'Replaces the live database by a backup, restarts the service so that its memory fits, and proves the result. Can be taken back.',
    effect: 'destructive',
    inputs: [{ name: 'backup', title: 'Backup', type: 'backup', required: true }],
  },
  {
    id: 'cleanup-backups',
    title: 'Clean up old backups',
    description: "Runs the deployment's retention now.",
    effect: 'destructive',
    inputs: [],
  },
  {
    id: 'restore-to-time',
    title: 'Restore to a point in time',
    description: 'Recovers into a second data directory up to the time you choose, shows it, and puts it live when you say so.',
    effect: 'destructive',
    inputs: [
      { name: 'at', title: 'Time', type: 'timestamp', required: true, help: 'The last moment that is kept.' },
      { name: 'version', title: 'Version to deploy with it', type: 'text', required: false },
    ],
  },
  {
    id: 'restart-service',
    title: 'Restart the service',
    description: 'Stops it by SIGTERM, sees it stopped, starts it, and waits until one process is steadily healthy.',
    effect: 'write',
    inputs: [],
  },
];

const ssh = (text: string): PlanStep['commands'] => [{ kind: 'ssh', text }];
const http = (text: string): PlanStep['commands'] => [{ kind: 'http', text }];

const restoreSteps: PlanStep[] = [
  {
    id: 'secure',
    title: 'Secure the chosen backup',
    action: 'friendlyface.secure-copy@1',
    effect: 'read',
    why: "The safety copy made next runs the deployment's retention, which may delete the very backup that is to be restored.",
    commands: [{ kind: 'sftp', text: 'read /srv/friendlyface/backups/ff_backup_20261121_010000.db' }],
    undo: { kind: 'kept', reason: 'The verified copy stays on this laptop: it is the way back that no retention can reach.' },
  },
  {
    id: 'safety',
    title: 'Make a safety copy of the live data',
    action: 'friendlyface.create-backup@1',
    effect: 'write',
    commands: http('POST http://127.0.0.1:3849/admin/backup?label=before-restore\nX-API-Key: ‹api-key›'),
    undo: { kind: 'kept', reason: 'The copy stays: it is the way back; retention removes it in its time.' },
  },
  {
    id: 'restore',
    title: 'Restore it',
    action: 'friendlyface.restore@1',
    effect: 'destructive',
    why: 'Refuses when data was written since the safety copy.',
    commands: http('POST http://127.0.0.1:3849/admin/backup/restore?filename=ff_backup_20261121_010000.db\nX-API-Key: ‹api-key›'),
    undo: {
      kind: 'undo',
      title: 'Restore the safety copy',
      commands: http('POST http://127.0.0.1:3849/admin/backup/restore?filename=‹safety copy›\nX-API-Key: ‹api-key›'),
    },
  },
  {
    id: 'restart',
    title: 'Restart the service',
    action: 'friendlyface.restart@1',
    effect: 'write',
    why: 'The Merkle tree in memory is still that of the old data.',
    commands: ssh("'/srv/friendlyface/ffctl' 'stop'\n'/srv/friendlyface/ffctl' 'start'"),
    undo: { kind: 'kept', reason: 'The service runs afterwards as before; there is no older process to go back to.' },
  },
  {
    id: 'verify',
    title: 'Verify what is live now',
    action: 'friendlyface.verify-restore@1',
    effect: 'read',
    commands: http('GET http://127.0.0.1:3849/chain/integrity'),
    undo: { kind: 'nothing-to-undo' },
  },
];

/** A plan of one runbook on one environment. */
export function planOf(
  environment: { id: string; name: string; tier: Plan['tier'] },
  runbookId: string,
  inputs: Record<string, string>,
): Plan {
  const runbook = runbooks.find(({ id }) => id === runbookId) ?? runbooks[0];
  if (runbook === undefined) throw new Error('no runbooks');
  const restore = runbook.id.startsWith('restore-');
  return {
    id: `plan-${runbook.id}-${Object.keys(inputs).length}`,
    hash,
    environmentId: environment.id,
    environmentName: environment.name,
    tier: environment.tier,
    runbook: runbook.id,
    title: runbook.title,
    effect: runbook.effect,
    inputs,
    blastRadius: restore
      ? [
          'All events written since that backup are replaced. Revert brings them back from the safety copy.',
          'The service restarts and does not answer for some seconds.',
        ]
      : ["Adds one file to the backup folder. The deployment's retention runs afterwards and may delete its oldest backups."],
    steps: restore ? restoreSteps : restoreSteps.slice(1, 2),
    pointOfNoReturn: null,
    requiresTypedName: environment.tier === 'production' && runbook.effect !== 'read',
    createdAt: Date.now(),
  };
}

export const pendingStep = (id: string): RunStep => ({
  id,
  state: 'pending',
  startedAt: null,
  durationMs: null,
  observed: null,
  output: {},
  problem: null,
  progress: null,
  said: null,
});

/** What a talkative step says, ten thousand lines of it; the host keeps the end. */
function talk(going: boolean): RunStep['said'] {
  const lines = Array.from({ length: 10_000 }, (_, n) => `restoring page ${n} of 10000 <b>not bold</b> ok\n`);
  const all = lines.join('');
  const text = all.slice(-65_000).replace(/^.*\n/, '');
  return { text, bytes: all.length, dropped: all.length - text.length, sha256: going ? null : hash };
}

/** A run as it stands in `state`, with its steps to match. */
export function runOf(id: string, plan: Plan, state: RunState, ageMinutes: number): Run {
  const startedAt = Date.now() - ageMinutes * MINUTE;
  const broken = plan.steps.length > 2 ? 2 : 0;
  const steps = plan.steps.map((step, place): RunStep => {
    const done: RunStep = {
      ...pendingStep(step.id),
      state: 'done',
      startedAt: startedAt + place * 4000,
      durationMs: 3200 + place * 411,
      observed: 'As it should be: 201, 48.2 MB, integrity ok.',
      output: place === 1 ? { filename: 'ff_backup_20261121_031502.db', sha256: hash } : {},
    };
    if (state === 'succeeded' || place < broken) return done;
    if (place > broken || state === 'paused') return pendingStep(step.id);
    const begun = { ...done, durationMs: null, observed: null, output: {}, said: state === 'running' ? talk(true) : null };
    if (state === 'failed')
      return {
        ...begun,
        durationMs: 1800,
        said: talk(false),
        state: 'failed',
        problem: {
          code: 'step-failed',
          message: 'The service answered 200 and restored:false: backup file is malformed.',
          hint: 'Nothing was replaced. Verify the backup, or choose another.',
          retryable: false,
        },
      };
    return {
      ...begun,
      state: state === 'running' ? 'running' : 'unknown',
      progress: state === 'running' ? { done: 31_457_280, total: 48_234_496, unit: 'bytes', rate: 8_388_608, remainingMs: 2000 } : null,
    };
  });
  const unsure = state === 'interrupted' || state === 'unknown';
  return {
    id,
    plan,
    state,
    operator: 'maria@laptop',
    startedAt,
    endedAt: state === 'running' || state === 'paused' || unsure ? null : startedAt + 21_400,
    steps,
    allowed: unsure
      ? ['probe', 'resume', 'revert']
      : state === 'running'
        ? ['pause', 'cancel']
        : state === 'paused'
          ? ['resume', 'revert', 'cancel']
          : state === 'failed'
            ? ['resume', 'revert']
            : plan.effect === 'destructive'
              ? ['revert']
              : [],
    safePoint: state === 'running' ? { stepId: 'restart', title: 'Restart the service' } : null,
    summary: unsure
      ? 'Quarterdeck ended during “Restore it”; whether the database was replaced is not known.'
      : state === 'succeeded'
        ? 'Restored and verified: 17,988 events, chain whole, the service is healthy.'
        : state === 'failed'
          ? '“Restore it” failed; the live data was not changed.'
          : state === 'paused'
            ? 'Paused before “Restore it”. Nothing runs; the host stays locked for this run: resume, revert or cancel it.'
            : 'Restoring: step 3 of 5.',
  };
}

export function summaryOf(run: Run): RunSummary {
  const { plan, steps: _steps, safePoint: _safePoint, ...rest } = run;
  return {
    ...rest,
    environmentId: plan.environmentId,
    environmentName: plan.environmentName,
    tier: plan.tier,
    runbook: plan.runbook,
    title: plan.title,
    effect: plan.effect,
  };
}
