import type { z } from 'zod';
import type { Environment } from '../../contract/environments.ts';
import type { ProblemData } from '../../contract/problem.ts';
import { Problem } from '../../contract/problem.ts';
import type { PlanStep, RunStep } from '../../contract/runs.ts';
import { resolveReferences } from '../stacks/references.ts';
import type { Action, ActionContext, ActionOutcome, Facts, ProbeOutcome } from './action.ts';
import { checkLock } from './host-lock.ts';
import type { Output } from './output.ts';
import { createOutput } from './output.ts';
import { createMeter } from './rate.ts';
import type { RunStore } from './run-store.ts';
import type { EngineOptions, FaultPoint, RunRecord, StepRecord, StoredPlan } from './types.ts';
import { toProblem } from './words.ts';

/** Progress and what is said are told at most this often, and what is said is stored this often, in milliseconds. */
const TELL_MS = 200;
const STORE_MS = 2000;

/** What is known of the step that runs, in memory only. */
export interface LiveStep {
  readonly stepId: string;
  readonly meter: ReturnType<typeof createMeter>;
  readonly output: Output;
}

/** One run being driven: everything its steps need. */
export interface Drive {
  readonly run: RunRecord;
  readonly stored: StoredPlan;
  readonly environment: Environment;
  /** Token of the host's lock; absent in reading runs. */
  readonly fence: string | undefined;
  /** Told when a step begins. */
  readonly live: (step: LiveStep) => void;
}

/** What a step came to, as recorded. */
export type StepEnd = 'done' | 'failed' | 'waits' | 'unknown';

const keyOf = (drive: Drive, step: StepRecord, undo: boolean) =>
  `${drive.run.id}-${step.view.id}-${undo ? `undo${step.undoAttempt}` : step.attempt}`;

const neverAborted = new AbortController().signal;

/** Carries out single steps and undos: intent journaled and committed, then the act, then the outcome journaled and committed. */
export function createStepRunner(options: EngineOptions, runs: RunStore, changed: (runId: string) => void) {
  const { journal, actions, clock } = options;
  const redact = options.redact ?? (<T>(value: T): T => value);

  function save(drive: Drive, position: number, step: StepRecord): StepRecord {
    const clean = redact(step);
    runs.saveStep(drive.run.id, position, clean);
    return clean;
  }

  /** Facts of done steps stand in for references. @throws Problem when a fact is missing or what results is not valid */
  function input(drive: Drive, position: number): { action: Action; input: unknown; shown: PlanStep } {
    const recipe = drive.stored.recipe.steps[position];
    const shown = drive.stored.plan.steps[position];
    const action = recipe === undefined ? undefined : actions.get(recipe.action);
    if (recipe === undefined || shown === undefined || action === undefined)
      throw new Problem('not-supported', `This version has no action ${recipe?.action ?? '?'}.`, {
        hint: 'Open the run with the version that began it.',
      });
    const records = runs.steps(drive.run.id);
    const resolved = resolveReferences(recipe.with, (reference) => {
      const fact =
        reference.kind === 'steps' ? records.find(({ view }) => view.id === reference.step)?.view.output[reference.name] : undefined;
      if (fact === undefined)
        throw new Problem('step-failed', `Step ${recipe.id} needs what an earlier step did not find out.`, { detail: { ...reference } });
      return fact;
    });
    const checked: z.ZodSafeParseResult<unknown> = action.input.safeParse(resolved);
    if (checked.success) return { action, input: checked.data, shown };
    const issue = checked.error.issues[0];
    throw new Problem('step-failed', `Step ${recipe.id} was given something it can't take: ${issue?.path.join('.')}: ${issue?.message}.`);
  }

  function context(drive: Drive, position: number, phase: 'act' | 'undo' | 'probe' | 'probe-undo', live?: LiveStep): ActionContext {
    const step = runs.steps(drive.run.id)[position] as StepRecord;
    const undo = phase === 'undo' || phase === 'probe-undo';
    let told = Number.NEGATIVE_INFINITY;
    let stored = performance.now();
    const tell = (now = performance.now()): void => {
      if (now - told < TELL_MS) return;
      told = now;
      changed(drive.run.id);
    };
    const base: ActionContext = {
      ...options.contextFor(drive.environment),
      stepKey: keyOf(drive, step, undo),
      signal: neverAborted,
      progress(state) {
        live?.meter.count(state);
        tell();
      },
      say(text) {
        if (live === undefined) return;
        live.output.add(text);
        const now = performance.now();
        tell(now);
        if (now - stored < STORE_MS) return;
        stored = now;
        const said = live.output.soFar();
        try {
          if (said !== null && stillOurs(drive)) runs.saveSaid(drive.run.id, step.view.id, said);
        } catch {
          // Words for people: a step under way must not fail for want of them. The outcome stores them again, or says why it can't.
        }
      },
      recorded: undo ? step.undoRecorded : step.recorded,
      record(facts) {
        if (phase === 'probe' || phase === 'probe-undo') throw new Problem('internal-error', 'A probe records nothing.');
        runs.transaction(() => {
          const current = runs.steps(drive.run.id)[position] as StepRecord;
          const merged = { ...(undo ? current.undoRecorded : current.recorded), ...facts };
          journal.append({
            ...about(drive, step),
            kind: undo ? 'undo-intended' : 'step-intended',
            summary: `Recorded before the effect of ${step.view.id}.`,
            data: { facts: { ...facts } },
          });
          save(drive, position, { ...current, ...(undo ? { undoRecorded: merged } : { recorded: merged }) });
        });
      },
    };
    return drive.fence === undefined || phase === 'probe' || phase === 'probe-undo' ? base : { ...base, fence: { token: drive.fence } };
  }

  const about = (drive: Drive, step: StepRecord) => ({ environmentId: drive.run.environmentId, runId: drive.run.id, stepId: step.view.id });

  /** False when another process (or a closed engine) has taken the run over meanwhile: then nothing more is written here. */
  const stillOurs = (drive: Drive) => {
    const current = runs.find(drive.run.id);
    return (
      current !== undefined &&
      current.owner.instance === drive.run.owner.instance &&
      (current.state === 'running' || current.state === 'reverting')
    );
  };

  /** Writes down that it begins, does it, writes down how it ended. Throws only when it could not be written down. */
  async function perform(
    drive: Drive,
    position: number,
    direction: 'act' | 'undo',
    work: (ready: ReturnType<typeof input>, context: ActionContext) => Promise<ActionOutcome>,
  ): Promise<StepEnd> {
    const undo = direction === 'undo';
    const before = runs.steps(drive.run.id)[position] as StepRecord;
    const mutating = drive.stored.plan.steps[position]?.effect !== 'read';
    let ready: ReturnType<typeof input> | ProblemData;
    try {
      ready = input(drive, position);
    } catch (error) {
      ready = toProblem(error);
    }
    const where = { runId: drive.run.id, stepId: before.view.id, position, direction, stepKey: keyOf(drive, before, undo) };
    const reached = async (point: FaultPoint): Promise<void> => {
      if (options.onPoint !== undefined) await options.onPoint(point, where);
    };
    await reached('before-intent');
    const startedAt = clock();
    runs.transaction(() => {
      const planned = drive.stored.plan.steps[position];
      const commands = undo ? (planned?.undo.kind === 'undo' ? planned.undo.commands : []) : (planned?.commands ?? []);
      journal.append({
        ...about(drive, before),
        kind: undo ? 'undo-intended' : 'step-intended',
        summary: undo ? `About to undo: ${planned?.title}.` : `About to do: ${planned?.title}.`,
        data: {
          action: planned?.action ?? '',
          attempt: undo ? before.undoAttempt : before.attempt,
          commands: commands.map(({ kind, text }) => `${kind}: ${text}`),
        },
      });
      const view: RunStep = {
        ...before.view,
        state: undo ? 'reverting' : 'running',
        startedAt,
        durationMs: null,
        observed: null,
        problem: null,
        progress: null,
      };
      save(drive, position, { ...before, undoing: undo, view });
    });
    changed(drive.run.id);
    await reached('after-intent');

    const begun = performance.now();
    const live: LiveStep = { stepId: before.view.id, meter: createMeter(() => performance.now()), output: createOutput(redact<string>) };
    drive.live(live);
    const outcome =
      'action' in ready
        ? await act(drive, position, direction, mutating, ready, work, live)
        : ({ outcome: 'failed', problem: ready } as const);
    const durationMs = Math.round(performance.now() - begun);
    await reached('after-effect');
    if (!stillOurs(drive)) return 'unknown';
    const said = live.output.end();
    runs.transaction(() => {
      const current = runs.steps(drive.run.id)[position] as StepRecord;
      const done = outcome.outcome === 'done';
      const state = outcome.outcome === 'unknown' ? 'unknown' : undo ? (done ? 'reverted' : 'revert-failed') : outcome.outcome;
      const view: RunStep = {
        ...current.view,
        state,
        durationMs,
        progress: null,
        observed: done ? outcome.observed : outcome.problem.message,
        problem: done ? null : outcome.problem,
        output: done && !undo ? { ...outcome.output } : current.view.output,
      };
      const failed = outcome.outcome === 'failed' ? 1 : 0;
      const exitCode = done ? undefined : outcome.problem.detail?.['exitCode'];
      const saved = save(drive, position, {
        ...current,
        view,
        actMs: undo ? current.actMs : durationMs,
        attempt: current.attempt + (undo ? 0 : failed),
        undoAttempt: current.undoAttempt + (undo ? failed : 0),
      });
      runs.saveSaid(drive.run.id, before.view.id, said);
      journal.append({
        ...about(drive, before),
        kind: undo ? 'undo-ended' : 'step-ended',
        summary: `${undo ? 'Undo' : 'Step'} ${before.view.id}: ${outcome.outcome}. ${saved.view.observed ?? ''}`.slice(0, 1000),
        data: {
          outcome: outcome.outcome,
          durationMs,
          output: { ...saved.view.output },
          ...(done ? {} : { problem: outcome.problem.code }),
          ...(typeof exitCode === 'number' ? { exitCode } : {}),
          ...(said === null ? {} : { said: { bytes: said.bytes, sha256: said.sha256 } }),
        },
      });
    });
    changed(drive.run.id);
    await reached('after-outcome');
    return outcome.outcome === 'failed' && outcome.waits === true ? 'waits' : outcome.outcome;
  }

  async function act(
    drive: Drive,
    position: number,
    direction: 'act' | 'undo',
    mutating: boolean,
    ready: ReturnType<typeof input>,
    work: (ready: ReturnType<typeof input>, context: ActionContext) => Promise<ActionOutcome>,
    live: LiveStep,
  ): Promise<ActionOutcome> {
    try {
      // The step has not begun yet, so whatever goes wrong here is seen to have failed.
      if (mutating && drive.fence !== undefined) await checkLock(await options.contextFor(drive.environment).session(), drive.fence);
    } catch (error) {
      return { outcome: 'failed', problem: toProblem(error) };
    }
    try {
      return await work(ready, context(drive, position, direction, live));
    } catch (error) {
      const problem = toProblem(error);
      // Nobody can say how far a mutating step came that ended in an exception.
      return mutating ? { outcome: 'unknown', problem } : { outcome: 'failed', problem };
    }
  }

  return {
    execute: (drive: Drive, position: number) =>
      perform(drive, position, 'act', ({ action, input: given }, ctx) => action.execute(ctx, given)),

    undo: (drive: Drive, position: number) =>
      perform(drive, position, 'undo', async ({ action, input: given }, ctx) => {
        const { undo } = action;
        if (undo === 'nothing-to-undo' || !('execute' in undo)) throw new Problem('internal-error', 'There is nothing to undo here.');
        const output: Facts = (runs.steps(drive.run.id)[position] as StepRecord).view.output;
        return undo.execute(ctx, given, output);
      }),

    /** Looks how an unknown (or failed) step or undo really ended, writes that down, and settles the step accordingly. */
    async probe(drive: Drive, position: number): Promise<ProbeOutcome['found']> {
      const before = runs.steps(drive.run.id)[position] as StepRecord;
      let found: ProbeOutcome;
      try {
        const { action, input: given } = input(drive, position);
        if (before.undoing) {
          const { undo } = action;
          found =
            typeof undo === 'object' && 'probe' in undo
              ? await undo.probe(context(drive, position, 'probe-undo'), given, before.view.output)
              : { found: 'done', observed: 'There is nothing to undo.' };
        } else found = await action.probe(context(drive, position, 'probe'), given);
      } catch (error) {
        found = { found: 'unknown', observed: toProblem(error).message };
      }
      runs.transaction(() => {
        journal.append({
          ...about(drive, before),
          kind: 'step-probed',
          summary: `Probed ${before.undoing ? 'the undo of ' : ''}${before.view.id}: ${found.found}. ${redact(found.observed)}`.slice(
            0,
            1000,
          ),
          data: { found: found.found },
        });
        const view: RunStep = { ...before.view, observed: found.observed, progress: null };
        if (found.found === 'done') {
          const output = !before.undoing && found.output !== undefined ? { ...found.output } : before.view.output;
          save(drive, position, { ...before, view: { ...view, state: before.undoing ? 'reverted' : 'done', problem: null, output } });
        } else if (found.found === 'partly' && !before.undoing) {
          const output = found.output === undefined ? before.view.output : { ...found.output };
          const problem = new Problem('step-failed', `It was done in part. ${found.observed}`).data;
          save(drive, position, { ...before, attempt: before.attempt + 1, view: { ...view, state: 'failed', problem, output } });
        } else if (found.found === 'not-done' || found.found === 'partly') {
          // Seen not to have happened: the next try is a new one, under a new key.
          save(
            drive,
            position,
            before.undoing
              ? { ...before, undoAttempt: before.undoAttempt + 1, undoing: false, view: { ...view, state: 'done', problem: null } }
              : { ...before, attempt: before.attempt + 1, view: { ...view, state: 'pending', problem: null } },
          );
        } else save(drive, position, { ...before, view: { ...view, state: 'unknown' } });
      });
      changed(drive.run.id);
      return found.found;
    },

    /** For preflight: no step key of a run, nothing recorded, nothing mutating. */
    lookContext(environment: Environment, stepId: string, signal: AbortSignal): ActionContext {
      return {
        ...options.contextFor(environment),
        stepKey: `preflight-${stepId}`,
        signal,
        progress: () => undefined,
        say: () => undefined,
        recorded: {},
        record: () => {
          throw new Problem('internal-error', 'A preflight records nothing.');
        },
      };
    },
  };
}

/** See {@link createStepRunner}. */
export type StepRunner = ReturnType<typeof createStepRunner>;
