// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the stack format look like that
import { afterEach, describe, expect, it } from 'vitest';
import type { ProblemCode } from '../../contract/problem.ts';
import { Problem } from '../../contract/problem.ts';
import type { RunState } from '../../contract/runs.ts';
import { Plan, Preflight, Run, RunSummary } from '../../contract/runs.ts';
import { loadStack } from '../stacks/load.ts';
import { readLock } from './host-lock.ts';
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
