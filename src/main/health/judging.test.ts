import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HealthSample } from '../../contract/health.ts';
import { createCounter, labelMatches } from './counters.ts';
import { parseDf } from './disk-look.ts';
import { broken, factsOf, valueAt } from './expectations.ts';
import { parseMetrics } from './prometheus.ts';
import type { Settled } from './settle.ts';
import { notLookedYet, settle } from './settle.ts';
import { downsample, percentile, uptime } from './statistics.ts';

describe('settling', () => {
  const run = (states: string, failures = 3, successes = 2): string => {
    const names = { h: 'healthy', d: 'degraded', u: 'unhealthy', o: 'unobserved' } as const;
    let settled: Settled = notLookedYet(0);
    return [...states]
      .map((letter, index) => {
        settled = settle(settled, { state: names[letter as 'h'], at: index }, { failures, successes });
        return settled.state === 'unobserved' ? 'o' : settled.state[0];
      })
      .join('');
  };
  it.each([
    ['h', 'h'],
    ['u', 'u'],
    ['huuhuuu', 'hhhhhhu'],
    ['uhuhh', 'uuuuh'],
    // All of the three are at least degraded.
    ['hudu', 'hhhd'],
    ['huuu', 'hhhu'],
    // Both are at most degraded.
    ['uuudh', 'uuuud'],
    // Not seeing shows at once, breaks a row, and changes nothing beneath.
    ['huuoh', 'hhhoh'],
    ['huuouu', 'hhhohh'],
    ['oohu', 'oohh'],
  ])('%s → %s', (looks, shown) => expect(run(looks)).toBe(shown));

  it('needs as many looks in a row as it says, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('h', 'u'), minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        (looks, failures, successes) => {
          const shown = run(looks, failures, successes);
          for (let i = 1; i < looks.length; i++) {
            if (shown[i] === shown[i - 1]) continue;
            const needed = shown[i] === 'u' ? failures : successes;
            expect(looks.slice(Math.max(0, i + 1 - needed), i + 1)).toBe((shown[i] as string).repeat(needed));
          }
        },
      ),
    );
  });
});

describe('figures', () => {
  it('p95 is the nearest rank, and nothing below twenty', () => {
    expect(
      percentile(
        Array.from({ length: 19 }, () => 1),
        0.95,
        20,
      ),
    ).toBeNull();
    expect(
      percentile(
        Array.from({ length: 100 }, (_, i) => 100 - i),
        0.95,
        20,
      ),
    ).toBe(95);
    expect(percentile([1], 0.95, 1)).toBe(1);
  });
  it('uptime leaves out what was not observed', () => {
    const at = (minutes: number, state: HealthSample['state']) => ({ at: minutes * 60_000, state });
    expect(uptime([], 60_000, 0)).toBeNull();
    expect(uptime([at(0, 'unobserved')], 60_000, 600_000)).toBeNull();
    expect(uptime([at(0, 'healthy'), at(1, 'unhealthy'), at(2, 'healthy'), at(3, 'healthy')], 60_000, 240_000)).toBe(0.75);
    // Eight hours of sleep after the second look count neither way.
    expect(uptime([at(0, 'healthy'), at(1, 'unhealthy'), at(481, 'healthy'), at(482, 'healthy')], 60_000, 483 * 60_000)).toBeCloseTo(
      3 / 4.5,
    );
    expect(uptime([at(5, 'healthy')], 60_000, 300_000)).toBe(1);
  });
  it('a thinned history keeps the extremes, the worst and the order', () => {
    const sample = fc.record({
      at: fc.nat(100_000),
      state: fc.constantFrom('healthy' as const, 'degraded' as const, 'unhealthy' as const, 'unobserved' as const),
      latencyMs: fc.nat(1000),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(sample, { selector: ({ at }) => at, minLength: 1, maxLength: 300 }),
        fc.integer({ min: 2, max: 50 }),
        (samples, points) => {
          const sorted = samples.sort((a, b) => a.at - b.at);
          const thin = downsample(sorted, 0, 100_000, points);
          expect(thin.length).toBeLessThanOrEqual(Math.max(points, 2));
          expect(thin.map(({ at }) => at)).toEqual(thin.map(({ at }) => at).sort((a, b) => a - b));
          const latencies = (list: readonly HealthSample[]) => list.map(({ latencyMs = 0 }) => latencyMs);
          expect(Math.max(...latencies(thin))).toBe(Math.max(...latencies(sorted)));
          expect(Math.min(...latencies(thin))).toBe(Math.min(...latencies(sorted)));
          expect(thin.some(({ state }) => state === 'unhealthy')).toBe(sorted.some(({ state }) => state === 'unhealthy'));
        },
      ),
    );
    expect(
      downsample(
        [
          { at: 1, state: 'healthy', latencyMs: 5 },
          { at: 2, state: 'unhealthy', reason: 'x' },
        ],
        0,
        10,
        1,
      ),
    ).toEqual([{ at: 1, state: 'unhealthy', latencyMs: 5, reason: 'x' }]);
  });
});

describe('expectations', () => {
  const body = {
    status: 'degraded',
    checks: { database: { status: 'error', detail: 'disk I/O \u001b[31merror' }, pool: { utilization: 0.95 } },
    '': 1,
  };
  it('say what is wrong in words', () => {
    expect(broken({ path: 'checks.database.status', equals: 'ok' }, body)).toBe('database: error — disk I/O error');
    expect(broken({ path: 'checks.database.status', equals: 'ok', otherwise: 'The check says “{actual}”.' }, body)).toBe(
      'The check says “error” — disk I/O error',
    );
    expect(broken({ path: 'checks.pool.utilization', at_most: 0.9 }, body)).toBe('utilization: 0.95, not at most 0.9');
    expect(broken({ path: 'nothing.there', equals: true }, body)).toBe('there: absent, not true');
    expect(broken({ path: 'status', one_of: ['ok', 'degraded'] }, body)).toBeUndefined();
    expect(broken({ path: 'checks.pool.utilization', at_least: 0.5, at_most: 1 }, body)).toBeUndefined();
  });
  it('do not look into prototypes', () => {
    expect(valueAt({}, 'constructor.name')).toBeUndefined();
    expect(valueAt([1], 'length')).toBe(1);
    expect(factsOf(body, { A: 'status', B: 'toString' })).toEqual({ A: 'degraded' });
  });
});

describe('metrics', () => {
  it('reads the text format and leaves out what it can’t', () => {
    const { samples, bad } = parseMetrics(
      '# HELP x y\n# TYPE x counter\nx 1\ny{a="b\\"\\n\\\\",c="},{"} +Inf 123\n z { } 1e3\nbroken{a=1} 2\nnovalue\n{} 1\n__proto__{constructor="x"} 5\nq{a="open 1\n',
    );
    expect(samples).toEqual<unknown>([
      { name: 'x', labels: {}, value: 1 },
      { name: 'y', labels: { a: 'b"\n\\', c: '},{' }, value: Number.POSITIVE_INFINITY },
      { name: 'z', labels: {}, value: 1000 },
      { name: '__proto__', labels: { constructor: 'x' }, value: 5 },
    ]);
    expect(bad).toBe(4);
  });
  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '{', '}', '"', '\\', '=', ',', ' ', '1', '\n', '#', 'é') }),
        (text) => void parseMetrics(text),
      ),
    );
  });
  it('matches labels exactly, or with stars', () => {
    expect(['429', '4290', ''].map((value) => labelMatches(value, '429'))).toEqual([true, false, false]);
    expect(['4xx', '404', '5xx', undefined].map((value) => labelMatches(value, '4*'))).toEqual([true, true, false, false]);
    expect(labelMatches('aXbXc', 'a*b*c') && !labelMatches('ab', 'a*b*b') && labelMatches('', '*')).toBe(true);
  });
  it('counters grow over resets and new series, within the window', () => {
    const counter = createCounter('r', 60_000);
    const scrape = (at: number, ok: number, bad?: number) =>
      counter.add(at, [
        { name: 'r', labels: { status: '200' }, value: ok },
        ...(bad === undefined ? [] : [{ name: 'r', labels: { status: '429' }, value: bad }]),
        { name: 'other', labels: {}, value: 1 },
      ]);
    scrape(0, 100);
    expect(counter.growth('status', '429')).toBeUndefined();
    scrape(10_000, 150, 5);
    expect(counter.growth('status', '429')).toMatchObject({ total: 55, matched: 5 });
    // The service was started anew: its counters begin at zero.
    scrape(20_000, 10, 2);
    expect(counter.growth('status', '429')).toMatchObject({ total: 67, matched: 7 });
    scrape(200_000, 50, 2);
    expect(counter.growth('status', '429')).toBeUndefined();
    scrape(210_000, 60, 2);
    expect(counter.growth('status', '429')).toMatchObject({ total: 10, matched: 0 });
  });
});

describe('df', () => {
  it.each([
    [
      'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 1000 400 500 45% /\n',
      { total: 1000 * 1024, used: 400 * 1024, available: 500 * 1024, mount: '/' },
    ],
    [
      'Filesystem 1024-blocks Used Available Capacity Mounted on\nmy share on x 10 20 30 40% /mnt/a b',
      { available: 30 * 1024, mount: '/mnt/a b' },
    ],
    ['Filesystem 1024-blocks Used Available Capacity Mounted on\ntmpfs 0 0 0 - /dev/shm\n', { total: 0, mount: '/dev/shm' }],
  ])('%s', (text, wanted) => expect(parseDf(text)).toMatchObject(wanted));
  it('gives nothing for nonsense', () => {
    expect(parseDf('')).toBeUndefined();
    expect(parseDf('df: /x: No such file or directory')).toBeUndefined();
  });
});
