import type { Plan } from '../../src/contract/runs.ts';
import type { FaultPoint } from '../../src/main/engine/types.ts';

/** Where a fault strikes: the engine's four points, and in the middle of the effect (as soon as its job runs, or some bytes went out). */
export const points = ['before-intent', 'after-intent', 'in-effect', 'after-effect', 'after-outcome'] as const;
export type Point = FaultPoint | 'in-effect';

/** What strikes. `state-full`: the file system of the account's state folder (jobs, lock) is full. `clock`: the laptop's clock jumps by an hour. */
export const faults = ['fin', 'rst', 'silent', 'kill-app', 'kill-helper', 'host-full', 'state-full', 'laptop-full', 'clock'] as const;
export type Fault = (typeof faults)[number];

/** One case: a fault at a point of a step, and what is done after it. */
export interface FaultCase {
  readonly step: string;
  readonly direction: 'act' | 'undo';
  readonly point: Point;
  readonly fault: Fault;
  readonly after: 'resume' | 'revert';
}

/** `swap/after-intent/rst/revert`; `undo:swap/…` for a fault while the step is undone. */
export const caseName = ({ step, direction, point, fault, after }: FaultCase): string =>
  `${direction === 'undo' ? 'undo:' : ''}${step}/${point}/${fault}/${after}`;

/** Every case of a plan: steps × points × faults × what then; and each undo × points × faults. */
export function casesOf(plan: Plan): FaultCase[] {
  const cases: FaultCase[] = [];
  for (const { id } of plan.steps)
    for (const point of points)
      for (const fault of faults)
        for (const after of ['resume', 'revert'] as const) cases.push({ step: id, direction: 'act', point, fault, after });
  const last = plan.steps.findLastIndex(({ undo }) => undo.kind === 'irreversible');
  for (const { id, undo } of plan.steps.slice(last + 1)) {
    if (undo.kind !== 'undo') continue;
    for (const point of points) for (const fault of faults) cases.push({ step: id, direction: 'undo', point, fault, after: 'revert' });
  }
  return cases;
}

/** A generator of numbers in [0, 1) that gives the same ones for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A generator of its own for a text. */
export function seededFor(text: string, seed: number): () => number {
  let hash = (seed ^ 0x811c9dc5) >>> 0;
  for (const char of text) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0;
  return seeded(hash);
}

/**
 * `size` of the cases, each fault in turn, the same ones for the same seed. `from` is how many were taken elsewhere before: the turn of
 * the faults goes on from there, so that a few cases of each of several scenarios have every fault.
 */
export function sampleOf(cases: readonly FaultCase[], size: number, seed: number, from = 0): FaultCase[] {
  const random = seeded(seed + from);
  const shuffled = cases
    .map((one) => ({ one, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
  const turns = faults.map((_, at) => faults[(at + from) % faults.length]).map((fault) => shuffled.filter((one) => one.fault === fault));
  const chosen: FaultCase[] = [];
  while (chosen.length < size && turns.some((queue) => queue.length > 0))
    for (const queue of turns) {
      const next = chosen.length < size ? queue.shift() : undefined;
      if (next !== undefined) chosen.push(next);
    }
  return chosen;
}
