// `npm start`: everything a fresh clone needs, then the product. On a desktop with Electron's binary that is the
// window; anywhere else it is the headless host, which prints its address when it is ready.
import { join } from 'node:path';
import { electronBinary, hasDisplay } from './machine.mjs';
import { foreground, runMain, say } from './run.mjs';
import { ensureBuilt, ensureInstalled, findNode, root } from './setup.mjs';

function desktop() {
  const binary = electronBinary();
  if (!binary || !hasDisplay()) return undefined;
  if (process.platform === 'linux' && process.getuid?.() === 0) {
    say("Electron's sandbox does not run as root: starting the headless host instead");
    return undefined;
  }
  return binary;
}

await runMain(async () => {
  await ensureInstalled();
  const node = findNode();
  await ensureBuilt(node);
  // The demo environment is there from the first start on; it is started only while the user has made nothing of their own.
  const args = ['--demo', ...process.argv.slice(2)];
  const electron = desktop();
  if (electron) return foreground(electron, [root, ...args], { cwd: root });
  return foreground(node, [join(root, 'out/main/serve.js'), ...args], { cwd: root });
});
