import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { ScenarioResult } from './matrix.ts';
import { keptCases, printMatrix, readResults, saveResult } from './matrix.ts';
import type { Selection } from './run-scenario.ts';
import { runScenario, scenarioIds } from './run-scenario.ts';

// `npm run test:faults -- [scenario…] [--case TEXT] [--sample N] [--seed N] [--workers N] [--parts N] [--add] [--report] [--quiet] [--out DIR]`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    sample: { type: 'string' },
    case: { type: 'string' },
    workers: { type: 'string', default: '2' },
    parts: { type: 'string', default: '1' },
    report: { type: 'boolean', default: false },
    add: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    out: { type: 'string', default: fileURLToPath(new URL('../../test-results', import.meta.url)) },
    inline: { type: 'string' },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const ids = positionals.length > 0 ? positionals : scenarioIds();
const parts = Number(values.parts);
/** Told to end: the present case is finished, and everything is taken down in order. */
let stopping = false;

/** One part of one scenario, in this process. */
async function inline(id: string, index: number): Promise<ScenarioResult> {
  const selection: Selection = {
    seed: Number(values.seed),
    ...(values.sample === undefined ? {} : { sample: Number(values.sample) }),
    ...(values.case === undefined ? {} : { match: values.case }),
    ...(parts > 1 ? { part: { index, count: parts } } : {}),
  };
  const part = parts > 1 ? `.${index}` : '';
  // What earlier runs came to stays with --add, so that a long matrix can be run in pieces.
  const kept = new Map(values.add ? keptCases(values.out, id, part).map((one) => [one.name, one]) : []);
  const result = await runScenario(
    id,
    selection,
    ({ name, survived, why, ms }) => {
      if (!values.quiet || !survived)
        say(`${survived ? 'ok  ' : 'LOST'} ${id} ${name} (${ms} ms)${why === undefined ? '' : `\n     ${why}`}`);
    },
    { stopping: () => stopping, done: kept },
  );
  for (const one of result.cases) kept.set(one.name, one);
  saveResult(values.out, { ...result, cases: [...kept.values()] }, part);
  return result;
}

async function all(): Promise<ScenarioResult[]> {
  const queue = ids.flatMap((id) => Array.from({ length: parts }, (_, index) => ({ id, index })));
  const results: ScenarioResult[] = [];
  const running = new Set<ChildProcess>();
  // The children get the terminal's signal too, and unmount what is theirs.
  process.on('SIGINT', () => queue.splice(0));
  process.on('SIGTERM', () => {
    queue.splice(0);
    for (const child of running) child.kill('SIGTERM');
  });
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { id, index } = next;
      const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...process.argv.slice(2), '--inline', `${id}:${index}`], {
        stdio: 'inherit',
      });
      running.add(child);
      const [code] = (await once(child, 'exit')) as [number | null];
      running.delete(child);
      if (code !== 0 && code !== 1)
        results.push({ id, seed: Number(values.seed), of: 0, actions: [], cases: [], broken: `its process ended with ${code}` });
    }
  };
  await Promise.all(Array.from({ length: Number(values.workers) }, worker));
  return [...readResults(values.out).filter(({ id }) => ids.includes(id)), ...results];
}

if (values.inline !== undefined) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      stopping = true;
    });
  const [id = '', index = '0'] = values.inline.split(':');
  const { broken, cases } = await inline(id, Number(index));
  process.exit(broken === undefined && cases.every(({ survived }) => survived) ? 0 : 1);
}
const well = printMatrix(values.report ? readResults(values.out) : await all(), say);
process.exitCode = well ? 0 : 1;
