import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { dataFolder } from './data-folder.ts';
import { createHost } from './host.ts';
import { findPlaces } from './places.ts';
import { runDesktop } from './shell/desktop.ts';

/** Desktop entry: the host in a window. Nothing may be awaited before the shell: it sets what can't be set once Electron is ready. */
const places = findPlaces();
const folder = dataFolder();
mkdirSync(folder, { recursive: true, mode: 0o700 });

await runDesktop({
  openHost: () =>
    createHost({
      dataFolder: folder,
      resourcesFolder: places.resources,
      transport: 'desktop',
      version: places.version,
      demoOnFirstRun: process.argv.includes('--demo'),
    }),
  paths: { assets: places.assets, preload: join(dirname(places.assets), 'preload', 'index.cjs'), data: folder },
  devTools: process.env['QUARTERDECK_DEVTOOLS'] === '1',
});
