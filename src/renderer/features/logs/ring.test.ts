import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LogRow } from './ring.ts';
import { createRing } from './ring.ts';

const row = (number: number): LogRow => ({ kind: 'dropped', count: number + 1 });

it('keeps the newest rows under their own numbers, whatever the blocks they came in', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 40 }), (capacity, blocks) => {
      const ring = createRing(capacity);
      let pushed = 0;
      for (const size of blocks) {
        ring.push(Array.from({ length: size }, (_, place) => row(pushed + place)));
        pushed += size;
        expect(ring.end).toBe(pushed);
        expect(ring.first).toBe(Math.max(0, pushed - capacity));
      }
      for (let number = 0; number < pushed + 3; number += 1) {
        expect(ring.at(number)).toEqual(number >= ring.first && number < pushed ? row(number) : undefined);
      }
    }),
  );
});

it('begins again when it is cleared', () => {
  const ring = createRing(2);
  ring.push([row(0), row(1), row(2)]);
  ring.clear();
  expect([ring.first, ring.end, ring.at(0)]).toEqual([0, 0, undefined]);
  ring.push([row(7)]);
  expect(ring.at(0)).toEqual(row(7));
});
