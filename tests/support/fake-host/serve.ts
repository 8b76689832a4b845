import { createLoopback } from '../../../src/main/loopback/server.ts';
import type { FakeHostOptions } from './router.ts';
import { createFakeRouter } from './router.ts';

/**
 * Serves the built screens with a host in memory, for looking at them. From the command line:
 * `node tests/support/fake-host/serve.ts [assets folder] [empty]`.
 */
export async function serveFakeHost(assetsFolder: string, options: FakeHostOptions = {}): Promise<{ url: string; close(): Promise<void> }> {
  const loopback = await createLoopback({
    router: createFakeRouter(options),
    assetsFolder,
    log: { error: (message, fields) => console.error(message, fields) },
  });
  return { url: loopback.url, close: () => loopback.close() };
}

if (import.meta.filename === process.argv[1]) {
  const { url } = await serveFakeHost(process.argv[2] ?? 'out/renderer', { empty: process.argv[3] === 'empty' });
  console.log(url);
}
