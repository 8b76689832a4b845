import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plan } from '../../src/contract/runs.ts';
import type { FaultCase } from './cases.ts';
import { caseName, casesOf, sampleOf } from './cases.ts';
import { createDoomedApps } from './doom.ts';
import type { ScenarioResult } from './matrix.ts';
import type { CaseResult } from './run-case.ts';
import { runCase } from './run-case.ts';
import type { Scenario } from './scenario.ts';
import { smallDiskUnavailable } from './small-disk.ts';
import type { World } from './world.ts';
import { startWorld } from './world.ts';

/** Which cases of a scenario are run. */
export interface Selection {
  readonly seed: number;
  /** So many of them, chosen by the seed; all when not given. */
  readonly sample?: number;
  /** Those whose name contains this. */
  readonly match?: string;
  /** The `index`th of `count` parts, for several workers on one scenario. */
  readonly part?: { readonly index: number; readonly count: number };
}

const scenarios = new URL('./scenarios/', import.meta.url);

/** Ids of all scenarios: the names of their files. */
export const scenarioIds = (): string[] =>
  readdirSync(fileURLToPath(scenarios))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.slice(0, -'.ts'.length))
    .sort();

/** Loads a scenario: the one export of its file that is one. */
export async function loadScenario(id: string): Promise<Scenario> {
  const module = (await import(new URL(`${id}.ts`, scenarios).href)) as Record<string, unknown>;
  const found = Object.values(module).find((value) => (value as Partial<Scenario> | undefined)?.id === id);
  if (found === undefined) throw new Error(`scenarios/${id}.ts exports no scenario of that id`);
  return found as Scenario;
}

/** The plan that a scenario's runbook gives. */
async function planOf(world: World): Promise<Plan> {
  await world.fresh();
  const open = await world.open();
  try {
    return open.engine.plan({
      environmentId: world.handle.environment.id,
      runbook: world.lab.runbook,
      inputs: { ...world.lab.runInputs() },
    });
  } finally {
    await open.close();
  }
}

function select(id: string, cases: readonly FaultCase[], { seed, sample, match, part }: Selection): FaultCase[] {
  const matching = match === undefined ? [...cases] : cases.filter((one) => caseName(one).includes(match));
  const sampled = sample === undefined ? matching : sampleOf(matching, sample, seed, sample * scenarioIds().indexOf(id));
  return part === undefined ? sampled : sampled.filter((_, at) => at % part.count === part.index);
}

/**
 * Runs the cases of a scenario, one after the other on one set of components. `tell` hears of each; `stopping` is asked before each; those that are `done` and survived are
 * passed over.
 */
export async function runScenario(
  id: string,
  selection: Selection,
  tell: (result: CaseResult) => void,
  run: { readonly stopping: () => boolean; readonly done: ReadonlyMap<string, CaseResult> },
): Promise<ScenarioResult> {
  const base = { id, seed: selection.seed, of: 0, actions: [], cases: [] };
  let world: World | undefined;
  const apps = createDoomedApps();
  const cases: CaseResult[] = [];
  let of = 0;
  let actions: string[] = [];
  try {
    const scenario = await loadScenario(id);
    const skipped = scenario.unavailable() ?? smallDiskUnavailable();
    if (skipped !== undefined) return { ...base, skipped };
    world = await startWorld(scenario);
    const plan = await planOf(world);
    const all = casesOf(plan);
    of = all.length;
    actions = plan.steps.map(({ action }) => action);
    for (const one of select(id, all, selection)) {
      if (run.stopping()) break;
      if (run.done.get(caseName(one))?.survived === true) continue;
      const result = await runCase(world, apps, one, selection.seed);
      cases.push(result);
      tell(result);
    }
    return { ...base, of, actions, cases };
  } catch (error) {
    return { ...base, of, actions, cases, broken: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  } finally {
    await apps.close();
    await world?.stop();
  }
}
