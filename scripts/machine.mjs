// What this machine has that a package can't bring.
import { existsSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const env = process.env;

/** The path of Electron's binary if it is on disk. Asking the `electron` package itself would start a download. */
export function electronBinary() {
  const names = { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' };
  const name = names[/** @type {keyof typeof names} */ (process.platform)] ?? 'electron';
  const path = join(env['ELECTRON_OVERRIDE_DIST_PATH'] ?? join(root, 'node_modules', 'electron', 'dist'), name);
  return existsSync(path) ? path : undefined;
}

/** True where a window can be shown. */
export const hasDisplay = () => ['darwin', 'win32'].includes(process.platform) || Boolean(env['DISPLAY'] || env['WAYLAND_DISPLAY']);

/** The first of `names` on PATH or in the folders where servers are kept. */
export function findProgram(/** @type {string[]} */ ...names) {
  const folders = [...(env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/sbin', '/usr/local/bin'];
  return folders
    .filter(Boolean)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}

const APPLICATIONS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
];

/** The machine's own Chromium (`QUARTERDECK_CHROMIUM` names another): no browser is downloaded for the journeys. */
export const systemChromium = () =>
  env['QUARTERDECK_CHROMIUM'] ??
  findProgram('chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome') ??
  APPLICATIONS.find((path) => existsSync(path));
