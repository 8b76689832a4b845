import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { whichIsLive } from './live-data.ts';
import { evicted } from './retention.ts';

const set = (events: number, head = '') => ({ events, head });

describe('which data is live', () => {
  it.each([
    ['older data, exactly', set(10), set(10), set(20), 'done'],
    ['older data, and some written since', set(15), set(10), set(20), 'done'],
    ['still the newer data', set(20), set(10), set(20), 'not-done'],
    ['still the newer data, and some written since', set(23), set(10), set(20), 'not-done'],
    ['newer data, exactly', set(20), set(20), set(10), 'done'],
    ['still the older data', set(12), set(20), set(10), 'not-done'],
    ['more than either: grown from which?', set(25), set(20), set(10), 'unknown'],
    ['fewer than either', set(5), set(10), set(20), 'unknown'],
    ['as many in both', set(10), set(10), set(10), 'unknown'],
    ['as many in both, told apart by the newest event', set(10, 'w'), set(10, 'w'), set(10, 'o'), 'done'],
    ['as many in both, and it is the other', set(10, 'o'), set(10, 'w'), set(10, 'o'), 'not-done'],
  ])('%s', (_words, live, wanted, other, found) => expect(whichIsLive(live, wanted, other)).toBe(found));

  it('never says done of data that was left alone, nor not-done of data that was replaced, while events are only appended', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.nat(10), fc.boolean(), (wanted, other, written, replaced) => {
        fc.pre(wanted !== other && written < Math.abs(wanted - other));
        const found = whichIsLive(set((replaced ? wanted : other) + written), set(wanted), set(other));
        return found === 'unknown' || found === (replaced ? 'done' : 'not-done');
      }),
    );
  });
});

describe('what retention deletes', () => {
  const now = Date.parse('2026-02-10T00:00:00Z');
  const backups = [1, 2, 3, 4].map((day) => ({ filename: `b${day}`, modified: Date.UTC(2026, 1, day) }));
  it.each([
    ['nothing within the limits', 4, null, 0, []],
    ['the oldest when one more comes', 4, null, 1, ['b1']],
    ['by count now', 2, null, 0, ['b2', 'b1']],
    ['by age', 10, 7.5, 0, ['b2', 'b1']],
    ['by both', 3, 7.5, 1, ['b2', 'b1']],
  ])('%s', (_words, count, days, coming, gone) => expect(evicted(backups, { count, days, source: '' }, coming, now)).toEqual(gone));
});
