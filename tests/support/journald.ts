import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A private systemd-journald, in a journal namespace of its own. It needs no systemd as first process. */
export interface Journald {
  /** A folder for the front of PATH: the real journalctl, told the namespace. */
  readonly bin: string;
  /** What systemd gives a service for its output. Lines may begin with a priority: `<3>`. */
  unit(name: string, identifier?: string): Promise<{ write(text: string): Promise<void>; close(): Promise<void> }>;
  /** Runs journalctl on the namespace and gives its stdout. */
  journalctl(...args: string[]): string;
  /** Removes all that was written so far, as a vacuum does. */
  vacuum(): void;
  stop(): Promise<void>;
}

const DAEMON = ['/usr/lib/systemd/systemd-journald', '/lib/systemd/systemd-journald'].find((path) => existsSync(path));
const JOURNALCTL = ['/usr/bin/journalctl', '/bin/journalctl'].find((path) => existsSync(path));
const STORES = ['/var/log/journal', '/run/log/journal'];

/** Why no journal can be kept here, or undefined when it can. Print it as `skipped: <why>`. */
export function journaldUnavailable(): string | undefined {
  if (process.platform !== 'linux') return 'a journal needs Linux';
  if (process.getuid?.() !== 0) return 'a private journal needs root';
  if (DAEMON === undefined || JOURNALCTL === undefined) return 'systemd-journald is not installed';
  if (!existsSync('/etc/machine-id') || readFileSync('/etc/machine-id', 'utf8').trim().length !== 32)
    return 'this machine has no id (/etc/machine-id)';
  if (!/--namespace/.test(spawnSync(JOURNALCTL, ['--help'], { encoding: 'utf8' }).stdout)) return 'this journalctl knows no namespaces';
  return undefined;
}

/** Gives what it reads to the journal. */
const SERVICE = `const { connect } = require('node:net'); process.stdin.pipe(connect({ path: process.argv[1], allowHalfOpen: true }));`;

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await over;
}

/** Starts it; resolves when it listens. */
export async function startJournald(): Promise<Journald> {
  const why = journaldUnavailable();
  if (why !== undefined || DAEMON === undefined || JOURNALCTL === undefined) throw new Error(why);
  const namespace = `quarterdeck${randomBytes(6).toString('hex')}`;
  const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-journal-'));
  const runtime = `/run/systemd/journal.${namespace}`;
  const absent = ['/run/systemd', ...STORES].filter((path) => !existsSync(path));
  mkdirSync('/run/systemd', { recursive: true });
  const services = new Set<ChildProcess>();
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'journalctl'), `#!/bin/sh\nexec ${JOURNALCTL} --namespace ${namespace} "$@"\n`);
  chmodSync(join(bin, 'journalctl'), 0o755);
  const daemon = spawn(DAEMON, [namespace], { stdio: 'ignore' });

  const stores = (): string[] =>
    STORES.filter((path) => existsSync(path)).flatMap((path) =>
      readdirSync(path).flatMap((name) => (name.endsWith(`.${namespace}`) ? [join(path, name)] : [])),
    );
  const journalctl = (...args: string[]): string => {
    const said = spawnSync(JOURNALCTL, ['--namespace', namespace, '--no-pager', ...args], {
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
    });
    if (said.status !== 0) throw new Error(`journalctl ${args.join(' ')}: ${said.stderr}`);
    return said.stdout;
  };

  async function stop(): Promise<void> {
    for (const service of services) await ended(service);
    await ended(daemon);
    for (const path of [...stores(), runtime, dir]) rmSync(path, { recursive: true, force: true });
    for (const path of absent) if (existsSync(path) && readdirSync(path).length === 0) rmSync(path, { recursive: true });
  }

  async function unit(name: string, identifier = 'app') {
    // A process for each: the journal remembers the unit of a process.
    const service = spawn(process.execPath, ['-e', SERVICE, join(runtime, 'stdout')], { stdio: ['pipe', 'ignore', 'inherit'] });
    services.add(service);
    service.once('exit', () => services.delete(service));
    const write = (text: string): Promise<void> =>
      new Promise((resolve, reject) => service.stdin.write(text, (error) => (error ? reject(error) : resolve())));
    // Identifier, unit, priority; whether lines begin with one; and three places it could be forwarded to.
    await write(`${identifier}\n${name}\n6\n1\n0\n0\n0\n`);
    return { write, close: () => ended(service) };
  }

  while (!existsSync(join(runtime, 'io.systemd.journal'))) {
    if (daemon.exitCode !== null || daemon.signalCode !== null) {
      await stop();
      throw new Error('systemd-journald ended when it began');
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // Without any connection it would end by itself after a while.
  await unit('quarterdeck-keeper.service');
  return {
    bin,
    unit,
    journalctl,
    vacuum() {
      journalctl('--rotate');
      for (const store of stores()) for (const name of readdirSync(store)) if (name.includes('@')) rmSync(join(store, name));
    },
    stop,
  };
}
