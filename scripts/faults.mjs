// `npm run test:faults -- …`: the fault harness (tests/faults), run by the Node that the checkout brings.
import { join } from 'node:path';
import { foreground, runMain } from './run.mjs';
import { ensureInstalled, findNode, root } from './setup.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

await runMain(async () => {
  await ensureInstalled();
  const node = findNode();
  for (const line of await ensureSystemPackages()) console.log(`skipped: set-up: ${line}`);
  return foreground(node, [join(root, 'tests/faults/run.ts'), ...process.argv.slice(2)], { cwd: root });
});
