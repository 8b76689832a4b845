// `npm test`: set-up, then every check and every suite. The last line is the count of all of them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkNames, printCheck, runChecks } from './check.mjs';
import { electronBinary, systemChromium } from './machine.mjs';
import { nothing, readPlaywright, readVitest } from './reports.mjs';
import { foreground, isInterrupted, runMain, SetupError } from './run.mjs';
import { ensureBuilt, ensureInstalled, findNode, root } from './setup.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

const REPORTER = join(root, 'scripts/vitest-reporter.mjs');
const RESULTS = join(root, 'test-results');
/** A suite that hangs must not take the count of the others with it. */
const SUITE_LIMIT_MS = 30 * 60_000;

/** The suites see neither the user's agent nor his screen nor his Quarterdeck: they make their own. */
function suiteEnvironment(/** @type {string} */ scratch) {
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, QUARTERDECK_HOME: join(scratch, 'home') };
  for (const name of ['SSH_AUTH_SOCK', 'SSH_AGENT_PID', 'WAYLAND_DISPLAY', 'DBUS_SESSION_BUS_ADDRESS', 'FORCE_COLOR']) delete env[name];
  // Electron needs the display, and nothing else here does.
  if (!electronBinary()) delete env['DISPLAY'];
  return process.env['CI'] ? { ...env, NO_COLOR: '1' } : env;
}

/** @param {string} title */
const heading = (title) => console.log(`\n== ${title}`);

/**
 * @param {string} node @param {string} suite @param {NodeJS.ProcessEnv} env
 * @returns {Promise<import('./reports.mjs').Outcome>}
 */
async function vitest(node, suite, env) {
  heading(suite);
  const report = join(RESULTS, `${suite}.json`);
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', suite, '--reporter=default', `--reporter=${REPORTER}`];
  const code = await foreground(node, args, { cwd: root, env: { ...env, QUARTERDECK_REPORT: report }, timeout: SUITE_LIMIT_MS });
  return readVitest(suite, report, code);
}

/** @param {string} node @param {NodeJS.ProcessEnv} env */
async function journeys(node, env) {
  heading('journeys');
  if (!systemChromium()) return { ...nothing(), skips: ['journeys: no Chromium here'] };
  const report = join(RESULTS, 'journeys.json');
  const args = [join(root, 'node_modules/@playwright/test/cli.js'), 'test', '--reporter=list,json'];
  // Playwright sets FORCE_COLOR for its workers, and Node warns of both together.
  const { NO_COLOR: plain, ...rest } = env;
  const journeyEnv = { ...rest, ...(plain && { FORCE_COLOR: '0' }), PLAYWRIGHT_JSON_OUTPUT_FILE: report };
  const code = await foreground(node, args, { cwd: root, env: journeyEnv, timeout: SUITE_LIMIT_MS });
  const outcome = readPlaywright('journeys', report, code);
  if (!electronBinary()) outcome.skips.push("journeys (electron): Electron's binary is not here");
  return outcome;
}

/** @param {string} node */
async function checks(node) {
  heading('checks');
  const outcome = nothing();
  for (const { name, ok, output } of await runChecks(node, checkNames, printCheck)) {
    if (ok) outcome.passed += 1;
    else {
      outcome.failed += 1;
      outcome.failures.push({ name: `check: ${name}`, message: output.trim().split('\n').slice(-12).join('\n') });
    }
  }
  return outcome;
}

/** @param {string} node */
async function build(node) {
  heading('build');
  try {
    await ensureBuilt(node);
    return { ...nothing(), passed: 1 };
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return { ...nothing(), failed: 1, failures: [{ name: 'build', message: error.message }] };
  }
}

/** @param {import('./reports.mjs').Outcome[]} outcomes @param {string[]} absent */
function summary(outcomes, absent) {
  const sum = (/** @type {'passed' | 'failed' | 'skipped'} */ key) => outcomes.reduce((total, outcome) => total + outcome[key], 0);
  const failures = outcomes.flatMap((outcome) => outcome.failures);
  console.log('');
  for (const { name, message } of failures) console.log(`FAILED ${name}\n${message.replaceAll(/^/gm, '    ')}\n`);
  for (const line of absent) console.log(`skipped: set-up: ${line}`);
  for (const line of outcomes.flatMap((outcome) => outcome.skips)) console.log(`skipped: ${line}`);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  return sum('failed') === 0 ? 0 : 1;
}

await runMain(async () => {
  await ensureInstalled();
  const node = findNode();
  const absent = await ensureSystemPackages();
  rmSync(RESULTS, { recursive: true, force: true });
  const scratch = mkdtempSync(join(tmpdir(), 'quarterdeck-test-'));
  try {
    const env = suiteEnvironment(scratch);
    const suites = [
      () => checks(node),
      () => build(node),
      () => vitest(node, 'unit', env),
      () => vitest(node, 'integration', env),
      () => vitest(node, 'faults', env),
      () => journeys(node, env),
    ];
    const outcomes = [];
    for (const suite of suites) {
      outcomes.push(await suite());
      if (isInterrupted()) return 130;
    }
    return summary(outcomes, absent);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
