// What every command needs before it runs. Plain JavaScript without dependencies: a fresh clone has nothing else, and
// the Node on PATH may be as old as 18.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { capture, SetupError, timed, withLock } from './run.mjs';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const inRoot = (/** @type {string[]} */ ...parts) => join(root, ...parts);
const OLDEST_NODE = '22.12';

const LOCK = inRoot('.cache', 'setup.lock');

const readJson = (/** @type {string} */ path) => JSON.parse(readFileSync(path, 'utf8'));

/** @param {{ os?: string[], cpu?: string[], libc?: string[] }} entry */
const isForThisMachine = (entry) =>
  Boolean(entry.os || entry.cpu) &&
  !entry.libc &&
  (entry.os ?? [process.platform]).includes(process.platform) &&
  (entry.cpu ?? [process.arch]).includes(process.arch);

/**
 * True when node_modules holds what package-lock.json says. npm writes its own record (`node_modules/.package-lock.json`)
 * as the last act of an install, so an interrupted or failed one never passes, and a developer's `npm install` does.
 */
export function isInstalled() {
  const record = inRoot('node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = readJson(inRoot('package-lock.json')).packages;
  const there = readJson(record).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = there[path];
    if (!found) return entry.optional === true && !isForThisMachine(entry);
    return (
      found.version === entry.version &&
      (!entry.integrity || found.integrity === entry.integrity) &&
      existsSync(inRoot(path, 'package.json'))
    );
  });
}

const head = (/** @type {string} */ text) => text.trim().split('\n').slice(0, 60).join('\n');

/** npm by the Node that runs npm, never by the one inside node_modules, which `npm ci` deletes. */
function npmCommand() {
  const { npm_execpath: cli, npm_node_execpath: node } = process.env;
  if (cli?.endsWith('.js') && node && !node.startsWith(inRoot('node_modules'))) return { command: node, args: [cli] };
  return { command: process.platform === 'win32' ? 'npm.cmd' : 'npm', args: [] };
}

function pathWithoutOwnBin() {
  const own = inRoot('node_modules', '.bin');
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((part) => resolve(part) !== own)
    .join(delimiter);
}

/** Installs the locked dependencies when they are not there. */
export async function ensureInstalled() {
  if (isInstalled()) return;
  await withLock(LOCK, async () => {
    if (isInstalled()) return;
    await timed('installing the locked dependencies', async () => {
      const { command, args } = npmCommand();
      // `include=dev`: NODE_ENV=production or a user's `omit` must not leave the builder out.
      const result = await capture(command, [...args, 'ci', '--include=dev', '--include=optional', '--loglevel=error'], {
        cwd: root,
        env: { ...process.env, PATH: pathWithoutOwnBin() },
      });
      if (result.code !== 0)
        throw new SetupError(`\`npm ci\` failed (${result.code}); nothing was marked as installed.\n${head(result.output)}`);
      if (!isInstalled())
        throw new SetupError('`npm ci` ended well but node_modules does not match package-lock.json. Remove node_modules and try again.');
    });
  });
}

function bundledNodes() {
  const { platform, arch } = process;
  const os = platform === 'win32' ? 'win' : platform;
  const binary = platform === 'win32' ? 'node.exe' : 'node';
  return [`node-${os}-${arch}`, `node-bin-${os}-${arch}`].map((name) => inRoot('node_modules', name, 'bin', binary));
}

const versionOf = (/** @type {string} */ node) => {
  const run = spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  return run.status === 0 ? run.stdout.trim() : undefined;
};

const isNewEnough = (/** @type {string} */ version) => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split('.').map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
};

/** The Node that runs the product: the locked one where there is one for this platform, else the machine's. */
export function findNode() {
  for (const node of bundledNodes()) if (existsSync(node) && versionOf(node)) return node;
  if (isNewEnough(process.versions.node)) return process.execPath;
  throw new SetupError(
    `Quarterdeck needs Node ${OLDEST_NODE} or newer. There is no locked Node for ${process.platform}-${process.arch}, and this one is ${process.versions.node}. Install a newer Node and run the command again.`,
  );
}

const BUILD_INPUTS = ['src', 'resources', 'electron.vite.config.ts', 'package.json', 'package-lock.json', 'tsconfig.base.json'];
const BUILD_STAMP = inRoot('.cache', 'build.json');

/** @returns {string[]} */
function filesUnder(/** @type {string} */ path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesUnder(join(path, name)))
    .filter((file) => !/\.test\.tsx?$/.test(file));
}

function sourceHash() {
  const hash = createHash('sha256');
  for (const file of BUILD_INPUTS.flatMap((name) => filesUnder(inRoot(name)))) {
    const content = createHash('sha256').update(readFileSync(file)).digest('hex');
    hash.update(`${relative(root, file)}\0${content}\n`);
  }
  return hash.digest('hex');
}

const isBuilt = (/** @type {string} */ hash) =>
  existsSync(BUILD_STAMP) &&
  readJson(BUILD_STAMP).hash === hash &&
  existsSync(inRoot('out', 'main')) &&
  existsSync(inRoot('out', 'renderer'));

/** Builds `out/` when a source, a resource or the configuration changed since the last build. */
export async function ensureBuilt(/** @type {string} */ node) {
  if (isBuilt(sourceHash())) return;
  await withLock(LOCK, async () => {
    const hash = sourceHash();
    if (isBuilt(hash)) return;
    await timed('building', async () => {
      rmSync(BUILD_STAMP, { force: true });
      const result = await capture(node, [inRoot('node_modules', 'electron-vite', 'bin', 'electron-vite.js'), 'build'], {
        cwd: root,
        env: { ...process.env, NODE_ENV: 'production', NO_COLOR: '1' },
      });
      if (result.code !== 0) throw new SetupError(`the build failed (${result.code}).\n${head(result.output)}`);
      mkdirSync(dirname(BUILD_STAMP), { recursive: true });
      writeFileSync(BUILD_STAMP, JSON.stringify({ hash }));
    });
  });
}
