/**
 * The demo host's process: `node child.ts --dir <scratch>` from the sources, `demo-child.js` in the built bundle. It prints one
 * JSON line when it is up, takes commands as JSON lines on stdin (messages.ts), and ends by itself, with the service it
 * started, when stdin closes — that is, when the app is gone, however it went.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { runFfctl } from './friendlyface/deploy.ts';
import { readFaults, writeFault } from './friendlyface/fault-file.ts';
import { stackInputs } from './friendlyface/layout.ts';
import type { ChildMessage } from './messages.ts';
import { Command } from './messages.ts';
import { clearScratch, DemoTaken, prepareScratch, scratchOf } from './scratch.ts';
import { realUser } from './ssh-exec.ts';
import { fingerprint, keptKey, startDemoSsh } from './ssh-server.ts';
import { send, startTraffic } from './traffic.ts';

const { values } = parseArgs({ options: { dir: { type: 'string' } } });
const scratch = scratchOf(resolve(values.dir ?? '.'));
const { layout } = scratch;

const say = (message: ChildMessage) => void process.stdout.write(`${JSON.stringify(message)}\n`);
const closers: (() => void | Promise<void>)[] = [];
let ending: Promise<void> | null = null;

/** Closes everything in reverse order, the service last. A part that fails does not keep the others open. */
function end(code: number): Promise<void> {
  ending ??= (async () => {
    let exit = code;
    for (const close of closers.reverse()) {
      try {
        await close();
      } catch (error) {
        exit = 1;
        process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      }
    }
    process.exit(exit);
  })();
  return ending;
}

async function obey(line: string, port: number): Promise<void> {
  const command = Command.parse(JSON.parse(line));
  if (command.cmd === 'stop') {
    say({ id: command.id, ok: true });
    return end(0);
  }
  writeFault(layout.faultsFile, command.fault, command.on);
  // The service looks at the switches before each request: after this one the fault is in force. It may also be down.
  await send(port, 'GET', '/metrics', '');
  say({ id: command.id, ok: true });
}

async function main(): Promise<void> {
  const { service: port, ssh: sshPort } = await prepareScratch(scratch);
  closers.push(() => clearScratch(scratch));
  const hostKey = keptKey(scratch.hostKeyFile, 'quarterdeck-demo-host');
  const clientKey = keptKey(scratch.clientKeyFile, 'quarterdeck-demo');
  closers.push(async () => {
    const stopped = await runFfctl(layout, 'stop');
    if (stopped.code !== 0) throw new Error(stopped.stderr.trim());
  });
  const started = await runFfctl(layout, 'start');
  if (started.code !== 0) throw new Error(`The practice service did not start: ${started.stderr.trim()}`);
  const user = realUser();
  const ssh = await startDemoSsh({
    layout,
    hostKey: hostKey.privateKey,
    user,
    clientKey: clientKey.parsed,
    port: sshPort,
    servicePort: port,
    ...(existsSync(scratch.passwordFile) ? { password: readFileSync(scratch.passwordFile, 'utf8').trim() } : {}),
  });
  closers.push(() => ssh.close());
  const traffic = startTraffic(layout, port);
  closers.push(() => traffic.close());
  if (ending !== null) return;
  say({
    ready: true,
    sshPort: ssh.port,
    servicePort: port,
    user,
    keyPath: scratch.clientKeyFile,
    hostKeyFingerprint: fingerprint(hostKey.parsed),
    apiKeyFile: scratch.apiKeyFile,
    inputs: stackInputs(layout, port),
    faults: [...readFaults(layout.faultsFile)],
  });
  // Registered before listening would drop early lines, so the reader is made here; nobody commands before `ready`.
  for await (const line of createInterface({ input: process.stdin })) {
    await obey(line, port).catch((error: unknown) => process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`));
  }
}

process.on('SIGTERM', () => void end(0));
process.on('SIGINT', () => void end(0));
// The parent may be gone before it read a line; stdin tells the same, and is acted on.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

main().then(
  () => end(0),
  async (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    say({ ready: false, code: error instanceof DemoTaken ? 'conflict' : 'failed', message });
    await end(1);
  },
);
