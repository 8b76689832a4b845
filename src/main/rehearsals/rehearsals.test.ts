import { afterEach, describe, expect, it } from 'vitest';
import { fakeEngine } from '../engine/test-support/fakes.ts';
import { loadStack } from '../stacks/load.ts';
import { createRehearsals } from './rehearsals.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

type Fakes = ReturnType<typeof fakeEngine>;
let open: Fakes | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

function lab(): Fakes & { rehearsals: ReturnType<typeof createRehearsals> } {
  const fakes = fakeEngine();
  open = fakes;
  const text = `${fakes.stackText}
  - id: drill
    title: Drill
    description: A restore into a scratch target
    rehearsal: { of: three, rto: 15m, rpo: 24h, every: 30d, until: b, data_time: '\${steps.a.fact}' }
    steps:
      - { id: a, action: fake.read@1, with: { name: a } }
      - { id: b, action: fake.write@1, with: { name: b } }
      - { id: c, action: fake.write@1, with: { name: c } }
`;
  fakes.loaded.current = loadStack('fake.yaml', text, fakes.actions, 'shipped');
  const rehearsals = createRehearsals({
    environments: { find: () => fakes.environment.current },
    stacks: { find: () => fakes.loaded.current },
    runs: fakes.engine,
    clock: () => fakes.time.now,
  });
  return { ...fakes, rehearsals };
}

const dataOf = (fakes: Fakes, fact: string) =>
  fakes.world.answers.set('execute a', () => ({ outcome: 'done', observed: 'seen', output: { fact } }));

describe('the ledger of rehearsals', () => {
  it('says that a rehearsal was never done, as an alarm', () => {
    const { rehearsals } = lab();
    expect(rehearsals.list({ environmentId: 'env-1' })).toMatchObject({
      ledger: [],
      states: [{ runbook: 'drill', of: 'three', state: 'never', lastGoodAt: null, last: null }],
    });
    expect(rehearsals.alerts('env-1')).toMatchObject([{ id: 'rehearsal-drill', state: 'firing', severity: 'warning' }]);
  });

  it('enters a good one with its measures, journals them, and is quiet until it is stale', async () => {
    const made = lab();
    dataOf(made, String(made.time.now - 2 * HOUR));
    const run = await made.run('drill');
    const { ledger, states } = made.rehearsals.list({ environmentId: 'env-1' });
    expect(ledger).toMatchObject([{ runId: run.id, verdict: 'met', rpoMs: 2 * HOUR, rtoTargetMs: 15 * 60_000, of: 'three' }]);
    expect(ledger[0]?.rtoMs).toBeGreaterThanOrEqual(0);
    expect(states[0]).toMatchObject({ state: 'fresh', lastGoodAt: run.startedAt, dueAt: run.startedAt + 30 * DAY });
    expect(made.rehearsals.alerts('env-1')[0]?.state).toBe('ok');
    const ended = made.journal.list({ kinds: ['revert-ended'], limit: 1 }).entries[0];
    expect(ended?.data['rehearsal']).toMatchObject({ verdict: 'met', rpoMs: 2 * HOUR });

    made.time.now += 31 * DAY;
    expect(made.rehearsals.list({ environmentId: 'env-1' }).states[0]?.state).toBe('stale');
    expect(made.rehearsals.alerts('env-1')[0]).toMatchObject({ state: 'firing', since: run.startedAt + 30 * DAY });
  });

  it('leaves nothing behind: the steps’ own undo removes the scratch target, and what was measured stays', async () => {
    const made = lab();
    dataOf(made, String(made.time.now));
    const run = await made.run('drill');
    expect(run).toMatchObject({ state: 'succeeded', allowed: [], summary: expect.stringContaining('The scratch target was removed') });
    expect(run.steps.map(({ state }) => state)).toEqual(['done', 'reverted', 'reverted']);
    expect(made.world.effects).toEqual([]);
    expect(run.plan.blastRadius.at(-1)).toContain('removed again');
    expect(made.rehearsals.list({ environmentId: 'env-1' }).ledger[0]?.rtoMs).not.toBeNull();
  });

  it('a scratch target that can not be removed is told, and can be reverted again; the measure stands', async () => {
    const made = lab();
    dataOf(made, String(made.time.now));
    made.world.answers.set('undo b', () => ({
      outcome: 'failed',
      problem: { code: 'step-failed', message: 'It is in use.', retryable: false },
    }));
    const run = await made.run('drill');
    expect(run).toMatchObject({ state: 'revert-failed', allowed: ['revert'] });
    expect(made.rehearsals.list({ environmentId: 'env-1' }).ledger[0]?.verdict).toBe('met');
    made.world.answers.clear();
    await made.engine.settled((await made.engine.revert({ runId: run.id })).id);
    expect(made.world.effects).toEqual([]);
  });

  it.each([
    ['data that is too old', (now: number) => String(now - 25 * HOUR), 'missed', 25 * HOUR],
    ['a time with a zone', (now: number) => new Date(now - HOUR).toISOString(), 'met', HOUR],
    ['a clock ahead of this one', (now: number) => String(now + HOUR), 'met', 0],
    ['a time without a zone, which is nobody’s', () => '2026-11-01T00:00:00', 'missed', null],
    ['no time at all', () => 'yesterday', 'missed', null],
  ] as const)('%s', async (_what, fact, verdict, rpoMs) => {
    const made = lab();
    dataOf(made, fact(made.time.now));
    await made.run('drill');
    expect(made.rehearsals.list({ environmentId: 'env-1' }).ledger[0]).toMatchObject({ verdict, rpoMs });
  });

  it('a failed one is in the ledger as failed, does not count as done, and raises the alarm', async () => {
    const made = lab();
    dataOf(made, String(made.time.now));
    await made.run('drill');
    made.world.answers.set('execute b', () => ({
      outcome: 'failed',
      problem: { code: 'step-failed', message: 'The archive is cut.', retryable: false },
    }));
    made.time.now += DAY;
    await made.run('drill');
    const { ledger, states } = made.rehearsals.list({ environmentId: 'env-1' });
    expect(ledger.map(({ verdict, rtoMs }) => [verdict, rtoMs === null])).toEqual([
      ['failed', true],
      ['met', false],
    ]);
    expect(states[0]).toMatchObject({ state: 'fresh', last: { verdict: 'failed' } });
    expect(made.rehearsals.alerts('env-1')[0]).toMatchObject({ state: 'firing', detail: expect.stringContaining('The archive is cut.') });
  });

  it('one whose end was not seen is unknown, never met', async () => {
    const made = lab();
    made.world.answers.set('execute b', () => ({
      outcome: 'unknown',
      problem: { code: 'ssh-connection-lost', message: 'Lost.', retryable: true },
    }));
    await made.run('drill');
    expect(made.rehearsals.list({ environmentId: 'env-1' }).ledger[0]).toMatchObject({ verdict: 'unknown', rtoMs: null });
  });

  it('a failure of the clean-up after the measured step leaves the measure: the restore worked', async () => {
    const made = lab();
    dataOf(made, String(made.time.now));
    made.world.answers.set('execute c', () => ({
      outcome: 'failed',
      problem: { code: 'step-failed', message: 'The scratch target could not be removed.', retryable: false },
    }));
    const run = await made.run('drill');
    expect(run.state).toBe('failed');
    expect(made.rehearsals.list({ environmentId: 'env-1' }).ledger[0]?.verdict).toBe('met');
  });

  it.each([
    [`of: three, rto: 1m, rpo: 1m, every: 1d, until: zz, data_time: '\${steps.a.fact}'`, 'there is no step zz'],
    [`of: thre, rto: 1m, rpo: 1m, every: 1d, until: a, data_time: '\${steps.a.fact}'`, 'there is no runbook thre'],
    [`of: three, rto: 1m, rpo: 1m, every: 1d, until: a, data_time: '\${steps.a.fakt}'`, 'named fakt'],
    [`of: three, rto: 1m, rpo: 1m, every: 1d, until: a, data_time: '\${inputs.place}'`, 'only a whole'],
  ])('a stack that says %s is refused', (rehearsal, words) => {
    const { stackText, actions } = lab();
    const text = `${stackText}
  - id: drill
    title: Drill
    description: Wrong
    rehearsal: { ${rehearsal} }
    steps: [{ id: a, action: fake.read@1, with: { name: a } }]
`;
    expect(() => loadStack('fake.yaml', text, actions, 'shipped')).toThrow(words);
  });
});
