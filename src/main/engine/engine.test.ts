// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the stack format look like that
import { afterEach, describe, expect, it } from 'vitest';
import type { ProblemCode } from '../../contract/problem.ts';
import { Problem } from '../../contract/problem.ts';
import type { RunState } from '../../contract/runs.ts';
import { Plan, Preflight, Run, RunSummary, SurveyFinding } from '../../contract/runs.ts';
import { loadStack } from '../stacks/load.ts';
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

describe('plan', () => {
  it('is pure, named by its hash, shows what will run, and crosses the boundary', () => {
    const { engine, world, time } = make({ tier: 'production' });
    const plan = engine.plan({ environmentId: 'env-1', runbook: 'three', inputs: { word: 'w' } });
    time.now += 5000;
    const again = engine.plan({ environmentId: 'env-1', runbook: 'three', inputs: { word: 'w' } });
    expect(Plan.parse(plan)).toEqual(plan);
    expect(again.hash).toBe(plan.hash);
    expect(again.id).not.toBe(plan.id);
    expect(engine.plan({ environmentId: 'env-1', runbook: 'three', inputs: { word: 'v' } }).hash).not.toBe(plan.hash);
    expect(plan.steps.map(({ commands }) => commands[0]?.text)).toEqual(['do a here', 'do b ‹a.fact›', 'do c w']);
    expect(plan).toMatchObject({ effect: 'destructive', requiresTypedName: true, pointOfNoReturn: null });
    expect(engine.plan({ environmentId: 'env-1', runbook: 'final', inputs: {} }).pointOfNoReturn).toBe('z');
    expect(world.calls).toEqual([]);
  });

  it('refuses bad inputs', () => {
    const { engine } = make();
    for (const inputs of [{ nothing: 'x' }, { word: 'a\nb' }, { word: '${steps.a.fact}' }])
      expect(() => engine.plan({ environmentId: 'env-1', runbook: 'three', inputs: inputs as unknown as Record<string, string> })).toThrow(
        code('bad-input'),
      );
    expect(() => engine.plan({ environmentId: 'env-1', runbook: 'nowhere', inputs: {} })).toThrow(code('not-found'));
  });
});

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

describe('before a run', () => {
  it('asks for a preflight that passed, not long ago', async () => {
    const { engine, prepare, time } = make();
    const bare = engine.plan({ environmentId: 'env-1', runbook: 'three', inputs: {} });
    expect(() => engine.confirm({ planId: bare.id, planHash: bare.hash })).toThrow(code('preflight-blocked'));
    const { plan, preflight } = await prepare('three');
    expect(Preflight.parse(preflight)).toEqual(preflight);
    expect(preflight).toMatchObject({ ok: true });
    // The clock of the test stands in another year than this machine's.
    expect(preflight.items.find(({ id }) => id === 'clock')?.verdict).toBe('warn');
    time.now += 10 * 60_000 + 1;
    expect(() => engine.confirm({ planId: plan.id, planHash: plan.hash })).toThrow(code('preflight-blocked'));
    const stuck = await prepare('stuck');
    expect(stuck.preflight).toMatchObject({ ok: false });
    expect(() => engine.confirm({ planId: stuck.plan.id, planHash: stuck.plan.hash })).toThrow(code('preflight-blocked'));
  });

  it('asks for the name on production, to the letter', async () => {
    const { engine, prepare } = make({ tier: 'production' });
    const { plan } = await prepare('three');
    expect(() => engine.confirm({ planId: plan.id, planHash: plan.hash })).toThrow(code('confirmation-required'));
    for (const typedName of ['prod', 'Prod ', 'Production'])
      expect(() => engine.confirm({ planId: plan.id, planHash: plan.hash, typedName })).toThrow(code('confirmation-wrong'));
    expect(engine.confirm({ planId: plan.id, planHash: plan.hash, typedName: 'Prod' }).token).not.toBe('');
  });

  it('takes a token once, for five minutes, for its own plan', async () => {
    const { engine, prepare, time, world } = make();
    const { plan } = await prepare('three');
    expect(() => engine.confirm({ planId: plan.id, planHash: '0'.repeat(64) })).toThrow(code('plan-stale'));
    const first = engine.confirm({ planId: plan.id, planHash: plan.hash });
    expect(first.expiresAt).toBe(time.now + 300_000);
    time.now += 300_001;
    await expect(engine.start({ planId: plan.id, token: first.token })).rejects.toThrow(code('confirmation-required'));
    const other = await prepare('look');
    const second = engine.confirm({ planId: plan.id, planHash: plan.hash });
    await expect(engine.start({ planId: other.plan.id, token: second.token })).rejects.toThrow(code('confirmation-required'));
    const run = await engine.start({ planId: plan.id, token: second.token });
    await engine.settled(run.id);
    await expect(engine.start({ planId: plan.id, token: second.token })).rejects.toThrow(code('confirmation-required'));
    expect(world.calls.filter((call) => call === 'execute a')).toHaveLength(1);
  });

  it('is void when the environment or the stack has changed', async () => {
    const made = make();
    const { plan } = await made.prepare('three');
    const { token } = made.engine.confirm({ planId: plan.id, planHash: plan.hash });
    made.environment.current = { ...made.environment.current, revision: 2 };
    expect(() => made.engine.confirm({ planId: plan.id, planHash: plan.hash })).toThrow(code('plan-stale'));
    await expect(made.engine.start({ planId: plan.id, token })).rejects.toThrow(code('plan-stale'));
    made.environment.current = { ...made.environment.current, revision: 1 };
    made.loaded.current = loadStack('fake.yaml', made.stackText.replace('Two that', 'Both that'), made.actions, 'shipped');
    expect(() => made.engine.confirm({ planId: plan.id, planHash: plan.hash })).toThrow(code('plan-stale'));
    expect(made.world.effects).toEqual([]);
  });
});

describe('a run', () => {
  it('journals the intent before each effect and the outcome after it, and hands facts on', async () => {
    const made = make();
    const rows: number[] = [];
    made.world.answers.set('execute b', () => {
      rows.push(made.journal.list({ limit: 1000, kinds: ['step-intended'] }).entries.filter(({ stepId }) => stepId === 'b').length);
      return { outcome: 'done', observed: 'with secret-value in it', output: { fact: 'secret-value' } };
    });
    const run = await made.run('three');
    expect(Run.parse(run)).toEqual(run);
    expect(run).toMatchObject({ state: 'succeeded', allowed: ['revert'] });
    expect(rows).toEqual([1]);
    expect(
      made.journal
        .list({ limit: 100, runId: run.id })
        .entries.reverse()
        .map(({ kind, stepId }) => `${kind} ${stepId ?? ''}`.trim()),
    ).toEqual([
      'run-started',
      'step-intended a',
      'step-ended a',
      'step-intended b',
      'step-ended b',
      'step-intended c',
      'step-ended c',
      'run-ended',
    ]);
    expect(JSON.stringify(run)).not.toContain('secret-value');
    expect(JSON.stringify(made.store.prepare('SELECT * FROM run_steps').all())).not.toContain('secret-value');
    expect(made.engine.list({ limit: 10 }).map((summary) => RunSummary.parse(summary).id)).toEqual([run.id]);
    expect(await readLock(made.session)).toBeUndefined();
  });

  it('does nothing when the journal can not be written', async () => {
    const made = make();
    made.world.answers.set('execute a', () => {
      made.store.pragma('query_only = ON');
      made.world.effects.push('a');
      return { outcome: 'done', observed: 'a is there', output: { fact: 'x' } };
    });
    const run = await made.run('three');
    expect(made.world.effects).toEqual(['a']);
    // Its effect is there and could not be written down: that is unknown, not done.
    expect(run).toMatchObject({ state: 'interrupted' });
    expect(states(run)).toBe('a unknown, b pending, c pending');
    const calls = [...made.world.calls];
    await expect(made.engine.resume({ runId: run.id })).rejects.toThrow(code('journal-unwritable'));
    expect(() => made.engine.plan({ environmentId: 'env-1', runbook: 'three', inputs: {} })).toThrow(code('journal-unwritable'));
    expect(made.world.calls).toEqual(calls);
    made.store.pragma('query_only = OFF');
    made.world.answers.clear();
    const resumed = await made.engine.settled((await made.engine.resume({ runId: run.id })).id);
    expect(resumed.state).toBe('succeeded');
    expect(made.world.calls.slice(calls.length)).toEqual(['probe a', 'execute b', 'execute c']);
  });

  it('stops at a failure, goes on from the failed step under a new key', async () => {
    const made = make();
    made.world.answers.set('execute b', () => failed);
    const run = await made.run('three');
    expect(run).toMatchObject({ state: 'failed', allowed: ['resume', 'revert'] });
    expect(states(run)).toBe('a done, b failed, c pending');
    made.world.answers.clear();
    const resumed = await made.engine.settled((await made.engine.resume({ runId: run.id })).id);
    expect(resumed.state).toBe('succeeded');
    expect(made.world.calls.filter((call) => call === 'execute a')).toHaveLength(1);
    expect(made.world.keys.filter((key) => key.includes('-b-'))).toEqual([`${run.id}-b-1`, `${run.id}-b-2`]);
  });

  it.each<[string, 'done' | 'not-done' | 'unknown', RunState, string[]]>([
    ['done', 'done', 'succeeded', ['probe b', 'execute c']],
    ['not done', 'not-done', 'succeeded', ['probe b', 'execute b', 'execute c']],
    ['still unknown', 'unknown', 'unknown', ['probe b']],
  ])('with an unknown step only probes, then resumes: %s', async (_words, found, state, calls) => {
    const made = make();
    made.world.answers.set('execute b', () => unknown);
    const run = await made.run('three');
    expect(run).toMatchObject({ state: 'unknown', allowed: ['probe', 'resume', 'revert'] });
    expect(run.steps[1]).toMatchObject({ state: 'unknown', problem: { code: 'outcome-unknown' } });
    expect(await readLock(made.session)).toMatchObject({ runId: run.id });
    made.world.answers.clear();
    made.world.probes.set('b', { found, observed: 'looked', output: { fact: 'f' } });
    made.world.calls.length = 0;
    const resumed = await made.engine.settled((await made.engine.resume({ runId: run.id })).id);
    expect(resumed.state).toBe(state);
    expect(made.world.calls).toEqual(calls);
  });

  it('treats an exception of a mutating step as unknown, of a reading one as failed', async () => {
    const made = make();
    made.world.answers.set('execute c', () => Promise.reject(new Error('broken')));
    expect((await made.run('three')).state).toBe('failed');
    made.world.answers.set('execute b', () => Promise.reject(new Error('broken')));
    const again = make();
    again.world.answers.set('execute b', () => Promise.reject(new Error('broken')));
    expect((await again.run('three')).state).toBe('unknown');
  });

  it('cancels before the next step, never in the middle of one', async () => {
    const made = make();
    made.world.answers.set('execute a', async () => {
      const [run] = made.engine.list({ limit: 1 });
      const cancelled = await made.engine.cancel({ runId: run?.id ?? '' });
      expect(cancelled).toMatchObject({ state: 'running', allowed: [], safePoint: { stepId: 'b' } });
      return { outcome: 'done', observed: 'a', output: { fact: 'x' } };
    });
    const run = await made.run('three');
    expect(run).toMatchObject({ state: 'cancelled', allowed: ['resume', 'revert'] });
    expect(states(run)).toBe('a done, b pending, c pending');
    await expect(made.engine.cancel({ runId: run.id })).rejects.toThrow(code('conflict'));
  });

  it('pauses before the next step, keeps the lock, and goes on', async () => {
    const made = make();
    made.world.answers.set('execute a', () => {
      const [run] = made.engine.list({ limit: 1 });
      const before = made.engine.get({ runId: run?.id ?? '' });
      expect(before).toMatchObject({ allowed: ['pause', 'cancel'], safePoint: { stepId: 'b', title: 'Fake destructive' } });
      const pausing = made.engine.pause({ runId: before.id });
      expect(pausing).toMatchObject({ state: 'running', allowed: ['cancel'], summary: 'Pausing: it stops before “Fake destructive”.' });
      return { outcome: 'done', observed: 'a', output: { fact: 'x' } };
    });
    const run = await made.run('three');
    expect(run).toMatchObject({ state: 'paused', allowed: ['resume', 'revert', 'cancel'], endedAt: null, safePoint: null });
    expect(states(run)).toBe('a done, b pending, c pending');
    expect(await readLock(made.session)).toMatchObject({ runId: run.id });
    expect((await made.prepare('three')).preflight.items.find(({ id }) => id === 'lock')).toMatchObject({ verdict: 'block' });
    expect(() => made.engine.pause({ runId: run.id })).toThrow(code('conflict'));
    // Another engine, as after a crash: it is still paused.
    const second = made.make();
    expect(second.get({ runId: run.id })).toMatchObject({ state: 'paused' });
    const resumed = await second.settled((await second.resume({ runId: run.id })).id);
    expect(resumed.state).toBe('succeeded');
    expect(await readLock(made.session)).toBeUndefined();
    const kinds = made.journal.list({ limit: 100, runId: run.id }).entries.map(({ kind }) => kind);
    expect(kinds.filter((kind) => ['run-started', 'run-paused', 'run-resumed', 'run-ended'].includes(kind))).toEqual([
      'run-ended',
      'run-resumed',
      'run-paused',
      'run-started',
    ]);
    expect(made.journal.verify()).toMatchObject({ ok: true });
    await second.close();
  });

  it('can be cancelled while it is paused, and gives the lock back', async () => {
    const made = make();
    made.world.answers.set('execute a', () => {
      made.engine.pause({ runId: made.engine.list({ limit: 1 })[0]?.id ?? '' });
      return { outcome: 'done', observed: 'a', output: { fact: 'x' } };
    });
    const run = await made.run('three');
    const cancelled = await made.engine.cancel({ runId: run.id });
    expect(cancelled).toMatchObject({ state: 'cancelled', allowed: ['resume', 'revert'] });
    expect(await readLock(made.session)).toBeUndefined();
    made.world.answers.clear();
    expect((await made.engine.settled((await made.engine.revert({ runId: run.id })).id)).state).toBe('reverted');
  });

  it('offers no stop when its last step runs', async () => {
    const made = make();
    made.world.answers.set('execute c', async () => {
      const run = made.engine.get({ runId: made.engine.list({ limit: 1 })[0]?.id ?? '' });
      expect(run).toMatchObject({ state: 'running', allowed: [], safePoint: null });
      await expect(made.engine.cancel({ runId: run.id })).rejects.toThrow(code('conflict'));
      return { outcome: 'done', observed: 'c', output: {} };
    });
    expect((await made.run('three')).state).toBe('succeeded');
  });

  it('keeps, hashes and redacts what its steps say, and tells progress with a rate', async () => {
    const made = make();
    made.world.answers.set('execute b', async (context) => {
      context.say('one\nsecret-');
      context.say('value two\n');
      context.progress({ done: 1, total: 4, unit: 'items' });
      const now = made.engine.get({ runId: made.engine.list({ limit: 1 })[0]?.id ?? '' });
      expect(Run.parse(now)).toEqual(now);
      expect(now.steps[1]).toMatchObject({
        progress: { done: 1, total: 4, unit: 'items', rate: null, remainingMs: null },
        said: { text: 'one\n‹secret› two\n', dropped: 0, sha256: null },
      });
      context.say('three');
      return { outcome: 'failed', problem: new Problem('step-failed', 'no', { detail: { exitCode: 7 } }).data };
    });
    const run = await made.run('three');
    const text = 'one\n‹secret› two\nthree';
    expect(run.steps[1]?.said).toMatchObject({
      text,
      bytes: Buffer.byteLength(text),
      dropped: 0,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(run.steps[1]?.progress).toBeNull();
    const row = made.journal.list({ limit: 100, runId: run.id, kinds: ['step-ended'] }).entries[0];
    expect(row?.data).toMatchObject({
      outcome: 'failed',
      exitCode: 7,
      said: { bytes: Buffer.byteLength(text), sha256: run.steps[1]?.said?.sha256 },
    });
    // A new try begins with nothing said.
    made.world.answers.clear();
    expect((await made.engine.settled((await made.engine.resume({ runId: run.id })).id)).steps[1]?.said).toBeNull();
  });

  it('is watched from its state on to its end', async () => {
    const made = make();
    const { id } = await made.begin('three');
    const seen: string[] = [];
    for await (const run of made.engine.watch({ runId: id }, new AbortController().signal)) seen.push(run.state);
    expect(seen.at(-1)).toBe('succeeded');
    const after: string[] = [];
    for await (const run of made.engine.watch({ runId: id }, new AbortController().signal)) after.push(run.state);
    expect(after).toEqual(['succeeded']);
  });

  it('becomes interrupted when its engine is closed or gone, and a second engine takes it up', async () => {
    const made = make();
    const reached = Promise.withResolvers<void>();
    const hang = Promise.withResolvers<typeof failed>();
    made.world.answers.set('execute b', () => {
      reached.resolve();
      return hang.promise;
    });
    const { id } = await made.begin('three');
    await reached.promise;
    await made.engine.close(10);
    const second = made.make();
    const run = second.get({ runId: id });
    expect(run).toMatchObject({ state: 'interrupted', allowed: ['probe', 'resume', 'revert'] });
    expect(states(run)).toBe('a done, b unknown, c pending');
    // What comes back after all is not written over what is known now.
    hang.resolve(failed);
    await new Promise((resolve) => setImmediate(resolve));
    expect(states(second.get({ runId: id }))).toBe('a done, b unknown, c pending');
    made.world.answers.clear();
    const probed = await second.probe({ runId: id });
    expect(states(probed)).toBe('a done, b pending, c pending');
    expect((await second.settled((await second.resume({ runId: id })).id)).state).toBe('succeeded');
    await second.close();
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

describe('a runbook that goes back by itself', () => {
  it('says so before it is confirmed', () => {
    const { engine } = make();
    const plan = engine.plan({ environmentId: 'env-1', runbook: 'returns', inputs: {} });
    expect(Plan.parse(plan)).toMatchObject({ onFailure: 'revert', blastRadius: ['Something.', expect.stringContaining('undone at once')] });
    expect(engine.plan({ environmentId: 'env-1', runbook: 'three', inputs: {} })).not.toHaveProperty('onFailure');
  });

  it('undoes what was done when a step is seen to fail, journals why, and gives the lock back', async () => {
    const { run, world, journal, session } = make();
    world.answers.set('execute c', () => failed);
    const ended = await run('returns');
    expect(ended.state).toBe('reverted');
    expect(states(ended)).toBe('a reverted, k done, b reverted, c failed');
    expect(ended.summary).toBe(
      'Failed: “Fake read” — It said no. It went back by itself: what was done has been undone. Kept, as the plan says: “Make a copy”.',
    );
    expect(world.effects).toEqual(['k']);
    expect(ended.allowed).toEqual([]);
    const { entries } = journal.list({ limit: 100 });
    expect(entries.find(({ kind }) => kind === 'revert-started')).toMatchObject({ data: { by: 'on-failure' } });
    expect(await readLock(session)).toBeUndefined();
  });

  it('takes back what a failed step left half done', async () => {
    const { run, world } = make();
    world.answers.set('execute b', () => {
      world.effects.push('b');
      return failed;
    });
    expect(states(await run('returns'))).toBe('a reverted, k done, b reverted, c pending');
    expect(world.effects).toEqual(['k']);
  });

  it.each([
    ['is not known', () => unknown, 'unknown'],
    ['waits for a person', () => ({ ...failed, waits: true as const }), 'failed'],
    ['could not be begun', () => ({ outcome: 'failed' as const, problem: new Problem('not-connected', 'It is away.').data }), 'failed'],
  ] as const)('undoes nothing when how a step ended %s', async (_words, answer, state) => {
    const { run, world, engine } = make();
    world.answers.set('execute b', answer);
    const ended = await run('returns');
    expect(ended.state).toBe(state);
    expect(states(ended)).toBe(`a done, k done, b ${state}, c pending`);
    expect(world.effects).toEqual(['a', 'k']);
    expect(world.calls.filter((call) => call.startsWith('undo'))).toEqual([]);
    // Going on is still possible, and still goes back by itself when it is seen to fail then.
    world.answers.delete('execute b');
    world.answers.set('execute c', () => failed);
    expect(states(await engine.settled((await engine.resume({ runId: ended.id })).id))).toBe('a reverted, k done, b reverted, c failed');
  });

  it('stays where it is when something is done that can not be undone', async () => {
    const { run, world } = make();
    world.answers.set('execute d', () => failed);
    const ended = await run('returns-final');
    expect(ended.state).toBe('failed');
    expect(world.effects).toEqual(['a', 'z']);
  });

  it('can be reverted again when its way back failed', async () => {
    const { run, world, engine } = make();
    world.answers.set('execute c', () => failed);
    world.answers.set('undo a', () => failed);
    const ended = await run('returns');
    expect(ended.state).toBe('revert-failed');
    expect(ended.summary).toContain('Failed: “Fake read”');
    world.answers.delete('undo a');
    expect((await engine.settled((await engine.revert({ runId: ended.id })).id)).state).toBe('reverted');
    expect(world.effects).toEqual(['k']);
  });
});
