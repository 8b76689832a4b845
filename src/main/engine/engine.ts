import type { ProblemData } from '../../contract/problem.ts';
import { Problem } from '../../contract/problem.ts';
import type { Rehearsal } from '../../contract/rehearsals.ts';
import type { HostLock, Plan, Preflight, Run, RunAllowed, Runbook, RunState, RunSummary, SurveyFinding } from '../../contract/runs.ts';
import { createAdmission } from './admission.ts';
import { checkTypedName } from './confirm.ts';
import { createDriver } from './driver.ts';
import { breakLock, readLockState } from './host-lock.ts';
import { newId } from './ids.ts';
import { makePlan, targetOf } from './plan.ts';
import { runPreflight } from './preflight.ts';
import { ownerLives, thisOwner } from './process-identity.ts';
import { measureRehearsal } from './rehearsal.ts';
import { createRunStore } from './run-store.ts';
import { freshStep, interrupted, runSummary, runView } from './run-view.ts';
import type { Drive, LiveStep } from './step-runner.ts';
import { createStepRunner } from './step-runner.ts';
import { surveyRunbook } from './survey.ts';
import type { Direction, EngineOptions, RunRecord } from './types.ts';
import { createWakers } from './wakers.ts';
import { toProblem } from './words.ts';

const POLL_MS = 1000;
const CLOSE_GRACE_MS = 5000;

/** Guided procedures: contract `runs.*`, and the host lock. */
export interface Engine {
  runbooks(environmentId: string): Runbook[];
  plan(input: { environmentId: string; runbook: string; inputs: Record<string, string> }): Plan;
  /** What the host offers for a runbook's inputs. Reads only. */
  survey(input: { environmentId: string; runbook: string; inputs: Record<string, string> }, signal: AbortSignal): Promise<SurveyFinding[]>;
  preflight(input: { planId: string }): Promise<Preflight>;
  confirm(input: { planId: string; planHash: string; typedName?: string | undefined }): { token: string; expiresAt: number };
  /** Resolves when the run has begun (the lock is held) and goes on by itself. */
  start(input: { planId: string; token: string }): Promise<Run>;
  list(input: { environmentId?: string | undefined; limit: number }): RunSummary[];
  get(input: { runId: string }): Run;
  /** Rehearsals that are over, newest first. */
  rehearsals(environmentId: string, limit: number): Rehearsal[];
  /** The run as it stands, then each change (also those of another process); ends when nothing runs any more. */
  watch(input: { runId: string }, signal: AbortSignal): AsyncGenerator<Run, void, void>;
  probe(input: { runId: string }): Promise<Run>;
  resume(input: { runId: string; typedName?: string | undefined }): Promise<Run>;
  revert(input: { runId: string; typedName?: string | undefined }): Promise<Run>;
  /** Stops before the next step and keeps the lock. @throws Problem `conflict` when there is no step left to stop before */
  pause(input: { runId: string }): Run;
  /** Stops before the next step, or ends a paused run; the lock is given back. @throws Problem `conflict` as {@link Engine.pause} */
  cancel(input: { runId: string }): Promise<Run>;
  /** Resolves when nothing drives the run any more; for the command line and tests. */
  settled(runId: string): Promise<Run>;
  /** Who holds the host's lock, and where it stands. */
  hostLock(input: { environmentId: string }): Promise<HostLock>;
  /** Removes the lock of a run that is over or lost, deliberately; the typed name is asked for on production. */
  breakLock(input: { environmentId: string; runId: string; typedName?: string | undefined }): Promise<HostLock>;
  /** Stops runs before their next step (they can be resumed) and ends every watch. */
  close(graceMs?: number): Promise<void>;
}

/** Makes the engine and settles what a crash left behind: runs whose process is gone become `interrupted`. */
export function createEngine(options: EngineOptions): Engine {
  const { journal, clock, environments, stacks } = options;
  const runs = createRunStore(options.store);
  const owner = thisOwner();
  const wakers = createWakers();
  const admission = createAdmission(options);
  const live = new Map<string, LiveStep>();
  const active = new Map<string, Promise<void>>();
  const closing = new AbortController();
  const changed = (runId: string) => wakers.wake(runId);
  const steps = createStepRunner(options, runs, changed);
  const driver = createDriver(options, runs, steps, changed, () => closing.signal.aborted);

  const driven = (run: RunRecord) => (run.owner.instance === owner.instance ? active.has(run.id) : ownerLives(run.owner));
  const running = (state: RunState) => state === 'running' || state === 'reverting';

  /** A run whose process is gone is written down as interrupted; when that can't be written it is at least shown so. */
  function settle(run: RunRecord): RunRecord {
    if (!running(run.state) || driven(run)) return run;
    try {
      return runs.transaction(() => {
        const now = runs.get(run.id);
        if (!running(now.state) || driven(now)) return now;
        const after = interrupted(now, runs.steps(run.id));
        journal.append({
          kind: 'run-interrupted',
          environmentId: run.environmentId,
          runId: run.id,
          summary: after.run.summary,
          data: { state: 'interrupted' },
        });
        for (const [position, step] of after.steps.entries()) runs.saveStep(run.id, position, step);
        return runs.patch(run.id, {
          state: 'interrupted',
          summary: after.run.summary,
          cancelRequested: false,
          pauseRequested: false,
          endedAt: clock(),
        });
      });
    } catch {
      return interrupted(run, []).run;
    }
  }

  /** `words`: with what the steps said, which a list has no use for. */
  function view(runId: string, words = true): Run {
    const stored = runs.get(runId);
    const run = settle(stored);
    const records = runs.steps(runId);
    const shown = run.state === 'interrupted' && running(stored.state) ? interrupted(run, records).steps : records;
    return runView(run, runs.plan(run.planId).plan, shown, live.get(runId), words ? runs.said(runId) : new Map());
  }

  function driveOf(run: RunRecord, fence?: string): Drive {
    const stored = runs.plan(run.planId);
    const environment = environments.get(run.environmentId);
    if (targetOf(environment) !== stored.recipe.target) {
      throw new Problem('plan-stale', `The environment ${environment.name} leads somewhere else than when this run was planned.`, {
        hint: 'Set its route and inputs as they were, then go on.',
      });
    }
    return {
      run,
      stored,
      environment,
      fence,
      live: (step) => void live.set(run.id, step),
    };
  }

  /** Holds the lock, then drives the run in the background; throws when it could not begin (nothing was done then). */
  async function begin(run: RunRecord, back: { state: RunState; direction: Direction } | undefined): Promise<Run> {
    const ready = Promise.withResolvers<ProblemData | undefined>();
    const work = (async () => {
      // Begun in the next turn, so that `active` knows it before anything looks.
      await Promise.resolve();
      const drive = driveOf(run);
      let locked: Drive;
      try {
        locked = { ...drive, fence: await driver.lock(drive) };
      } catch (error) {
        const problem = toProblem(error);
        if (back !== undefined) runs.patch(run.id, { direction: back.direction });
        await driver.refuse(drive, problem, back?.state ?? 'failed');
        ready.resolve(problem);
        return;
      }
      ready.resolve(undefined);
      await (run.direction === 'revert' ? driver.backward(locked) : driver.forward(locked));
    })();
    const supervised = work
      .catch((error: unknown) => {
        // Nothing could be written down: the run stays as it was stored, and is shown as interrupted.
        ready.resolve(toProblem(error));
      })
      .finally(() => {
        active.delete(run.id);
        live.delete(run.id);
        changed(run.id);
      });
    active.set(run.id, supervised);
    const refused = await ready.promise;
    if (refused !== undefined) {
      await supervised;
      throw Problem.from(refused);
    }
    return view(run.id);
  }

  const elsewhere = (environmentId: string, runId?: string) => {
    const other = runs.driven().find((run) => run.environmentId === environmentId && run.id !== runId && running(settle(run).state));
    if (other !== undefined)
      throw new Problem('run-busy', 'Another run of this environment is going on.', {
        hint: 'Wait until it has ended.',
        retryable: true,
        detail: { runId: other.id },
      });
  };

  /** Takes a run that stands still, as one transaction, so that two windows can't both take it. */
  function claim(
    runId: string,
    what: RunAllowed & ('resume' | 'revert'),
    typedName: string | undefined,
  ): { run: RunRecord; back: { state: RunState; direction: Direction } } {
    const shown = view(runId);
    if (active.has(runId) || running(shown.state)) throw new Problem('run-busy', 'This run is going on.', { retryable: true });
    if (!shown.allowed.includes(what))
      throw new Problem('run-not-resumable', `A run that is ${shown.state} can't be ${what === 'resume' ? 'resumed' : 'reverted'}.`);
    checkTypedName(shown.plan.requiresTypedName, shown.plan.environmentName, typedName);
    driveOf(runs.get(runId));
    elsewhere(shown.plan.environmentId, runId);
    return runs.transaction(() => {
      const now = runs.get(runId);
      if (now.state !== shown.state) throw new Problem('run-busy', 'This run was taken up by another window.', { retryable: true });
      const resume = what === 'resume';
      journal.append({
        kind: resume ? 'run-resumed' : 'revert-started',
        environmentId: now.environmentId,
        runId,
        summary: resume ? `Resumed: ${shown.plan.title}.` : `Going back: ${shown.plan.title}.`,
        data: { from: now.state, planHash: shown.plan.hash },
      });
      const run = runs.patch(runId, {
        state: resume ? 'running' : 'reverting',
        direction: resume ? 'forward' : 'revert',
        owner,
        cancelRequested: false,
        pauseRequested: false,
        endedAt: null,
        summary: resume ? 'Resumed.' : 'Going back.',
      });
      return { run, back: { state: now.state, direction: now.direction } };
    });
  }

  /** Writes the wish down; the process that drives the run sees it before its next step. */
  function wish(runId: string, what: 'pause' | 'cancel'): Run {
    const { allowed, safePoint, state } = view(runId);
    const words = what === 'pause' ? 'paused' : 'cancelled';
    if (!allowed.includes(what) || safePoint === null)
      throw new Problem('conflict', `This run can not be ${words} now.`, {
        hint: state === 'running' ? 'No step is left to stop before, or it was asked already.' : `It is ${state}.`,
      });
    const summary = `${what === 'pause' ? 'Pausing' : 'Cancelling'}: it stops before “${safePoint.title}”.`;
    runs.patch(runId, what === 'pause' ? { pauseRequested: true, summary } : { cancelRequested: true, summary });
    changed(runId);
    return view(runId);
  }

  const engine: Engine = {
    runbooks: (environmentId) => [...stacks.get(environments.get(environmentId).stack).runbooks],

    plan({ environmentId, runbook, inputs }) {
      const environment = environments.get(environmentId);
      const { definition, hash } = stacks.get(environment.stack);
      const stored = makePlan({
        environment,
        stack: definition,
        stackHash: hash,
        runbookId: runbook,
        inputs,
        actions: options.actions,
        now: clock(),
      });
      runs.savePlan(stored);
      return stored.plan;
    },

    async survey({ environmentId, runbook: id, inputs }, signal) {
      const environment = environments.get(environmentId);
      const { definition } = stacks.get(environment.stack);
      const runbook = definition.runbooks.find((one) => one.id === id);
      if (runbook === undefined) throw new Problem('not-found', `The stack ${definition.title} has no runbook ${id}.`);
      const ending = AbortSignal.any([signal, closing.signal]);
      const found = await surveyRunbook({
        environment,
        stack: definition,
        runbook,
        inputs,
        actions: options.actions,
        contextFor: (stepId) => steps.lookContext(environment, stepId, ending),
      });
      return options.redact?.(found) ?? found;
    },

    async preflight({ planId }) {
      const stored = runs.plan(planId);
      admission.checkFresh(stored);
      const environment = environments.get(stored.plan.environmentId);
      for (const run of runs.driven()) settle(run);
      const at = clock();
      const items = await runPreflight({
        stored,
        environment,
        actions: options.actions,
        runs,
        operator: options.operator,
        clock,
        contextFor: (stepId) => steps.lookContext(environment, stepId, closing.signal),
      });
      const ok = items.every(({ verdict }) => verdict === 'pass' || verdict === 'warn');
      const result: Preflight = { planId, planHash: stored.plan.hash, at, ok, items };
      admission.remember(result);
      return result;
    },

    confirm: ({ planId, planHash, typedName }) => admission.confirm(runs.plan(planId), planHash, typedName),

    async start({ planId, token }) {
      if (closing.signal.aborted) throw new Problem('cancelled', 'Quarterdeck is closing.');
      const stored = runs.plan(planId);
      const { plan } = stored;
      admission.admit(stored, token);
      elsewhere(plan.environmentId);
      const now = clock();
      const run: RunRecord = {
        id: newId('run', now),
        planId,
        environmentId: plan.environmentId,
        state: 'running',
        direction: 'forward',
        operator: options.operator,
        summary: 'Running.',
        owner,
        fence: null,
        cancelRequested: false,
        pauseRequested: false,
        startedAt: now,
        endedAt: null,
      };
      runs.transaction(() => {
        elsewhere(plan.environmentId);
        journal.append({
          kind: 'run-started',
          environmentId: plan.environmentId,
          runId: run.id,
          summary: `${plan.title} on ${plan.environmentName} (${plan.tier}).`,
          data: { planHash: plan.hash, runbook: plan.runbook, inputs: plan.inputs, effect: plan.effect, typedName: plan.requiresTypedName },
        });
        runs.insert(
          run,
          plan.steps.map(({ id }) => freshStep(id)),
        );
      });
      return begin(run, undefined);
    },

    list: ({ environmentId, limit }) => runs.list(environmentId, limit).map(({ id }) => runSummary(view(id, false))),
    get: ({ runId }) => view(runId),
    rehearsals: (environmentId, limit) =>
      runs
        .rehearsals(environmentId, limit)
        .map(({ id }) =>
          measureRehearsal(
            view(id),
            runs.steps(id).map(({ actMs }) => actMs),
          ),
        )
        .filter((row) => row !== undefined),

    async *watch({ runId }, signal) {
      const ending = AbortSignal.any([signal, closing.signal]);
      let last = '';
      while (!signal.aborted) {
        const run = view(runId);
        const text = JSON.stringify(run);
        if (text !== last) yield run;
        last = text;
        if ((!running(run.state) && !active.has(runId)) || ending.aborted) return;
        await wakers.wait(runId, POLL_MS, ending);
      }
    },

    async probe({ runId }) {
      const shown = view(runId);
      if (active.has(runId) || running(shown.state)) throw new Problem('run-busy', 'This run is going on.', { retryable: true });
      if (!shown.allowed.includes('probe')) throw new Problem('run-not-resumable', 'No step of this run is unknown.');
      const drive = driveOf(runs.get(runId));
      const work = (async () => {
        for (const [position, step] of shown.steps.entries()) if (step.state === 'unknown') await steps.probe(drive, position);
        const open = runs.steps(runId).some(({ view: step }) => step.state === 'unknown');
        if (!open)
          runs.patch(runId, {
            state: 'interrupted',
            summary:
              drive.run.direction === 'revert'
                ? 'It is known now how it stands: go on reverting.'
                : 'It is known now how it stands: resume or revert.',
          });
      })();
      active.set(
        runId,
        work.catch(() => undefined),
      );
      try {
        await work;
      } finally {
        active.delete(runId);
        changed(runId);
      }
      return view(runId);
    },

    async resume({ runId, typedName }) {
      const { run, back } = claim(runId, 'resume', typedName);
      return begin(run, back);
    },
    async revert({ runId, typedName }) {
      const { run, back } = claim(runId, 'revert', typedName);
      return begin(run, back);
    },

    pause: ({ runId }) => wish(runId, 'pause'),

    async cancel({ runId }) {
      const shown = view(runId);
      if (shown.state !== 'paused') return wish(runId, 'cancel');
      const drive = { ...driveOf(runs.get(runId)), fence: runs.get(runId).fence ?? undefined };
      // Taken first, so that two windows can't end and resume it at once.
      runs.transaction(() => {
        if (runs.get(runId).state !== 'paused')
          throw new Problem('run-busy', 'This run was taken up by another window.', { retryable: true });
        runs.patch(runId, { state: 'cancelled' });
      });
      await driver.finish(drive, 'cancelled', 'Cancelled while it was paused. What was done stays; resume or revert it.', 'run-cancelled');
      return view(runId);
    },

    async settled(runId) {
      await active.get(runId);
      return view(runId);
    },

    async hostLock({ environmentId }) {
      const { holder, place, shared } = await readLockState(await options.contextFor(environments.get(environmentId)).session());
      if (holder === undefined) return { holder: null, place, shared };
      const own = runs.find(holder.runId);
      const { runId, operator, at, account } = holder;
      return { holder: { runId, operator, at, account, state: own === undefined ? null : settle(own).state }, place, shared };
    },

    async breakLock({ environmentId, runId, typedName }) {
      const environment = environments.get(environmentId);
      checkTypedName(environment.tier === 'production', environment.name, typedName);
      const own = runs.find(runId);
      if (own !== undefined && running(settle(own).state))
        throw new Problem('run-busy', 'That run is going on.', { hint: 'Cancel it instead.' });
      journal.append({
        kind: 'host-lock-removed',
        environmentId,
        ...(own === undefined ? {} : { runId }),
        summary: `Removing the host's lock of run ${runId} on ${environment.name} by hand.`,
        data: { holder: runId },
      });
      await breakLock(await options.contextFor(environment).session(), runId);
      return engine.hostLock({ environmentId });
    },

    async close(graceMs = CLOSE_GRACE_MS) {
      closing.abort();
      wakers.wakeAll();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const grace = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, graceMs);
      });
      await Promise.race([Promise.all(active.values()), grace]);
      clearTimeout(timer);
      // What still runs goes on at the host without us: after this it is unknown, and what comes back later is not written.
      const left = [...active.keys()];
      active.clear();
      for (const runId of left) settle(runs.get(runId));
    },
  };

  for (const run of runs.driven()) settle(run);
  return engine;
}
