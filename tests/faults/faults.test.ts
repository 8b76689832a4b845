import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { createActions } from '../../src/main/stacks/actions/index.ts';
import { caseName, casesOf, faults, points, sampleOf } from './cases.ts';
import type { ScenarioResult } from './matrix.ts';
import { readResults } from './matrix.ts';
import { scenarioIds } from './run-scenario.ts';

// A sample of `npm run test:faults`. Another one: QUARTERDECK_FAULT_SEED, or more of them: QUARTERDECK_FAULT_SAMPLE (for each scenario).
const seed = process.env['QUARTERDECK_FAULT_SEED'] ?? '1';
const sample = process.env['QUARTERDECK_FAULT_SAMPLE'] ?? '2';
const out = fileURLToPath(new URL('../../test-results/faults-sample', import.meta.url));
const ids = scenarioIds();
let results: readonly ScenarioResult[] = [];
const resultOf = (id: string): ScenarioResult | undefined => results.find((result) => result.id === id);

beforeAll(async () => {
  rmSync(out, { recursive: true, force: true });
  console.log(`seed ${seed}, ${sample} cases of each scenario`);
  const args = ['--seed', seed, '--sample', sample, '--out', out, '--quiet'];
  const child = spawn(process.execPath, [fileURLToPath(new URL('./run.ts', import.meta.url)), ...args], { stdio: 'inherit' });
  await once(child, 'exit');
  results = readResults(out);
}, 20 * 60_000);

describe('a sample of faults', () => {
  it.for(ids)('%s survives', (id, context) => {
    const result = resultOf(id);
    if (result?.skipped !== undefined) context.skip(result.skipped);
    expect(result?.broken).toBeUndefined();
    expect(result?.cases.length).toBeGreaterThan(0);
    expect(result?.cases.filter(({ survived }) => !survived)).toEqual([]);
  });

  it('has every kind of fault', (context) => {
    if (results.some(({ skipped }) => skipped !== undefined)) context.skip('not all scenarios can run here');
    expect([...new Set(results.flatMap(({ cases }) => cases.map(({ fault }) => fault)))].sort()).toEqual([...faults].sort());
  });

  it('reaches every action that changes something', (context) => {
    if (results.some(({ skipped }) => skipped !== undefined)) context.skip('not all scenarios can run here');
    const reached = new Set(results.flatMap(({ actions }) => actions));
    const missed = [...createActions({ inspectSqlite: () => Promise.reject(new Error('not here')) }).values()]
      .filter(({ effect }) => effect !== 'read')
      .map(({ id }) => id)
      .filter((id) => !reached.has(id));
    expect(missed, 'each of these needs a scenario in tests/faults/scenarios whose runbook has it').toEqual([]);
  });
});

describe('the cases', () => {
  const step = (id: string, undo: 'undo' | 'kept' | 'irreversible') => ({ id, undo: { kind: undo, title: '', commands: [], reason: '' } });
  const plan = { steps: [step('a', 'undo'), step('b', 'kept'), step('c', 'undo')] } as unknown as Parameters<typeof casesOf>[0];

  it('are every step at each point under each fault, resumed and reverted, and each undo', () => {
    const cases = casesOf(plan);
    const each = points.length * faults.length;
    expect(cases).toHaveLength(3 * each * 2 + 2 * each);
    expect(new Set(cases.map(caseName)).size).toBe(cases.length);
  });

  it('have no undo to strike before a point of no return', () => {
    const passed = { steps: [step('a', 'undo'), step('b', 'irreversible'), step('c', 'undo')] } as unknown as typeof plan;
    expect(
      casesOf(passed)
        .filter(({ direction }) => direction === 'undo')
        .map(({ step: id }) => id),
    ).not.toContain('a');
  });

  it('are sampled alike for the same seed, each fault in turn', () => {
    const cases = casesOf(plan);
    const names = (seedOf: number, from = 0) => sampleOf(cases, faults.length, seedOf, from).map(caseName);
    expect(names(7)).toEqual(names(7));
    expect(names(7)).not.toEqual(names(8));
    const [first, second] = [sampleOf(cases, 5, 7), sampleOf(cases, 5, 7, 5)];
    expect(new Set([...first, ...second].map(({ fault }) => fault)).size).toBe(faults.length);
  });
});
