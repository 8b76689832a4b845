import { fileURLToPath } from 'node:url';
import { runDesktop } from '../../../src/main/shell/desktop.ts';
import { createFixtureHost } from '../rpc/fixture-host.ts';

// The desktop app with the fixture's host: what `src/main/index.ts` is with the real one.
const home = process.env['QUARTERDECK_HOME'] ?? '';
const host = createFixtureHost();

await runDesktop({
  openHost: async () => ({
    ...host,
    log: { error: (message, fields) => process.stderr.write(`${JSON.stringify({ message, ...fields })}\n`) },
  }),
  paths: { assets: `${home}/page`, preload: fileURLToPath(new URL('./none.cjs', import.meta.url)), data: home },
});
