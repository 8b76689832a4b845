import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { faults } from './cases.ts';
import type { CaseResult } from './run-case.ts';

/** What one run of a scenario came to. */
export interface ScenarioResult {
  readonly id: string;
  readonly seed: number;
  /** How many cases the scenario has. */
  readonly of: number;
  /** Ids of the actions in its plan. */
  readonly actions: readonly string[];
  readonly cases: readonly CaseResult[];
  /** Why it could not run at all. */
  readonly skipped?: string;
  readonly broken?: string;
}

const fileOf = (folder: string, id: string, part: string) => join(folder, `faults-${id}${part}.json`);

/** Keeps a result, so that several runs can be put together. `part` tells the parts of one scenario apart. */
export function saveResult(folder: string, result: ScenarioResult, part: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(fileOf(folder, result.id, part), `${JSON.stringify(result, null, 1)}\n`);
}

/** What an earlier run of the same part has left; none when there was none. */
export function keptCases(folder: string, id: string, part: string): readonly CaseResult[] {
  try {
    return (JSON.parse(readFileSync(fileOf(folder, id, part), 'utf8')) as ScenarioResult).cases;
  } catch {
    return [];
  }
}

/** Every kept result, the parts of a scenario put together. */
export function readResults(folder: string): ScenarioResult[] {
  let names: string[] = [];
  try {
    names = readdirSync(folder).filter((name) => /^faults-.*\.json$/.test(name));
  } catch {
    // No run has been kept.
  }
  const byId = new Map<string, ScenarioResult>();
  for (const name of names.sort()) {
    const result = JSON.parse(readFileSync(join(folder, name), 'utf8')) as ScenarioResult;
    const other = byId.get(result.id);
    const fresh = new Map([...(other?.cases ?? []), ...result.cases].map((one) => [one.name, one]));
    byId.set(result.id, { ...other, ...result, of: Math.max(other?.of ?? 0, result.of), cases: [...fresh.values()] });
  }
  return [...byId.values()].sort((a, b) => a.id.localeCompare(b.id));
}

/** The matrix (operation × fault → survived/cases), what did not survive, and one line of sums. */
export function printMatrix(results: readonly ScenarioResult[], print: (line: string) => void): boolean {
  const width = Math.max(10, ...results.map(({ id }) => id.length)) + 2;
  const cell = (cases: readonly CaseResult[]): string =>
    cases.length === 0 ? '-' : `${cases.filter(({ survived }) => survived).length}/${cases.length}`;
  const row = (name: string, cells: readonly string[]): void =>
    print(`${name.padEnd(width)}${cells.map((text) => text.padStart(12)).join('')}`);
  print('survived/cases');
  row('', [...faults, 'all', 'of', 'ms/case']);
  for (const { id, cases, of, skipped } of results) {
    if (skipped !== undefined) {
      print(`${id.padEnd(width)}skipped: ${skipped}`);
      continue;
    }
    const ms = cases.length === 0 ? '-' : String(Math.round(cases.reduce((sum, one) => sum + one.ms, 0) / cases.length));
    row(id, [...faults.map((fault) => cell(cases.filter((one) => one.fault === fault))), cell(cases), String(of), ms]);
  }
  const all = results.flatMap(({ cases }) => cases);
  row('all', [
    ...faults.map((fault) => cell(all.filter((one) => one.fault === fault))),
    cell(all),
    String(results.reduce((sum, { of }) => sum + of, 0)),
    '',
  ]);
  for (const { id, seed, cases, broken } of results) {
    if (broken !== undefined) print(`BROKEN ${id}: ${broken}`);
    for (const { name, why, survived } of cases)
      if (!survived) print(`LOST ${id} ${name}: ${why ?? ''}\n     npm run test:faults -- ${id} --case ${name} --seed ${seed}`);
  }
  const lost = all.filter(({ survived }) => !survived).length;
  print(`${all.length} cases, ${all.length - lost} survived, ${lost} lost`);
  return lost === 0 && results.every(({ broken }) => broken === undefined);
}
