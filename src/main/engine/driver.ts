import type { JournalKind } from '../../contract/journal.ts';
import type { ProblemCode, ProblemData } from '../../contract/problem.ts';
import type { RunState } from '../../contract/runs.ts';
import { acquireLock, breakLock, readLock, releaseLock } from './host-lock.ts';
import { measureRehearsal } from './rehearsal.ts';
import type { RunStore } from './run-store.ts';
import { runView } from './run-view.ts';
import type { Drive, StepRunner } from './step-runner.ts';
import type { EngineOptions, StepRecord } from './types.ts';
import { toProblem } from './words.ts';

/** How often, and how far apart in milliseconds, a kept step of unknown outcome is looked at before a revert goes past it. */
const KEPT_LOOKS = 10;
const KEPT_LOOK_MS = 3000;
/** How often, and how far apart in milliseconds, giving the lock back is tried over a connection that comes and goes. */
const RELEASE_TRIES = 10;
const RELEASE_MS = 1000;

/** Problems that tell something of the deployment, not of the way to it. */
const SEEN_WRONG: ReadonlySet<ProblemCode> = new Set([
  'verification-failed',
  'step-failed',
  'conflict',
  'integrity-mismatch',
  'remote-command-failed',
  'remote-file-missing',
  'remote-permission-denied',
  'remote-disk-full',
  'http-unexpected',
  'http-unauthorised',
]);

const title = (drive: Drive, position: number) => drive.stored.plan.steps[position]?.title ?? '';

/** Takes runs through their steps, forwards and backwards. */
export function createDriver(
  options: EngineOptions,
  runs: RunStore,
  steps: StepRunner,
  changed: (runId: string) => void,
  stopping: () => boolean,
) {
  const { journal, clock, operator } = options;
  const session = (drive: Drive) => options.contextFor(drive.environment).session();

  const lookMs = options.keptLookMs ?? KEPT_LOOK_MS;

  /** A connection lost at the very end must not leave the host locked. @throws Problem the last reason, when it stays lost */
  async function giveBack(drive: Drive, fence: string): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await releaseLock(await session(drive), fence);
        return;
      } catch (error) {
        const lost = /^(ssh-|not-connected|timed-out)/.test(toProblem(error).code);
        if (!lost || tries === RELEASE_TRIES || stopping()) throw error;
        await new Promise((resolve) => setTimeout(resolve, Math.min(RELEASE_MS, lookMs)));
      }
    }
  }

  /** Writes down that it is over, and gives the lock back unless the host is left in a state nobody knows. */
  async function finish(drive: Drive, state: RunState, summary: string, kind: JournalKind): Promise<void> {
    let words = summary;
    const unresolved = state === 'unknown' || state === 'interrupted' || state === 'paused';
    let released = false;
    if (!unresolved && drive.fence !== undefined) {
      try {
        await giveBack(drive, drive.fence);
        released = true;
      } catch (error) {
        words = `${summary} The host's lock could not be given back: ${toProblem(error).message}`;
      }
    }
    runs.transaction(() => {
      const ended = runs.patch(drive.run.id, {
        state,
        summary: words.slice(0, 1000),
        endedAt: state === 'paused' ? null : clock(),
        cancelRequested: false,
        pauseRequested: false,
        ...(released ? { fence: null } : {}),
      });
      const records = runs.steps(drive.run.id);
      const measured = measureRehearsal(
        runView(ended, drive.stored.plan, records),
        records.map(({ actMs }) => actMs),
      );
      journal.append({
        kind,
        environmentId: drive.run.environmentId,
        runId: drive.run.id,
        summary: words.slice(0, 1000),
        data: {
          state,
          ...(measured === undefined ? {} : { rehearsal: { verdict: measured.verdict, rtoMs: measured.rtoMs, rpoMs: measured.rpoMs } }),
        },
      });
    });
    changed(drive.run.id);
  }

  const fail = (drive: Drive, position: number): string => {
    const step = runs.steps(drive.run.id)[position] as StepRecord;
    return `“${title(drive, position)}” — ${step.view.observed ?? 'no words'}`;
  };

  /** What a revert leaves in place on purpose. */
  const keptWords = (drive: Drive): string => {
    const records = runs.steps(drive.run.id);
    const titles = drive.stored.plan.steps
      .filter(({ undo }, position) => undo.kind === 'kept' && records[position]?.view.state === 'done')
      .map((step) => `“${step.title}”`);
    const open = drive.stored.plan.steps
      .filter(({ undo }, position) => undo.kind === 'kept' && records[position]?.view.state === 'unknown')
      .map((step) => `“${step.title}”`);
    return `${titles.length === 0 ? '' : ` Kept, as the plan says: ${titles.join(', ')}.`}${open.length === 0 ? '' : ` How it ended is not known: ${open.join(', ')}.`}`;
  };

  /**
   * A kept step needs no undo, but one whose end was not seen may still be at work on the host, and must not meet the undo of
   * an earlier step. It is waited for, and not for ever: the way back stays open.
   */
  async function outwait(drive: Drive, position: number): Promise<void> {
    for (let look = 1; look <= KEPT_LOOKS; look += 1) {
      if ((await steps.probe(drive, position)) !== 'unknown') return;
      if (look < KEPT_LOOKS && !stopping()) await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  }

  /**
   * Does a step that ended as failed make the run go back by itself? Only what was seen to be wrong at the deployment does: not a lost
   * connection or a keychain that is locked, and not when something is done that no revert can pass.
   */
  function returns(drive: Drive, position: number): boolean {
    if (drive.stored.plan.onFailure !== 'revert') return false;
    const records = runs.steps(drive.run.id);
    const code = records[position]?.view.problem?.code;
    const begun = drive.stored.plan.steps.filter((_step, at) => records[at]?.view.state === 'done');
    return code !== undefined && SEEN_WRONG.has(code) && begun.every(({ undo }) => undo.kind !== 'irreversible');
  }

  /** Writes down, as a person's revert would, that it turns round. */
  function goBack(drive: Drive, words: string, by: 'on-failure' | 'rehearsal'): void {
    runs.transaction(() => {
      journal.append({
        kind: 'revert-started',
        environmentId: drive.run.environmentId,
        runId: drive.run.id,
        summary: `Going back by itself, as the plan says. ${words}`.slice(0, 1000),
        data: { from: 'running', planHash: drive.stored.plan.hash, by },
      });
      runs.patch(drive.run.id, { state: 'reverting', direction: 'revert', summary: `${words} Going back.`.slice(0, 1000) });
    });
    changed(drive.run.id);
  }

  const driver = {
    finish,

    /** Takes the host's lock for a run; a lock that an ended run of the same operator left behind is removed first. @throws Problem `host-locked` */
    async lock(drive: Drive): Promise<string | undefined> {
      if (drive.stored.plan.effect === 'read') return undefined;
      const connected = await session(drive);
      const held = await readLock(connected);
      const own = held === undefined || held.operator !== operator ? undefined : runs.find(held.runId);
      if (own !== undefined && own.id !== drive.run.id && !['running', 'reverting', 'interrupted', 'unknown', 'paused'].includes(own.state))
        await breakLock(connected, own.id);
      const { fence } = await acquireLock(connected, { runId: drive.run.id, operator, at: clock() });
      runs.patch(drive.run.id, { fence });
      return fence;
    },

    /** Does what is not done yet, in order; stops at the first step that is not seen to be done. */
    async forward(drive: Drive): Promise<void> {
      for (const position of drive.stored.recipe.steps.keys()) {
        const step = runs.steps(drive.run.id)[position] as StepRecord;
        if (step.view.state === 'done' || step.view.state === 'skipped') continue;
        const wished = runs.get(drive.run.id);
        if (wished.cancelRequested) return finish(drive, 'cancelled', `Cancelled before “${title(drive, position)}”.`, 'run-cancelled');
        if (wished.pauseRequested)
          return finish(
            drive,
            'paused',
            `Paused before “${title(drive, position)}”. Nothing runs; ${drive.fence === undefined ? '' : 'the host stays locked for this run: '}resume, revert or cancel it.`,
            'run-paused',
          );
        if (stopping())
          return finish(
            drive,
            'interrupted',
            `Quarterdeck was closed before “${title(drive, position)}”. Nothing is running; resume or revert.`,
            'run-interrupted',
          );
        if (step.view.state === 'unknown') {
          const found = await steps.probe(drive, position);
          if (found === 'done') continue;
          if (found === 'unknown')
            return finish(drive, 'unknown', `It is still not known how it ended: ${fail(drive, position)}`, 'run-ended');
        }
        const end = await steps.execute(drive, position);
        if (end === 'waits') return finish(drive, 'failed', `Waits for you: ${fail(drive, position)}`, 'run-ended');
        if (end === 'failed') {
          const words = `Failed: ${fail(drive, position)}`;
          if (!returns(drive, position)) return finish(drive, 'failed', words, 'run-ended');
          goBack(drive, words, 'on-failure');
          return driver.backward(drive, `${words} `);
        }
        if (end === 'unknown') return finish(drive, 'unknown', `It is not known how it ended: ${fail(drive, position)}`, 'run-ended');
      }
      const last = runs.steps(drive.run.id).at(-1)?.view.observed;
      const words = last == null ? 'Done.' : `Done. ${last}`;
      const { rehearsal, steps: planned } = drive.stored.plan;
      if (rehearsal === undefined || planned.every(({ undo }) => undo.kind !== 'undo'))
        return finish(drive, 'succeeded', words, 'run-ended');
      // The scratch target goes by the steps' own undo: a rehearsal leaves nothing behind, and tries the way back as well.
      goBack(drive, words, 'rehearsal');
      return driver.backward(drive, `${words} `, 'succeeded');
    },

    /** Undoes what was done, last first; passes over what is kept, stops at what can't be undone, and at what is not known. */
    async backward(drive: Drive, why = '', as: 'reverted' | 'succeeded' = 'reverted'): Promise<void> {
      const positions = [...drive.stored.recipe.steps.keys()].reverse();
      for (const position of positions) {
        let step = runs.steps(drive.run.id)[position] as StepRecord;
        let partly = false;
        const planned = drive.stored.plan.steps[position];
        if (planned === undefined || step.view.state === 'pending' || step.view.state === 'skipped' || step.view.state === 'reverted')
          continue;
        if (planned.undo.kind === 'nothing-to-undo') {
          // Nothing of it is left to take back; but what is over must not be shown as unknown.
          if (step.view.state === 'unknown') await steps.probe(drive, position);
          continue;
        }
        if (planned.undo.kind === 'kept') {
          if (step.view.state === 'unknown') await outwait(drive, position);
          continue;
        }
        if (stopping())
          return finish(drive, 'interrupted', `Quarterdeck was closed before “${title(drive, position)}” was undone.`, 'run-interrupted');
        if (step.view.state === 'unknown' || (step.view.state === 'failed' && planned.effect !== 'read')) {
          const found = await steps.probe(drive, position);
          step = runs.steps(drive.run.id)[position] as StepRecord;
          partly = found === 'partly';
          if (found === 'unknown')
            return finish(
              drive,
              'unknown',
              `It is not known how far it came, so it can't be undone yet: ${fail(drive, position)}`,
              'revert-ended',
            );
        }
        if (step.view.state !== 'done' && step.view.state !== 'revert-failed' && !partly) continue;
        if (planned.undo.kind === 'irreversible')
          return finish(
            drive,
            'revert-failed',
            `${why}“${title(drive, position)}” can't be undone: ${planned.undo.reason}`,
            'revert-ended',
          );
        const end = await steps.undo(drive, position);
        if (end === 'failed' || end === 'waits')
          return finish(drive, 'revert-failed', `${why}Undo failed: ${fail(drive, position)}`, 'revert-ended');
        if (end === 'unknown')
          return finish(drive, 'unknown', `${why}It is not known how the undo ended: ${fail(drive, position)}`, 'revert-ended');
      }
      const how = as === 'succeeded' ? 'The scratch target was removed' : why === '' ? 'Reverted' : 'It went back by itself';
      return finish(drive, as, `${why}${how}: what was done has been undone.${keptWords(drive)}`, 'revert-ended');
    },

    /** The run could not begin: nothing was done. */
    async refuse(drive: Drive, problem: ProblemData, state: RunState): Promise<void> {
      runs.transaction(() => {
        journal.append({
          kind: 'run-ended',
          environmentId: drive.run.environmentId,
          runId: drive.run.id,
          summary: `Not begun: ${problem.message}`.slice(0, 1000),
          data: { state, problem: problem.code },
        });
        runs.patch(drive.run.id, { state, summary: `Not begun: ${problem.message}`.slice(0, 1000), endedAt: clock() });
      });
      changed(drive.run.id);
    },
  };
  return driver;
}
