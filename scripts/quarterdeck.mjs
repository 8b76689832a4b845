#!/usr/bin/env node
// `npx quarterdeck …` in the checkout: the command line, built on demand. Only its own output reaches stdout.
import { join } from 'node:path';
import { foreground, runMain } from './run.mjs';
import { ensureBuilt, ensureInstalled, findNode, root } from './setup.mjs';

await runMain(async () => {
  await ensureInstalled();
  const node = findNode();
  await ensureBuilt(node);
  return foreground(node, [join(root, 'out/main/cli.js'), ...process.argv.slice(2)]);
});
