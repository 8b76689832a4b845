import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');

/** One line per rule: what is broken, by which file, with which line. */
const broken: [rule: string, file: string, line: string][] = [
  ['no-circular', 'src/main/engine/ring-a.ts', "import { b } from './ring-b.ts'; export const a = b;"],
  ['not-resolvable', 'src/main/engine/lost.ts', "export * from './nowhere.ts';"],
  ['not-to-tests', 'src/main/health/testing.ts', "export * from '../../../tests/support/lab.ts';"],
  ['not-to-tests', 'src/main/health/testing-unit.ts', "export * from './sparkline.test.ts';"],
  ['no-undeclared', 'src/main/health/undeclared.ts', "import 'left-pad';"],
  ['contract', 'src/contract/heavy.ts', "import 'ws';"],
  ['contract', 'src/contract/node.ts', "import 'node:fs';"],
  ['contract', 'src/contract/upwards.ts', "import type { Host } from '../main/host.ts'; export type H = Host;"],
  ['drivers', 'src/main/drivers/ssh/product.ts', "import type { Backup } from '../../backups/backup.ts'; export type B = Backup;"],
  ['engine-and-stacks', 'src/main/engine/driving.ts', "import { ssh } from '../drivers/ssh/ssh.ts'; export const s = ssh;"],
  ['engine-and-stacks-types', 'src/main/stacks/domain.ts', "import type { Backup } from '../backups/backup.ts'; export type B = Backup;"],
  ['store', 'src/main/store/domain.ts', "import type { Backup } from '../backups/backup.ts'; export type B = Backup;"],
  ['journal', 'src/main/journal/domain.ts', "import type { Backup } from '../backups/backup.ts'; export type B = Backup;"],
  ['wires', 'src/main/rpc/domain.ts', "import type { Backup } from '../backups/backup.ts'; export type B = Backup;"],
  ['cli', 'src/main/cli/domain.ts', "import { backup } from '../backups/backup.ts'; export const b = backup;"],
  ['domains-by-wiring', 'src/main/health/neighbour.ts', "import { backup } from '../backups/backup.ts'; export const b = backup;"],
  ['host-is-the-top', 'src/main/health/top.ts', "import { host } from '../host.ts'; export const h = host;"],
  ['ways-in-are-leaves', 'src/main/health/way-in.ts', "import { serve } from '../loopback/serve.ts'; export const s = serve;"],
  ['shell', 'src/main/shell/domain.ts', "import { backup } from '../backups/backup.ts'; export const b = backup;"],
  ['loopback', 'src/main/loopback/domain.ts', "import { backup } from '../backups/backup.ts'; export const b = backup;"],
  ['preload', 'src/preload/main.ts', "import { host } from '../main/host.ts'; export const h = host;"],
  ['preload', 'src/preload/node.ts', "import 'node:fs';"],
  [
    'renderer',
    'src/renderer/app/main.tsx',
    "import type { Host } from '../../main/host.ts'; export const a = <p>{'x' as unknown as Host}</p>;",
  ],
  ['renderer', 'src/renderer/app/lazy.ts', "export const lazy = () => import('../../main/host.ts');"],
  ['renderer-in-a-browser', 'src/renderer/app/library.ts', "import 'ssh2';"],
  ['renderer-no-node', 'src/renderer/app/node.ts', "import 'node:fs';"],
  ['main-no-screens', 'src/main/health/screen.ts', "export * from '../../renderer/ui/button.tsx';"],
  ['electron-in-its-place', 'src/main/health/electron.ts', "import { app } from 'electron'; export const a = app;"],
  ['electron-in-its-place', 'src/main/index.ts', "import type { App } from 'electron'; export type A = App;"],
  [
    'electron-in-its-place',
    'src/main/health/required.ts',
    "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url); require('electron');",
  ],
  ['ssh2-in-its-place', 'src/main/health/ssh.ts', "import type { Client } from 'ssh2'; export type C = Client;"],
  ['keytar-in-its-place', 'src/main/secrets/ring.ts', "import 'keytar';"],
  ['better-sqlite3-in-its-place', 'src/main/journal/sql.ts', "import 'better-sqlite3';"],
  ['undici-in-its-place', 'src/main/health/http.ts', "import 'undici';"],
  ['ws-in-its-place', 'src/main/health/socket.ts', "import 'ws';"],
  ['yaml-in-its-place', 'src/main/health/yaml.ts', "import 'yaml';"],
  ['commander-in-its-place', 'src/main/health/command.ts', "import 'commander';"],
  ['no-dev-dependency', 'src/main/health/dev.ts', "import 'fast-check';"],
];

/** What the table allows, in the same tree: none of these may be reported. */
const fine: [file: string, line: string][] = [
  ['src/main/engine/ring-b.ts', "export const b = 1; export type { A } from './ring-c.ts';"],
  ['src/main/engine/ring-c.ts', 'export type A = 1;'],
  ['src/main/drivers/ssh/ssh.ts', "import 'ssh2'; import '../../../contract/problem.ts'; export const ssh = 1; export type Ssh = 1;"],
  ['src/main/drivers/sqlite/open.ts', "import 'better-sqlite3';"],
  ['src/main/engine/typed.ts', "import type { Ssh } from '../drivers/ssh/ssh.ts'; export type S = Ssh;"],
  ['src/main/backups/backup.ts', "import { ssh } from '../drivers/ssh/ssh.ts'; export const backup = ssh; export type Backup = 1;"],
  ['src/main/health/typed.ts', "import type { Backup } from '../backups/backup.ts'; export type B = Backup;"],
  ['src/main/health/sparkline.test.ts', "import { lab } from '../../../tests/support/lab.ts'; import 'fast-check'; export const l = lab;"],
  ['src/main/host.ts', "import { backup } from './backups/backup.ts'; export const host = backup; export type Host = 1;"],
  ['src/main/serve.ts', "import { host } from './host.ts'; import { serve } from './loopback/serve.ts'; serve(host);"],
  ['src/main/cli.ts', "import 'commander'; import { host } from './host.ts'; export const h = host;"],
  [
    'src/main/loopback/serve.ts',
    "import 'ws'; import type { Host } from '../host.ts'; export const serve = (_: unknown) => undefined; export type H = Host;",
  ],
  ['src/main/shell/window.ts', "import { app } from 'electron'; import { host } from '../host.ts'; export const a = [app, host];"],
  ['src/main/demo/server.ts', "import 'ssh2'; import 'better-sqlite3';"],
  ['src/preload/index.ts', "import { contextBridge } from 'electron'; import '../contract/problem.ts'; export const c = contextBridge;"],
  ['src/contract/problem.ts', "import 'zod';"],
  [
    'src/renderer/ui/button.tsx',
    "import 'react'; import '../../contract/problem.ts'; export const Button = () => <button type=\"button\" />;",
  ],
  ['tests/support/lab.ts', "import 'ssh2'; export const lab = 1;"],
];

const dependencies = ['ssh2', 'keytar', 'better-sqlite3', 'undici', 'ws', 'yaml', 'commander', 'zod'];
const devDependencies = ['electron', 'fast-check', 'react'];

describe('dependency rules', () => {
  const tree = mkdtempSync(join(tmpdir(), 'quarterdeck-deps-'));
  let seen: { rule: string; file: string }[] = [];

  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  };

  beforeAll(() => {
    const versions = (names: string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, '1.0.0']));
    put(
      'package.json',
      JSON.stringify({ type: 'module', dependencies: versions(dependencies), devDependencies: versions(devDependencies) }),
    );
    for (const name of [...dependencies, ...devDependencies, 'left-pad']) {
      put(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
      put(`node_modules/${name}/index.js`, '');
    }
    for (const [, file, line] of broken) put(file, line);
    for (const [file, line] of fine) put(file, line);
    put('src/main/engine/ring-b.ts', "import { a } from './ring-a.ts'; export const b = a;");
    const config = join(root, '.dependency-cruiser.cjs');
    const run = spawnSync(process.execPath, [cruiser, '--config', config, '--output-type', 'json', 'src', 'tests'], {
      cwd: tree,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    const report = JSON.parse(run.stdout) as { summary: { violations: { rule: { name: string }; from: string }[] } };
    seen = report.summary.violations.map(({ rule, from }) => ({ rule: rule.name, file: from }));
  });

  afterAll(() => rmSync(tree, { recursive: true, force: true }));

  test.each(broken)('%s is held: %s', (rule, file) => {
    expect(seen.filter((violation) => violation.file === file).map((violation) => violation.rule)).toContain(rule);
  });

  test('what the table allows is not reported', () => {
    const allowed = new Set(fine.map(([file]) => file).filter((file) => !file.includes('/ring-')));
    expect(seen.filter(({ file }) => allowed.has(file))).toEqual([]);
  });

  test('every rule has a case', () => {
    const config = createRequire(import.meta.url)(join(root, '.dependency-cruiser.cjs')) as { forbidden: { name: string }[] };
    const cases = new Set(broken.map(([rule]) => rule));
    expect(config.forbidden.map(({ name }) => name).filter((name) => !cases.has(name))).toEqual([]);
  });
});
