import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { parseEnvFile } from './friendlyface/config.ts';
import { deploy, freePort, runFfctl, writeControl } from './friendlyface/deploy.ts';
import type { Layout } from './friendlyface/layout.ts';
import { layoutOf } from './friendlyface/layout.ts';
import { startToken } from './friendlyface/process-identity.ts';

const Identity = z.strictObject({ pid: z.int(), token: z.string() });
const State = z.strictObject({ child: Identity, parent: Identity });
type State = z.infer<typeof State>;
const Ports = z.strictObject({ service: z.int(), ssh: z.int() });
/** The ports of the demo: the same at every start while nobody else took them, so that a saved environment keeps working. */
export type Ports = z.infer<typeof Ports>;

/** Another running app has this demo folder. */
export class DemoTaken extends Error {}

/** The demo's folder: `host/` is what the demo host shows to the world, `private/` what it keeps from it. */
export interface Scratch {
  readonly layout: Layout;
  readonly privateDir: string;
  readonly hostKeyFile: string;
  readonly clientKeyFile: string;
  readonly apiKeyFile: string;
  readonly stateFile: string;
  readonly portsFile: string;
  readonly completeFile: string;
  /** When this 0600 file is there, its text is a password the demo's SSH server accepts as well. */
  readonly passwordFile: string;
}

/** The paths under an absolute demo folder. */
export function scratchOf(dir: string): Scratch {
  const at = (name: string) => join(dir, 'private', name);
  return {
    layout: layoutOf(join(dir, 'host')),
    privateDir: join(dir, 'private'),
    hostKeyFile: at('host_key'),
    clientKeyFile: at('client_key'),
    apiKeyFile: at('api-key'),
    stateFile: at('state.json'),
    portsFile: at('ports.json'),
    completeFile: at('complete'),
    passwordFile: at('password'),
  };
}

const identityOf = (pid: number) => ({ pid, token: startToken(pid) ?? '' });
const alive = (who: { pid: number; token: string }) => who.token !== '' && startToken(who.pid) === who.token;

/** A file of ours, or null when it is missing or not whole. */
function readJson<T>(file: string, schema: z.ZodType<T>): T | null {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}

/** The wanted port, or another when it is taken. */
const portNear = async (wanted: number | undefined) => freePort(wanted ?? 0).catch(() => freePort());

/**
 * Ends what an earlier demo left behind, known by process id and start time. @throws DemoTaken when that demo's app still
 * runs. A child is asked by SIGTERM and waited for; its service by ffctl.
 */
async function endStale(scratch: Scratch, state: State | null): Promise<void> {
  if (state !== null && state.child.pid !== process.pid && alive(state.child)) {
    if (state.parent.pid !== process.ppid && alive(state.parent))
      throw new DemoTaken('Another running window of the app has the demo open.');
    process.kill(state.child.pid, 'SIGTERM');
    for (let i = 0; i < 300 && alive(state.child); i += 1) await sleep(100);
    if (alive(state.child)) throw new Error(`The demo of an earlier start does not end (process ${state.child.pid}).`);
  }
  if (existsSync(scratch.layout.ffctl)) {
    const stopped = await runFfctl(scratch.layout, 'stop');
    if (stopped.code !== 0) throw new Error(stopped.stderr.trim());
  }
}

const newKey = () => `ffk_${randomBytes(20).toString('hex')}`;

/** The first API key of the deployment's env file: the one the demo hands to the app. It follows a rotation. */
export function currentKey(layout: Layout): string {
  return parseEnvFile(readFileSync(layout.envFile, 'utf8'))['FF_API_KEYS']?.split(',')[0]?.trim() ?? '';
}

/**
 * Makes the folder ready to start: ends a stale demo, builds everything at the first start (a half-built folder is thrown
 * away), keeps the data of an earlier one, and hands the API key over in a 0600 file. Answers the ports.
 */
export async function prepareScratch(scratch: Scratch): Promise<Ports> {
  const { layout } = scratch;
  mkdirSync(scratch.privateDir, { recursive: true, mode: 0o700 });
  await endStale(scratch, readJson(scratch.stateFile, State));
  const kept = readJson(scratch.portsFile, Ports);
  const ports: Ports = { service: await portNear(kept?.service), ssh: await portNear(kept?.ssh) };
  writeFileSync(scratch.portsFile, JSON.stringify(ports));
  if (existsSync(scratch.completeFile)) writeControl(layout, ports.service);
  else {
    rmSync(layout.root, { recursive: true, force: true });
    const [admin, viewer, unmapped] = [newKey(), newKey(), newKey()];
    deploy({
      layout,
      port: ports.service,
      keys: [admin, viewer, unmapped],
      roles: { [admin]: ['admin'], [viewer]: ['viewer'] },
      // Well above the demo's own traffic and the console's probes, which share one address.
      settings: { FF_RATE_LIMIT: '2000/minute' },
      events: 2000,
      logHours: 6,
    });
    writeFileSync(scratch.completeFile, '');
  }
  // A demo left open for days must not fill the disk with its own log.
  if ((statSync(layout.logFile, { throwIfNoEntry: false })?.size ?? 0) > 20 * 1024 * 1024)
    renameSync(layout.logFile, `${layout.logFile}.1`);
  const next: State = { child: identityOf(process.pid), parent: identityOf(process.ppid) };
  writeFileSync(scratch.stateFile, JSON.stringify(next), { mode: 0o600 });
  rmSync(scratch.apiKeyFile, { force: true });
  writeFileSync(scratch.apiKeyFile, currentKey(layout), { mode: 0o600 });
  return ports;
}

/** Removes what is only true while the demo runs. */
export function clearScratch(scratch: Scratch): void {
  rmSync(scratch.apiKeyFile, { force: true });
  rmSync(scratch.stateFile, { force: true });
}
