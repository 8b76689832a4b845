// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the stack format look like that
import { afterEach, describe, expect, it } from 'vitest';
import type { ProblemCode } from '../../contract/problem.ts';
import { Problem } from '../../contract/problem.ts';
import type { Run } from '../../contract/runs.ts';
import { SurveyFinding } from '../../contract/runs.ts';
import { acquireLock, breakLock, checkLock, readLock, releaseLock } from './host-lock.ts';
import { fakeEngine } from './test-support/fakes.ts';

const open: ReturnType<typeof fakeEngine>[] = [];
const make = (options: Parameters<typeof fakeEngine>[0] = {}) => {
  const made = fakeEngine(options);
  open.push(made);
  return made;
};
afterEach(async () => {
  for (const made of open.splice(0).reverse()) await made.close();
});
const code = (wanted: ProblemCode) => expect.objectContaining({ data: expect.objectContaining({ code: wanted }) });
const states = (run: Run) => run.steps.map(({ id, state }) => `${id} ${state}`).join(', ');
const unknown = { outcome: 'unknown', problem: new Problem('outcome-unknown', 'The answer was lost.').data } as const;
const failed = { outcome: 'failed', problem: new Problem('step-failed', 'It said no.').data } as const;

describe('a survey', () => {
  it('asks each step with what is known, and says which input it is for', async () => {
    const { engine, world } = make();
    const signal = new AbortController().signal;
    const found = await engine.survey({ environmentId: 'env-1', runbook: 'timed', inputs: {} }, signal);
    expect(found.map((one) => SurveyFinding.parse(one))).toEqual(found);
    expect(found.map(({ stepId, input, detail }) => [stepId, input, detail])).toEqual([
      ['a', 'at', '{"name":"a"}'],
      ['b', null, '{"name":"b"}'],
      ['c', null, '{"name":"c","given":"here"}'],
    ]);
    const given = await engine.survey({ environmentId: 'env-1', runbook: 'timed', inputs: { at: '2026-11-27T03:00:00Z' } }, signal);
    expect(given[0]).toMatchObject({
      detail: '{"name":"a","given":"2026-11-27T03:00:00Z"}',
      choices: [{ value: 'v', label: 'V' }],
      seen: true,
    });
    world.answers.set('survey', () => unknown);
    const failing = await engine.survey({ environmentId: 'env-1', runbook: 'timed', inputs: {} }, signal);
    expect(failing[0]).toMatchObject({ seen: false, detail: 'the host did not answer' });
    await expect(engine.survey({ environmentId: 'env-1', runbook: 'nowhere', inputs: {} }, signal)).rejects.toThrow(code('not-found'));
    expect(world.calls.every((call) => call.startsWith('survey'))).toBe(true);
  });

  it('takes a time with a zone, and brings it to UTC', () => {
    const { engine } = make();
    const plan = engine.plan({ environmentId: 'env-1', runbook: 'timed', inputs: { at: '2026-11-27T05:00:00+02:00' } });
    expect(plan.inputs['at']).toBe('2026-11-27T03:00:00Z');
    expect(plan.steps[0]?.commands[0]?.text).toBe('do a 2026-11-27T03:00:00Z');
    expect(() => engine.plan({ environmentId: 'env-1', runbook: 'timed', inputs: { at: '2026-11-27T05:00:00' } })).toThrow(
      code('bad-input'),
    );
  });
});

describe('going back', () => {
  it('undoes what was done, last first, and once', async () => {
    const made = make({ tier: 'production' });
    const run = await made.run('three');
    expect(made.world.effects).toEqual(['a', 'b', 'c']);
    await expect(made.engine.revert({ runId: run.id })).rejects.toThrow(code('confirmation-required'));
    await expect(made.engine.revert({ runId: run.id, typedName: 'prod' })).rejects.toThrow(code('confirmation-wrong'));
    made.world.calls.length = 0;
    const reverted = await made.engine.settled((await made.engine.revert({ runId: run.id, typedName: 'Prod' })).id);
    expect(reverted).toMatchObject({ state: 'reverted', allowed: [] });
    expect(made.world.calls).toEqual(['undo b', 'undo a']);
    await expect(made.engine.revert({ runId: run.id, typedName: 'Prod' })).rejects.toThrow(code('run-not-resumable'));
  });

  it('probes an unknown step before it undoes it', async () => {
    const made = make();
    made.world.answers.set('execute b', () => {
      made.world.effects.push('b');
      return unknown;
    });
    const run = await made.run('three');
    made.world.calls.length = 0;
    await made.engine.settled((await made.engine.revert({ runId: run.id })).id);
    expect(made.world.calls).toEqual(['probe b', 'undo b', 'undo a']);
    expect(made.world.effects).toEqual([]);
  });

  it('undoes a step that was done in part with what its probe found, and a resume does it again under a new key', async () => {
    for (const back of [true, false]) {
      const made = make();
      made.world.answers.set('execute b', () => unknown);
      made.world.probes.set('b', { found: 'partly', observed: 'half of it is there', output: { fact: 'half' } });
      const run = await made.run('three');
      const probed = await made.engine.probe({ runId: run.id });
      expect(states(probed)).toBe('a done, b failed, c pending');
      expect(probed.steps[1]).toMatchObject({ output: { fact: 'half' }, problem: { message: 'It was done in part. half of it is there' } });
      made.world.answers.clear();
      made.world.calls.length = 0;
      const ended = await made.engine.settled(
        (back ? await made.engine.revert({ runId: run.id }) : await made.engine.resume({ runId: run.id })).id,
      );
      expect(ended.state).toBe(back ? 'reverted' : 'succeeded');
      expect(made.world.calls).toEqual(back ? ['probe b', 'undo b', 'undo a'] : ['execute b', 'execute c']);
    }
  });

  it('looks at a reading step of unknown outcome too, so that a reverted run shows nothing as unknown', async () => {
    const made = make();
    made.world.answers.set('execute c', () => unknown);
    const run = await made.run('three');
    expect(states(run)).toBe('a done, b done, c unknown');
    const back = await made.engine.settled((await made.engine.revert({ runId: run.id })).id);
    expect(back.state).toBe('reverted');
    expect(states(back)).toBe('a reverted, b reverted, c pending');
  });

  it('goes on after an undo that failed or was not seen, and never forward again', async () => {
    const made = make();
    const run = await made.run('three');
    made.world.answers.set('undo b', () => failed);
    const first = await made.engine.settled((await made.engine.revert({ runId: run.id })).id);
    expect(first).toMatchObject({ state: 'revert-failed', allowed: ['revert'] });
    made.world.answers.set('undo b', () => unknown);
    const second = await made.engine.settled((await made.engine.revert({ runId: run.id })).id);
    expect(second).toMatchObject({ state: 'unknown', allowed: ['probe', 'revert'] });
    await expect(made.engine.resume({ runId: run.id })).rejects.toThrow(code('run-not-resumable'));
    made.world.answers.clear();
    const third = await made.engine.settled((await made.engine.revert({ runId: run.id })).id);
    expect(third.state).toBe('reverted');
    expect(made.world.effects).toEqual(['c']);
  });

  it('stops at a step that can not be undone, with its reason', async () => {
    const made = make();
    const run = await made.run('final');
    expect(run.allowed).toEqual(['revert']);
    const reverted = await made.engine.settled((await made.engine.revert({ runId: run.id })).id);
    expect(reverted).toMatchObject({ state: 'revert-failed', allowed: [] });
    expect(reverted.summary).toContain('What is gone is gone.');
    expect(made.world.effects).toEqual(['a', 'z']);
  });

  it('passes over a step whose effect is kept, and says so', async () => {
    const made = make();
    const run = await made.run('keeps');
    expect(run.plan.steps[1]?.undo).toEqual({ kind: 'kept', reason: 'It is the way back.' });
    expect(run.plan.pointOfNoReturn).toBeNull();
    expect(run.allowed).toEqual(['revert']);
    made.world.calls.length = 0;
    const reverted = await made.engine.settled((await made.engine.revert({ runId: run.id })).id);
    expect(made.world.calls).toEqual(['undo b', 'undo a']);
    expect(reverted.steps.map(({ state }) => state)).toEqual(['reverted', 'done', 'reverted']);
    expect(reverted).toMatchObject({ state: 'reverted', allowed: [] });
    expect(reverted.summary).toBe('Reverted: what was done has been undone. Kept, as the plan says: “Make a copy”.');
    expect(made.world.effects).toEqual(['k']);
  });
});

describe('a kept step whose end was not seen', () => {
  const stuck = async (found: 'done' | 'unknown') => {
    const made = make();
    made.world.answers.set('execute k', () => unknown);
    made.world.probes.set('k', { found: 'unknown', observed: 'still running on the host' });
    const run = await made.run('keeps');
    expect(run.state).toBe('unknown');
    made.world.calls.length = 0;
    const reverting = made.engine.revert({ runId: run.id });
    if (found === 'done') made.world.probes.set('k', { found: 'done', observed: 'it ended', output: {} });
    return { made, reverted: await made.engine.settled((await reverting).id) };
  };

  it('is waited for before anything is undone: it may still be at work', async () => {
    const { made, reverted } = await stuck('done');
    expect(reverted.state).toBe('reverted');
    expect(made.world.calls.indexOf('probe k')).toBeLessThan(made.world.calls.indexOf('undo a'));
    expect(made.world.calls).toContain('probe k');
  });

  it('does not bar the way back for ever', async () => {
    const { made, reverted } = await stuck('unknown');
    expect(reverted.state).toBe('reverted');
    expect(made.world.calls.filter((call) => call === 'probe k').length).toBeGreaterThan(1);
    expect(reverted.steps[1]?.state).toBe('unknown');
    expect(reverted.summary).toContain('not known');
  });
});

describe('the host lock', () => {
  it('is held by one, with a fencing number that goes up, and given back', async () => {
    const { session } = make();
    expect(await readLock(session)).toBeUndefined();
    const first = await acquireLock(session, { runId: 'run-1', operator: 'ann@laptop', at: 1000 });
    expect(first).toMatchObject({
      runId: 'run-1',
      operator: 'ann@laptop',
      at: 1000,
      account: expect.stringMatching(/./),
      fence: expect.stringMatching(/^1-.*@\/.*quarterdeck\.lock$/),
    });
    await expect(acquireLock(session, { runId: 'run-2', operator: 'ben@tower', at: 2000 })).rejects.toThrow(code('host-locked'));
    const again = await acquireLock(session, { runId: 'run-1', operator: 'ann@laptop', at: 3000 });
    expect(again.fence).toMatch(/^2-/);
    await expect(checkLock(session, first.fence)).rejects.toThrow(code('host-locked'));
    await checkLock(session, again.fence);
    expect(await releaseLock(session, first.fence)).toBe(false);
    await expect(breakLock(session, 'run-2')).rejects.toThrow(code('host-locked'));
    expect(await releaseLock(session, again.fence)).toBe(true);
    expect(await readLock(session)).toBeUndefined();
  });

  it('is given back over a connection that is lost at the very end', async () => {
    const made = make();
    const { exec } = made.session;
    let losses = 0;
    Object.assign(made.session, {
      exec: async (...[script, options]: Parameters<typeof exec>) => {
        if (script.args?.[0] === 'release' && losses++ < 3) throw new Problem('ssh-connection-lost', 'The connection was lost.');
        return exec(script, options);
      },
    });
    const run = await made.run('three');
    expect(run).toMatchObject({ state: 'succeeded', summary: expect.not.stringContaining('lock') });
    expect(losses).toBe(4);
    expect(await readLock(made.session)).toBeUndefined();
  });

  it('goes to exactly one of many who ask at once', async () => {
    const { session } = make();
    const asked = await Promise.allSettled(
      Array.from({ length: 12 }, (_, n) => acquireLock(session, { runId: `run-${n}`, operator: `op${n}@x`, at: 1 })),
    );
    const won = asked.filter((one) => one.status === 'fulfilled');
    expect(won).toHaveLength(1);
    expect(await readLock(session)).toMatchObject({ runId: won[0]?.value.runId });
  });

  it('stops a second operator in the preflight and at the start; a left-over of an ended run is released', async () => {
    const ann = make();
    const ben = make({ operator: 'ben@tower', folder: ann.folder });
    const { plan } = await ben.prepare('three');
    const { token } = ben.engine.confirm({ planId: plan.id, planHash: plan.hash });
    ann.world.answers.set('execute b', () => unknown);
    const held = await ann.run('three');
    await expect(ben.engine.start({ planId: plan.id, token })).rejects.toThrow(code('host-locked'));
    expect(ben.engine.list({ limit: 1 })[0]).toMatchObject({ state: 'failed', summary: expect.stringContaining('ann@laptop') });
    expect(ben.world.effects).toEqual([]);
    expect((await ben.prepare('three')).preflight.items.find(({ id }) => id === 'lock')).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining(held.id),
    });
    expect((await ann.prepare('three')).preflight.items.find(({ id }) => id === 'lock')).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('resume or revert it first'),
    });
    ann.world.answers.clear();
    await ann.engine.settled((await ann.engine.revert({ runId: held.id })).id);
    // As if giving it back had failed.
    await acquireLock(ann.session, { runId: held.id, operator: 'ann@laptop', at: 1 });
    expect((await ann.prepare('three')).preflight.items.find(({ id }) => id === 'lock')?.verdict).toBe('warn');
    expect((await ann.run('three')).state).toBe('succeeded');
    await ann.engine.breakLock({ environmentId: 'env-1', runId: 'nobody' });
  });

  it('is not taken by runs that only read', async () => {
    const made = make();
    await acquireLock(made.session, { runId: 'run-x', operator: 'ben@tower', at: 1 });
    expect((await made.run('look')).state).toBe('succeeded');
    await expect(made.begin('three')).rejects.toThrow(code('preflight-blocked'));
  });
});

describe('fault points', () => {
  it('are awaited around the intent and the outcome of steps and undos, with the key of the try', async () => {
    const seen: string[] = [];
    const made = make({
      onPoint: async (point, where) => {
        await Promise.resolve();
        const last = made.journal.list({ runId: where.runId, limit: 1 }).entries[0];
        const said = last?.stepId === where.stepId ? last.kind : '-';
        seen.push(`${where.direction} ${where.position} ${where.stepId} ${point}: ${said}, effect ${made.world.effects.includes('a')}`);
        expect(where.stepKey).toBe(`${where.runId}-${where.stepId}-${where.direction === 'act' ? '1' : 'undo1'}`);
      },
    });
    const { id } = await made.run('keeps');
    expect(seen.slice(0, 4)).toEqual([
      'act 0 a before-intent: -, effect false',
      'act 0 a after-intent: step-intended, effect false',
      'act 0 a after-effect: step-intended, effect true',
      'act 0 a after-outcome: step-ended, effect true',
    ]);
    seen.length = 0;
    await made.engine.revert({ runId: id });
    await made.engine.settled(id);
    expect(seen.slice(4)).toEqual([
      'undo 0 a before-intent: -, effect true',
      'undo 0 a after-intent: undo-intended, effect true',
      'undo 0 a after-effect: undo-intended, effect false',
      'undo 0 a after-outcome: undo-ended, effect false',
    ]);
  });

  it('leave a run as it was stored there when the observer throws', async () => {
    const made = make({
      onPoint: (point, { stepId }) => {
        if (stepId === 'b' && point === 'after-effect') throw new Error('the process ended');
      },
    });
    const run = await made.run('three');
    expect(run).toMatchObject({ state: 'interrupted' });
    expect(states(run)).toBe('a done, b unknown, c pending');
    expect(made.world.effects).toEqual(['a', 'b']);
  });
});
