import { mkdirSync } from 'node:fs';
import { dataFolder } from './data-folder.ts';
import { createHost } from './host.ts';
import { portFrom, serve, untilSignalled } from './loopback/serve.ts';
import { findPlaces } from './places.ts';

/** Headless entry: the host on 127.0.0.1, until a signal. */
const places = findPlaces();
const folder = dataFolder();
mkdirSync(folder, { recursive: true, mode: 0o700 });
const ended = untilSignalled();

try {
  const port = portFrom(process.env);
  const host = await createHost({
    dataFolder: folder,
    resourcesFolder: places.resources,
    transport: 'loopback',
    version: places.version,
    demoOnFirstRun: process.argv.includes('--demo'),
  });
  const serving = await serve({
    openHost: async () => host,
    assetsFolder: places.assets,
    log: host.log,
    print: (line) => process.stdout.write(`${line}\n`),
    ...(port === undefined ? {} : { port }),
  });
  await ended;
  await serving.close();
  process.exit(0);
} catch (error) {
  process.stderr.write(`quarterdeck: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
