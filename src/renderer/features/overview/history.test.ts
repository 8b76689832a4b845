import { describe, expect, it } from 'vitest';
import type { HealthSample } from '../../../contract/health.ts';
import { sparkRuns } from '../../ui/sparkline.tsx';
import { historySeries, historyWords } from './history.ts';

const good = (at: number): HealthSample => ({ at, state: 'healthy', latencyMs: 10 });
const unseen = (at: number): HealthSample => ({ at, state: 'unobserved', latencyMs: 99 });

describe('history', () => {
  it('draws no line over what was not observed', () => {
    expect(historySeries([good(0), unseen(1000), good(2000)], 1000).values).toEqual([10, null, 10]);
  });

  it('draws no line over a hole in time', () => {
    const { times, values } = historySeries([good(0), good(1000), good(60_000), good(61_000)], 1000);
    expect(values).toEqual([10, 10, null, 10, 10]);
    expect([...times].sort((a, b) => a - b)).toEqual(times);
  });

  it('takes points far apart for what they are when the span is long', () => {
    expect(historySeries([good(0), good(60_000), good(120_000)], 1000).values).toEqual([10, 10, 10]);
  });

  it('says in words what the chart shows', () => {
    expect(historyWords([good(0), unseen(1), { at: 2, state: 'unhealthy' }])).toBe('3 looks: 1 healthy, 1 not healthy, 1 unobserved.');
    expect(historyWords([])).toBe('Nothing was recorded in this span.');
  });
});

describe('sparkline', () => {
  it('breaks at what was not observed and keeps the newest at the right', () => {
    const { points } = sparkRuns([good(0), unseen(1), good(2), good(3)], 10);
    expect(points.map((run) => run.map(([place]) => place))).toEqual([[6], [8, 9]]);
  });

  it('shows nothing for nothing', () => expect(sparkRuns([]).points).toEqual([]));
});
