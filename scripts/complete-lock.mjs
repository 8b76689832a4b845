// `npm run lock`: npm leaves a platform's package out of package-lock.json when the registry it asked does not serve it,
// and then `npm ci` refuses the lock everywhere. This adds the entry: pinned to the version that its parent names, with no
// hash, and marked for its platform only, so that no other machine ever asks for it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './setup.mjs';

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];
/** @type {Record<string, string>} */
const LIBRARIES = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

/** What a package's name says of where it runs: `@swc/core-linux-arm-gnueabihf` is for linux, arm, glibc. */
function platformOf(/** @type {string} */ name) {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.filter((word) => words.includes(word));
  const cpu = PROCESSORS.filter((word) => words.includes(word));
  const libc = os.includes('linux') ? words.flatMap((word) => LIBRARIES[word] ?? []) : [];
  return os.length === 1 && cpu.length <= 1 ? { ...(cpu.length > 0 && { cpu }), ...(libc.length > 0 && { libc }), os } : undefined;
}

/** @typedef {Record<string, { version?: string, dev?: boolean, optionalDependencies?: Record<string, string> }>} Packages */

/** Node's own search: the nearest node_modules upwards. */
function resolves(/** @type {Packages} */ packages, /** @type {string} */ from, /** @type {string} */ name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    if (`${at}${at ? '/' : ''}node_modules/${name}` in packages) return true;
    if (at === '') return false;
  }
}

/** Every optional package that the lock's packages name and the lock does not have. @param {Packages} packages */
export function missingFrom(packages) {
  return Object.entries(packages).flatMap(([parent, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => !resolves(packages, parent, name))
      .map(([name, range]) => ({ parent, name, range, dev: entry.dev === true })),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const path = join(root, 'package-lock.json');
  const lock = JSON.parse(readFileSync(path, 'utf8'));
  for (const { parent, name, range, dev } of missingFrom(lock.packages)) {
    const platform = platformOf(name);
    const version = /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range) ? range : undefined;
    if (!platform || !version) throw new Error(`${parent} wants ${name}@${range}: neither its platform nor its version can be told`);
    lock.packages[`node_modules/${name}`] = { version, ...platform, ...(dev && { dev }), optional: true };
    console.log(`added ${name}@${version}`);
  }
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  lock.packages = Object.fromEntries(sorted);
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
}
