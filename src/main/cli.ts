import { mkdirSync, readFileSync } from 'node:fs';
import type { contract } from '../contract/index.ts';
import { Problem } from '../contract/problem.ts';
import type { CliClient } from './cli/client.ts';
import type { SessionSecret } from './cli/program.ts';
import { ReaderLeft, runCli } from './cli/program.ts';
import { dataFolder } from './data-folder.ts';
import type { Host } from './host.ts';
import { createHost } from './host.ts';
import { portFrom, serve } from './loopback/serve.ts';
import { findPlaces } from './places.ts';
import { createLocalClient } from './rpc/local.ts';

/** Command line entry: the host in this process. */
const places = findPlaces();
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // A second one is for whoever can't wait; what a run was doing is in the journal.
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  });
}
// A reader that leaves early (`| head`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') stop.abort(new ReaderLeft());
  else throw error;
});
// Nobody may read the progress any more; that must not end a run between two steps.
process.stderr.on('error', () => undefined);

const aborted = new Promise<void>((resolve) => {
  stop.signal.addEventListener('abort', () => resolve(), { once: true });
});

async function open(transport: 'cli' | 'loopback', secrets: readonly SessionSecret[] = []): Promise<Host> {
  const folder = dataFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return createHost({
    dataFolder: folder,
    resourcesFolder: places.resources,
    transport,
    version: places.version,
    sessionSecrets: new Map(secrets.map(({ key, file }) => [key, readSecretFile(file)])),
  });
}

function readSecretFile(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    throw new Problem('bad-input', `The secret file ${file} can't be read.`, { cause });
  }
}

const code = await runCli(process.argv.slice(2), {
  version: places.version,
  signal: stop.signal,
  async openHost({ secrets }) {
    const host = await open('cli', secrets);
    const local = createLocalClient<typeof contract>({ router: host.router, log: host.log });
    const client: CliClient = local.rpc;
    return {
      client,
      async close() {
        local.close();
        await host.close();
      },
    };
  },
  async serve({ port }) {
    const fixed = port ?? portFrom(process.env);
    const host = await open('loopback');
    const serving = await serve({
      openHost: async () => host,
      assetsFolder: places.assets,
      log: host.log,
      print: (line) => console.log(line),
      ...(fixed === undefined ? {} : { port: fixed }),
    });
    await aborted;
    await serving.close();
  },
  async demo() {
    const host = await open('cli');
    try {
      const { detail } = await host.demo.start();
      console.error(`${detail} It is the environment "Demo". Ctrl-C ends it.`);
      await aborted;
    } finally {
      await host.close();
    }
  },
});
process.exitCode = code;
