// A report for scripts/test.mjs: what Vitest's own json leaves out is why a test was skipped and errors outside of tests.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { nothing } from './reports.mjs';

/** @param {readonly { message?: string, stack?: string }[] | undefined} errors */
const text = (errors) =>
  (errors ?? [])
    .flatMap((error) => (error.stack ?? error.message ?? String(error)).split('\n'))
    .filter((line) => !/^\s+at .*(node_modules\/(@?vitest|vite)\/|new Promise \(<anonymous>\))/.test(line))
    .join('\n');

// biome-ignore lint/style/noDefaultExport: Vitest loads a reporter by its default export
export default class CountReporter {
  /** @param {{ file?: string }} options */
  constructor(options = {}) {
    this.file = options.file ?? process.env['QUARTERDECK_REPORT'];
  }

  /**
   * @param {ReadonlyArray<import('vitest/node').TestModule>} modules
   * @param {ReadonlyArray<{ message?: string, stack?: string }>} unhandled
   */
  onTestRunEnd(modules, unhandled) {
    const report = nothing();
    const failed = (/** @type {string} */ name, /** @type {string} */ message) => report.failures.push({ name, message });
    for (const module of modules) {
      const file = relative(process.cwd(), module.moduleId);
      for (const test of module.children.allTests()) {
        const result = test.result();
        const name = `${file} › ${test.fullName}`;
        if (result.state === 'passed') report.passed += 1;
        else if (result.state === 'failed') failed(name, text(result.errors));
        else {
          report.skipped += 1;
          report.skips.push(result.state === 'skipped' && result.note ? `${name}: ${result.note}` : name);
        }
      }
      // A module fails as a whole when it can't be loaded, when a hook throws, or when it leaves something behind.
      const around = [...module.errors(), ...[...module.children.allSuites()].flatMap((suite) => suite.errors())];
      if (around.length > 0) failed(file, text(around));
    }
    if (unhandled.length > 0) failed('errors outside of the tests', text(unhandled));
    report.failed = report.failures.length;
    if (!this.file) return;
    mkdirSync(dirname(this.file), { recursive: true });
    writeFileSync(this.file, JSON.stringify(report));
  }
}
