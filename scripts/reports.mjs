// Reads what the runners report by machine into one shape: counts, failures with their messages, skips with their reasons.
import { existsSync, readFileSync } from 'node:fs';

/** @typedef {{ name: string, message: string }} Failure */
/** @typedef {{ passed: number, failed: number, skipped: number, failures: Failure[], skips: string[] }} Outcome */

/** @returns {Outcome} */
export const nothing = () => ({ passed: 0, failed: 0, skipped: 0, failures: [], skips: [] });

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes of the runners' messages begin with ESC
const plain = (/** @type {string} */ text) => text.replaceAll(/\u001b\[[0-9;]*m/g, '');

/** @param {Outcome} outcome @param {string} name @param {string} message */
function fail(outcome, name, message) {
  outcome.failed += 1;
  outcome.failures.push({ name, message: plain(message).trim().split('\n').slice(0, 25).join('\n') });
}

/**
 * A runner that wrote no report, ran no test, or ended badly without naming a failed test has failed: silence is no success.
 * @param {Outcome} outcome @param {string} suite @param {number} code
 */
function close(outcome, suite, code) {
  if (outcome.passed + outcome.failed + outcome.skipped === 0) fail(outcome, suite, `the suite ran no test (exit code ${code})`);
  else if (code !== 0 && outcome.failed === 0)
    fail(outcome, suite, `the runner ended with ${code} though no test failed: see its output above`);
  return outcome;
}

/**
 * The report of vitest-reporter.mjs.
 * @param {string} suite @param {string} path @param {number} code the runner's exit code
 */
export function readVitest(suite, path, code) {
  const report = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : nothing();
  const outcome = { ...nothing(), passed: report.passed, skipped: report.skipped };
  for (const { name, message } of report.failures) fail(outcome, `${suite}: ${name}`, message);
  outcome.skips = report.skips.map((/** @type {string} */ line) => `${suite}: ${line}`);
  return close(outcome, suite, code);
}

/**
 * Playwright's json report.
 * @param {string} suite @param {string} path @param {number} code the runner's exit code
 */
export function readPlaywright(suite, path, code) {
  const outcome = nothing();
  const report = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { suites: [], errors: [] };
  const visit = (/** @type {any} */ group, /** @type {string[]} */ titles) => {
    for (const spec of group.specs ?? []) {
      for (const test of spec.tests) {
        const name = `${suite} (${test.projectName}): ${[...titles, spec.title].join(' › ')}`;
        const why = test.annotations?.find((/** @type {any} */ note) => note.type === 'skip')?.description;
        if (test.status === 'skipped') {
          outcome.skipped += 1;
          outcome.skips.push(`${name}${why ? `: ${why}` : ''}`);
        } else if (test.status === 'expected') outcome.passed += 1;
        else {
          const errors = test.results.flatMap((/** @type {any} */ result) => result.errors ?? []);
          fail(outcome, name, errors.map((/** @type {any} */ error) => error.message).join('\n') || test.status);
        }
      }
    }
    for (const child of group.suites ?? []) visit(child, [...titles, child.title]);
  };
  for (const group of report.suites) visit(group, [group.title]);
  for (const error of report.errors ?? []) fail(outcome, suite, error.message ?? String(error.value));
  return close(outcome, suite, code);
}
