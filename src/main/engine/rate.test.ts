import { describe, expect, it } from 'vitest';
import { createMeter } from './rate.ts';

describe('rate and estimate', () => {
  const meter = () => {
    const time = { now: 0 };
    return { time, ...createMeter(() => time.now) };
  };
  const bytes = (done: number, total = 10_000) => ({ done, total, unit: 'bytes' }) as const;

  it('are not told before enough was seen', () => {
    const { time, count, progress } = meter();
    expect(progress()).toBeNull();
    count(bytes(0));
    time.now += 700;
    count(bytes(700));
    expect(progress()).toMatchObject({ done: 700, rate: null, remainingMs: null });
  });

  it('follow the last seconds, not the whole', () => {
    const { time, count, progress } = meter();
    for (let second = 0; second < 20; second += 1) {
      count(bytes(second * 10));
      time.now += 1000;
    }
    const slow = 190;
    for (let second = 1; second <= 12; second += 1) {
      count(bytes(slow + second * 500));
      time.now += 1000;
    }
    const { rate, remainingMs, done } = progress() as NonNullable<ReturnType<typeof progress>>;
    expect(done).toBe(6190);
    // Nothing was counted in the very last second.
    expect(rate).toBeGreaterThan(400);
    expect(rate).toBeLessThanOrEqual(500);
    expect(remainingMs).toBe(Math.round(((10_000 - done) / (rate as number)) * 1000));
  });

  it('fall when nothing comes any more, and then tell no end', () => {
    const { time, count, progress } = meter();
    count(bytes(0));
    time.now += 2000;
    count(bytes(2000));
    expect(progress()).toMatchObject({ rate: 1000, remainingMs: 8000 });
    time.now += 2000;
    expect(progress()).toMatchObject({ rate: 500 });
    time.now += 60_000;
    expect(progress()).toMatchObject({ rate: 0, remainingMs: null });
  });

  it('begin anew with another thing that is counted', () => {
    const { time, count, progress } = meter();
    count(bytes(9000));
    time.now += 1000;
    count({ done: 0, total: 4, unit: 'items' });
    expect(progress()).toMatchObject({ unit: 'items', rate: null });
    time.now += 1000;
    count({ done: 2, total: 4, unit: 'items' });
    expect(progress()).toMatchObject({ rate: 2, remainingMs: 1000 });
    count({ done: 4, total: 4, unit: 'items' });
    expect(progress()).toMatchObject({ remainingMs: null });
  });
});
