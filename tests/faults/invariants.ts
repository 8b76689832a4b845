import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalEntry } from '../../src/contract/journal.ts';
import { Problem } from '../../src/contract/problem.ts';
import type { Run } from '../../src/contract/runs.ts';
import type { OpenEngine } from '../support/engine-lab.ts';
import type { FaultCase } from './cases.ts';
import { caseName } from './cases.ts';
import { remoteJobs } from './remote-jobs.ts';
import type { World } from './world.ts';

const unresolved = (run: Run): boolean => run.state === 'unknown' || run.state === 'interrupted';
const isMutating = (run: Run): boolean => run.plan.effect !== 'read';

/** Rows of the run, oldest first. */
function rowsOf(open: OpenEngine, run: Run): JournalEntry[] {
  return [...open.journal.export({ environmentId: run.plan.environmentId })].filter(({ runId }) => runId === run.id);
}

/** The journal holds together, says each intent before its end, and has one for every job that the host knows of. */
export function checkJournal(world: World, open: OpenEngine, run: Run): void {
  const chain = open.journal.verify();
  assert.ok(chain.ok, `the journal's chain is broken: ${JSON.stringify(chain.firstBroken)}`);
  const rows = rowsOf(open, run);
  for (const step of run.plan.steps)
    for (const [intent, end] of [
      ['step-intended', 'step-ended'],
      ['undo-intended', 'undo-ended'],
    ] as const) {
      let begun = false;
      for (const { kind, stepId, seq } of rows) {
        if (stepId !== step.id) continue;
        if (kind === intent) begun = true;
        if (kind !== end) continue;
        assert.ok(begun, `row ${seq}: ${step.id} ended without an intent before it`);
        begun = false;
      }
    }
  for (const { key } of remoteJobs(world.sshd, `${run.id}-`)) {
    const undo = /-undo\d+-/.test(key);
    const intended = rows.some(
      ({ kind, stepId }) => kind === (undo ? 'undo-intended' : 'step-intended') && key.startsWith(`${run.id}-${stepId}-`),
    );
    assert.ok(intended, `the job ${key} is on the host, and the journal has no intent for it`);
  }
}

/** What is shown of a run that nothing drives: unknown is never shown as an outcome, and nothing is shown as done that was not seen. */
export function checkShown(open: OpenEngine, run: Run): void {
  assert.ok(run.state !== 'running' && run.state !== 'reverting', `nothing drives the run, and it is shown as ${run.state}`);
  const rows = rowsOf(open, run);
  let goneOn = true;
  const forward = !rows.some(({ kind }) => kind === 'revert-started');
  for (const [at, step] of run.steps.entries()) {
    const { id, state } = step;
    assert.ok(state !== 'running' && state !== 'reverting', `nothing drives the run, and its step ${id} is shown as ${state}`);
    assert.ok(step.durationMs === null || step.durationMs >= 0, `${id} took ${step.durationMs} ms`);
    // A revert goes past what only read, and past what is kept on purpose.
    const passed = !forward && run.plan.steps[at]?.undo.kind !== 'undo';
    if (state === 'unknown' && !passed) assert.ok(unresolved(run), `the step ${id} is unknown, and the run is shown as ${run.state}`);
    if (state === 'unknown' && unresolved(run)) assert.ok(run.allowed.includes('probe'), `the step ${id} is unknown and can't be probed`);
    if (state === 'done' || state === 'reverted') {
      const kinds = state === 'done' ? ['step-ended', 'step-probed', 'undo-ended'] : ['undo-ended', 'step-probed'];
      const seen = rows.some(
        ({ kind, stepId, data }) => stepId === id && kinds.includes(kind) && (data['outcome'] === 'done' || data['found'] !== undefined),
      );
      assert.ok(seen, `the step ${id} is shown as ${state}, and the journal has nobody who saw it`);
    }
    if (forward && !goneOn) assert.ok(state === 'pending', `the step ${id} is ${state}, though an earlier one is not done`);
    goneOn &&= state === 'done' || state === 'skipped';
    if (run.state === 'succeeded')
      assert.equal(state, 'done', `the run is shown as succeeded, and its step ${run.plan.steps[at]?.id} is ${state}`);
  }
}

/** What a run must be shown as after its app was killed, or could not write any more, at this point. */
export function checkCutOff(run: Run, one: FaultCase): void {
  assert.equal(run.state, 'interrupted', `after ${caseName(one)} the run is shown as ${run.state}: ${run.summary}`);
  const state = run.steps.find(({ id }) => id === one.step)?.state;
  const expected =
    one.direction === 'act'
      ? one.point === 'before-intent'
        ? 'pending'
        : one.point === 'after-outcome'
          ? 'done'
          : 'unknown'
      : one.point === 'before-intent'
        ? 'done'
        : one.point === 'after-outcome'
          ? 'reverted'
          : 'unknown';
  assert.equal(state, expected, `after ${caseName(one)} the step is shown as ${state}`);
}

/** Asks again when the connection turns out to be lost: nothing was begun then, and the person would press the button again. */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Problem) || !error.code.startsWith('ssh-') || tries >= 5) throw error;
      await sleep(100);
    }
  }
}

/** Which run the host's lock names; null when it is free. */
export async function holderOf(open: OpenEngine, run: Run): Promise<string | null> {
  const { holder } = await patiently(() => open.engine.hostLock({ environmentId: run.plan.environmentId }));
  return holder === null ? null : holder.runId;
}

/** The host's lock names the run while it is unresolved, and is free afterwards (or the run says that it could not be given back). */
export async function checkLock(open: OpenEngine, run: Run): Promise<void> {
  if (!isMutating(run)) return;
  const holder = await holderOf(open, run);
  // Killed between giving the lock back and writing that it is over: nothing is open on the host then.
  const somethingOpen = run.steps.some(({ state }) => state !== 'done' && state !== 'reverted');
  if (unresolved(run) && !somethingOpen && holder === null) return;
  if (unresolved(run)) assert.equal(holder, run.id, `the run is ${run.state}, and the host's lock is held by ${holder ?? 'nobody'}`);
  else if (holder !== null)
    assert.match(run.summary, /lock could not be given back/, `the run is ${run.state}, and the host's lock is still held`);
}
