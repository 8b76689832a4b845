// `npm run check [-- NAME …]`: types, lint, dependency rules, unused code. Each is one test in the count of `npm test`.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { capture, runMain } from './run.mjs';
import { ensureInstalled, findNode, root } from './setup.mjs';

const tool = (/** @type {string} */ path) => join(root, 'node_modules', path);
const LAYERS = ['contract', 'main', 'renderer', 'tests', 'scripts'];
const CRUISED = ['src', 'tests', 'e2e', 'scripts', 'bench'];

/** @typedef {{ name: string, ok: boolean, output: string, seconds: number }} CheckResult */

/** @type {Record<string, () => string[][]>} */
const checks = {
  types: () => LAYERS.map((layer) => [tool('typescript/bin/tsc'), '-p', join(root, `tsconfig.${layer}.json`)]),
  lint: () => [[tool('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '--max-diagnostics=60']],
  deps: () => [
    [
      tool('dependency-cruiser/bin/dependency-cruiser.mjs'),
      '--config',
      join(root, '.dependency-cruiser.cjs'),
      ...CRUISED.filter((folder) => existsSync(join(root, folder))),
    ],
  ],
  unused: () => [[tool('knip/bin/knip.js'), '--no-progress']],
};

export const checkNames = Object.keys(checks);

/**
 * Runs the named checks one after the other and reports each as it ends.
 * @param {string} node @param {string[]} names @param {(result: CheckResult) => void} report
 */
export async function runChecks(node, names, report) {
  /** @type {CheckResult[]} */
  const results = [];
  for (const name of names) {
    const start = Date.now();
    const runs = [];
    for (const args of checks[name]?.() ?? []) runs.push(await capture(node, args, { cwd: root }));
    const failed = runs.filter(({ code }) => code !== 0);
    const output = failed.map(({ output: text }) => text.trim()).join('\n');
    const result = { name, ok: failed.length === 0, output, seconds: (Date.now() - start) / 1000 };
    results.push(result);
    report(result);
  }
  return results;
}

/** @param {CheckResult} result */
export function printCheck({ name, ok, output, seconds }) {
  if (!ok) console.log(output);
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await runMain(async () => {
    await ensureInstalled();
    const asked = process.argv.slice(2);
    const unknown = asked.filter((name) => !checkNames.includes(name));
    if (unknown.length > 0) {
      console.error(`no such check: ${unknown.join(', ')}; there are ${checkNames.join(', ')}`);
      return 2;
    }
    const results = await runChecks(findNode(), asked.length > 0 ? asked : checkNames, printCheck);
    return results.every(({ ok }) => ok) ? 0 : 1;
  });
}
