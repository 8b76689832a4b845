import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

interface FileReport {
  name: string;
  message: string;
  assertionResults: { title: string; status: string; failureMessages: string[] }[];
}

function runFixtures(): FileReport[] {
  const scratch = mkdtempSync(join(tmpdir(), 'quarterdeck-leaks-'));
  try {
    const config = join(scratch, 'vitest.config.mjs');
    const output = join(scratch, 'report.json');
    const settings = {
      root,
      test: { include: ['tests/support/fixtures/*.fixture.ts'], pool: 'forks', setupFiles: ['tests/support/leaks.ts'] },
    };
    writeFileSync(config, `export default ${JSON.stringify(settings)};`);
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const args = [vitest, 'run', '--config', config, '--reporter', 'json', '--outputFile', output];
    // The outer run marks its environment; the inner one must not take itself for a worker of it.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST$|NODE_ENV$)/.test(name)));
    spawnSync(process.execPath, args, { cwd: root, env, stdio: 'ignore' });
    return (JSON.parse(readFileSync(output, 'utf8')) as { testResults: FileReport[] }).testResults;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

test('a test file fails for what it leaves behind and for lines nobody announced', { timeout: 60_000 }, () => {
  const reports = runFixtures();
  const named = (name: string): FileReport | undefined => reports.find((report) => report.name.endsWith(`${name}.fixture.ts`));

  const leaky = named('leaky')?.message ?? '';
  expect(leaky).toMatch(/1 × TCPServerWrap/);
  expect(leaky).toMatch(/a timer, made .*leaky\.fixture\.ts/);
  expect(leaky).toMatch(/1 × ProcessWrap, made .*leaky\.fixture\.ts/);
  if (process.platform === 'linux') expect(leaky).toMatch(/child process \d+: sleep 30/);

  const noisy = named('noisy')?.assertionResults ?? [];
  expect(noisy.map(({ title, status }) => [title, status])).toEqual([
    ['says something nobody announced', 'failed'],
    ['says what was announced', 'passed'],
  ]);
  expect(noisy[0]?.failureMessages.join()).toContain('the pipe burst');

  expect(named('tidy')).toMatchObject({ message: '', assertionResults: [{ status: 'passed' }] });
});
