import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Run } from '../../src/contract/runs.ts';
import type { OpenEngine } from '../support/engine-lab.ts';
import type { FaultCase } from './cases.ts';
import { caseName, seededFor } from './cases.ts';
import type { DoomedApps } from './doom.ts';
import { checkCutOff, checkJournal, checkLock, checkShown, holderOf, patiently } from './invariants.ts';
import { remoteJobs } from './remote-jobs.ts';
import { armStrike } from './strike.ts';
import type { World } from './world.ts';

/** What became of a case. */
export interface CaseResult {
  readonly name: string;
  readonly fault: FaultCase['fault'];
  readonly survived: boolean;
  /** Why not. */
  readonly why?: string;
  readonly ms: number;
}

const LIMIT_MS = 120_000;
/** How long the host may go on with what it was told before the fault. */
const SETTLE_MS = 45_000;

const words = (run: Run): string => `${run.state} (${run.summary}) [${run.steps.map(({ id, state }) => `${id}: ${state}`).join(', ')}]`;

/** Runs one case from a fresh start to its end. Never throws. */
export async function runCase(world: World, apps: DoomedApps, one: FaultCase, seed: number): Promise<CaseResult> {
  const begun = performance.now();
  const result = (why?: string): CaseResult => ({
    name: caseName(one),
    fault: one.fault,
    survived: why === undefined,
    ...(why === undefined ? {} : { why }),
    ms: Math.round(performance.now() - begun),
  });
  const opened: OpenEngine[] = [];
  const notes: string[] = [];
  const note = (what: string): void => void notes.push(`${Math.round(performance.now() - begun)} ms ${what}`);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not end within ${LIMIT_MS / 1000} s: ${notes.join(', ')}`)), LIMIT_MS);
  });
  const work = survive(world, apps, one, seed, opened, note);
  try {
    await Promise.race([work, late]);
    return result();
  } catch (error) {
    return result(
      error instanceof Error ? `${error.message}${error.name === 'AssertionError' ? '' : `\n${error.stack ?? ''}`}` : String(error),
    );
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
    for (const disk of Object.values(world.disks)) disk.free();
    world.proxy.restore();
    for (const open of opened) await open.close().catch(() => undefined);
  }
}

async function survive(
  world: World,
  apps: DoomedApps,
  one: FaultCase,
  seed: number,
  opened: OpenEngine[],
  note: (what: string) => void,
): Promise<void> {
  const { lab } = world;
  const random = seededFor(caseName(one), seed);
  await world.fresh();
  note('all is as it was');
  const before = await lab.live();
  note('looked at');
  const inputs = { ...lab.runInputs() };
  const typedName = world.handle.environment.name;
  const open = async (onPoint?: ReturnType<typeof armStrike>['onPoint']): Promise<OpenEngine> => {
    const made = await world.open({ ...(onPoint === undefined ? {} : { onPoint }), quick: one.fault === 'silent' });
    opened.push(made);
    return made;
  };
  const close = async (made: OpenEngine): Promise<void> => {
    opened.splice(opened.indexOf(made), 1);
    await made.close();
  };

  // What is to be undone is done first, undisturbed.
  let done: Run | undefined;
  if (one.direction === 'undo') {
    const first = await open();
    done = await first.run(lab.runbook, inputs);
    assert.equal(done.state, 'succeeded', `without any fault: ${words(done)}`);
    await close(first);
  }

  // The fault.
  let now: OpenEngine;
  let run: Run;
  if (one.fault === 'kill-app') {
    await apps.perish(world, one, { runbook: lab.runbook, inputs, ...(done === undefined ? {} : { revert: done.id }) }, random);
    now = await open();
    run = theRun(now);
    checkCutOff(run, one);
  } else {
    const strike = armStrike(world, one, random);
    now = await open(strike.onPoint);
    try {
      const started =
        done === undefined
          ? await now.begin(lab.runbook, inputs)
          : await patiently(() => now.engine.revert({ runId: (done as Run).id, typedName }));
      run = await now.engine.settled(started.id);
      assert.ok(strike.struck !== undefined || one.fault === 'kill-helper', `the point was never reached: ${words(run)}`);
      if (one.fault === 'laptop-full' && strike.struck !== undefined) {
        checkCutOff(run, { ...one, point: one.point === 'in-effect' ? 'after-intent' : one.point });
        if (one.point === 'before-intent')
          assert.deepEqual(
            remoteJobs(world.sshd, `${strike.struck.stepKey}-`),
            [],
            'nothing could be journaled, and a job was begun on the host',
          );
      }
    } finally {
      strike.calm();
    }
    if (random() < 0.5) {
      // Start again. Another process would settle what this one could not write.
      now.engine.get({ runId: run.id });
      await close(now);
      now = await open();
      run = theRun(now);
    }
  }

  note(`struck: ${words(run)}`);
  checkShown(now, run);
  await lab.assertSafe(run, world.handle, world.sshd);
  if (run.state === 'succeeded') await lab.assertDone(run);
  else if (run.state === 'reverted')
    assert.equal(await lab.live(), before, 'the run is shown as reverted, and what is live differs from before');
  await checkLock(now, run);
  checkJournal(world, now, run);

  note('checked');
  if (one.after === 'resume') run = await resumeToEnd(world, now, run, note);
  await revertToEnd(world, now, run, before, note);
  checkJournal(world, now, now.engine.get({ runId: run.id }));
}

function theRun(open: OpenEngine): Run {
  const [found] = open.engine.list({ limit: 2 });
  assert.ok(found !== undefined, 'no run is left after the fault');
  return open.engine.get({ runId: found.id });
}

/** A run that goes back by itself when a step fails, and has begun to: then back is the only way. */
const turnedBack = (run: Run): boolean => run.plan.onFailure === 'revert' && !run.allowed.includes('resume');

/** Goes on, again while the host is still at it, until it is done (or has turned back by itself). */
async function resumeToEnd(world: World, open: OpenEngine, from: Run, note: (what: string) => void): Promise<Run> {
  const typedName = world.handle.environment.name;
  const begun = performance.now();
  let run = from;
  for (let failures = 0; run.state !== 'succeeded'; ) {
    if (turnedBack(run)) return run;
    assert.ok(run.allowed.includes('resume'), `it can't be resumed: ${words(run)}`);
    run = await open.engine.settled((await patiently(() => open.engine.resume({ runId: run.id, typedName }))).id);
    note(`resumed: ${words(run)}`);
    checkShown(open, run);
    await checkLock(open, run);
    if (run.state === 'unknown') {
      assert.ok(performance.now() - begun < SETTLE_MS, `it stays unknown: ${words(run)}`);
      await sleep(100);
    } else if (run.state !== 'succeeded' && run.state !== 'reverted') {
      failures += 1;
      assert.ok(failures < 3, `it fails again and again: ${words(run)}`);
    }
  }
  await world.lab.assertDone(run);
  assert.equal(await holderOf(open, run), null, 'it is done, and the host is still locked');
  return run;
}

/** Goes back, again while the host is still at it, until all is as it was; or sees that it is refused where the plan says so. */
async function revertToEnd(world: World, open: OpenEngine, from: Run, before: string, note: (what: string) => void): Promise<void> {
  const typedName = world.handle.environment.name;
  const begun = performance.now();
  const crossed = from.plan.steps.some(({ undo }, at) => undo.kind === 'irreversible' && from.steps[at]?.state === 'done');
  let run = from;
  if (run.state === 'reverted')
    assert.equal(await world.lab.live(), before, 'it is shown as reverted, and what is live differs from before');
  if (!run.allowed.includes('revert') && run.state !== 'reverted') {
    if (crossed || run.state === 'succeeded') return;
    // Nothing that could be taken back was begun: all must be as it was.
    if (from.plan.steps.every(({ undo }) => undo.kind !== 'irreversible'))
      assert.equal(await world.lab.live(), before, `nothing can be reverted, and what is live differs from before: ${words(run)}`);
    return;
  }
  for (let failures = 0; run.state !== 'reverted'; ) {
    assert.ok(run.allowed.includes('revert'), `it can't be reverted: ${words(run)}`);
    run = await open.engine.settled((await patiently(() => open.engine.revert({ runId: run.id, typedName }))).id);
    note(`reverted: ${words(run)}`);
    checkShown(open, run);
    await checkLock(open, run);
    const beyond = run.plan.steps.some(({ undo }, at) => undo.kind === 'irreversible' && run.steps[at]?.state === 'done');
    if (beyond) {
      assert.equal(run.state, 'revert-failed', `the point of no return was passed, and the revert ended as ${words(run)}`);
      return;
    }
    if (run.state === 'unknown' || run.state === 'interrupted') {
      assert.ok(performance.now() - begun < SETTLE_MS, `it stays unknown: ${words(run)}`);
      await sleep(100);
    } else if (run.state !== 'reverted') {
      failures += 1;
      assert.ok(failures < 3, `going back fails again and again: ${words(run)}`);
    }
  }
  assert.equal(await world.lab.live(), before, 'it is reverted, and what is live differs from before');
  assert.equal(await holderOf(open, run), null, 'it is reverted, and the host is still locked');
}
