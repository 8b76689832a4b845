import type { ChildProcess } from 'node:child_process';
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { descendants } from './sshd.ts';

/** A container whose two streams the test writes. */
export interface TestContainer {
  readonly id: string;
  readonly name: string;
  /** Waits while the engine is behind by more than a pipe holds. */
  out(text: string): void;
  err(text: string): void;
  /** Ends its program; resolves when the container stands still. */
  end(): Promise<void>;
  /** Starts the same container again after its end. */
  again(): Promise<void>;
}

/** A private Docker engine without network, for root. */
export interface DockerEngine {
  /** For `DOCKER_HOST`. */
  readonly host: string;
  readonly dir: string;
  /** Name of the only image: a static busybox. */
  readonly image: string;
  readonly storageDriver: string;
  /** Runs the docker command against it and gives its stdout. */
  docker(...args: string[]): Promise<string>;
  /** What a container wrote, on either stream. */
  written(name: string): Promise<string>;
  /** Starts a container under a name. `options` are `docker run`'s own. */
  start(name: string, options?: readonly string[]): Promise<TestContainer>;
  /** Ends the engine and all containers, and removes what they left: mounts, cgroups, files. */
  stop(): Promise<void>;
}

const run = promisify(execFile);
const CGROUPS = '/sys/fs/cgroup';
/** dockerd writes into these whatever its own roots are: it gets empty ones of its own. */
const PRIVATE = ['/run', '/etc/docker'];

const program = (name: string): string | undefined =>
  [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/bin']
    .map((dir) => join(dir, name))
    .find((path) => existsSync(path));

function isStatic(path: string): boolean {
  const said = spawnSync('ldd', [path], { encoding: 'utf8' });
  return /not a dynamic executable|statically linked/i.test(`${said.stdout}${said.stderr}`);
}

/** The places where groups of processes can be made: one for cgroup v2, one for each controller for v1. */
function cgroupRoots(): string[] {
  if (existsSync(join(CGROUPS, 'cgroup.controllers'))) return [CGROUPS];
  return existsSync(CGROUPS) ? readdirSync(CGROUPS).map((name) => join(CGROUPS, name)) : [];
}

function cgroupsWritable(): boolean {
  const root = cgroupRoots().find((path) => existsSync(join(path, 'cgroup.procs')));
  if (root === undefined) return false;
  const probe = join(root, `quarterdeck-probe-${process.pid}`);
  try {
    mkdirSync(probe);
    rmdirSync(probe);
    return true;
  } catch {
    return false;
  }
}

/** Why no engine can be started here, or undefined when it can. Print it as `skipped: <why>`. */
export function dockerUnavailable(): string | undefined {
  if (process.platform !== 'linux') return 'a private Docker engine needs Linux';
  if (process.getuid?.() !== 0) return 'a private Docker engine needs root';
  for (const name of ['dockerd', 'docker', 'unshare']) if (program(name) === undefined) return `${name} is not installed`;
  const busybox = program('busybox');
  if (busybox === undefined || !isStatic(busybox)) return 'there is no static busybox to make an image of (busybox-static)';
  if (!cgroupsWritable()) return 'cgroups cannot be made here';
  if (spawnSync('unshare', ['--mount', '--pid', '--fork', '--mount-proc', 'true']).status !== 0) return 'namespaces cannot be made here';
  return undefined;
}

/** Starts dockerd with roots, socket and namespaces of its own; resolves when a container ran in it. */
export async function startDockerEngine(): Promise<DockerEngine> {
  const why = dockerUnavailable();
  if (why !== undefined) throw new Error(why);
  const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-docker-'));
  const host = `unix://${join(dir, 'docker.sock')}`;
  const group = `quarterdeck-${randomBytes(6).toString('hex')}`;
  const absent = PRIVATE.filter((path) => !existsSync(path));
  for (const path of absent) mkdirSync(path);
  const env = { ...process.env, DOCKER_HOST: host, DOCKER_CONFIG: join(dir, 'client') };
  const image = 'quarterdeck-test';
  const logFile = join(dir, 'log');
  const pipes = new Set<number>();
  let engine: ChildProcess | undefined;

  const docker = async (...args: string[]): Promise<string> =>
    (await run('docker', args, { env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })).stdout.trim();

  const written = async (name: string): Promise<string> => {
    const { stdout, stderr } = await run('docker', ['logs', name], { env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    return `${stdout}${stderr}`;
  };

  async function launch(driver: readonly string[]): Promise<void> {
    const args = ['--host', host, '--data-root', join(dir, 'data'), '--exec-root', join(dir, 'exec'), '--pidfile', join(dir, 'pid')];
    args.push('--config-file', join(dir, 'daemon.json'), '--cgroup-parent', `/${group}`, '--exec-opt', 'native.cgroupdriver=cgroupfs');
    args.push('--iptables=false', '--bridge=none', '--ip-masq=false', ...driver);
    const output = openSync(logFile, 'a');
    // In namespaces of its own: whatever happens, its end is the end of every container, shim and mount.
    const script = `for p in ${PRIVATE.join(' ')}; do mount -t tmpfs tmpfs "$p" || exit 1; done; exec dockerd "$@"`;
    const child = spawn(
      'unshare',
      ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', script, 'sh', ...args],
      { env: { ...env, PATH: `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin` }, stdio: ['ignore', output, output] },
    );
    closeSync(output);
    engine = child;
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`dockerd ended:\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
      const up = await docker('version', '--format', '{{.Server.Version}}').catch(() => '');
      if (up !== '') return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async function halt(): Promise<void> {
    const child = engine;
    engine = undefined;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const daemon = descendants(child.pid).find(({ name }) => name === 'dockerd');
    if (daemon !== undefined) process.kill(daemon.pid, 'SIGTERM');
    const impatient = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(impatient);
  }

  async function stop(): Promise<void> {
    const ids = engine === undefined ? '' : await docker('ps', '--all', '--quiet').catch(() => '');
    if (ids !== '') await docker('rm', '--force', ...ids.split('\n')).catch(() => undefined);
    await halt();
    for (const pipe of pipes) closeSync(pipe);
    pipes.clear();
    for (const root of cgroupRoots()) removeGroups(join(root, group));
    rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    for (const path of absent) rmSync(path, { recursive: true, force: true });
  }

  async function start(name: string, options: readonly string[] = []): Promise<TestContainer> {
    const room = mkdtempSync(join(dir, 'pipes-'));
    const open = (one: string): number => {
      const pipe = openSync(join(room, one), 'r+');
      pipes.add(pipe);
      return pipe;
    };
    execFileSync('mkfifo', [join(room, 'out'), join(room, 'err')]);
    let out = open('out');
    let err = open('err');
    const script = 'cat /pipes/out & cat /pipes/err >&2 & wait';
    const id = await docker(
      ...['run', '--detach', '--network', 'none', '--name', name, '--volume', `${room}:/pipes`, '--stop-timeout', '0', ...options],
      ...[image, '/bin/sh', '-c', script],
    );
    const write = (pipe: number, text: string): void => {
      const bytes = Buffer.from(text);
      for (let from = 0; from < bytes.length; ) from += writeSync(pipe, bytes, from);
    };
    return {
      id,
      name,
      out: (text) => write(out, text),
      err: (text) => write(err, text),
      async end() {
        for (const pipe of [out, err]) if (pipes.delete(pipe)) closeSync(pipe);
        await docker('wait', id);
      },
      async again() {
        out = open('out');
        err = open('err');
        await docker('start', id);
      },
    };
  }

  try {
    writeFileSync(join(dir, 'daemon.json'), '{}');
    // Its own choice of storage first; the one without any demands on the file system when that does not work.
    await launch([]).catch(async () => {
      await halt();
      await launch(['--storage-driver', 'vfs']);
    });
    const root = join(dir, 'image', 'bin');
    mkdirSync(root, { recursive: true });
    execFileSync('cp', [program('busybox') as string, join(root, 'busybox')]);
    for (const name of ['sh', 'cat', 'true']) execFileSync('ln', ['-s', 'busybox', join(root, name)]);
    execFileSync('tar', ['-cf', join(dir, 'image.tar'), '-C', join(dir, 'image'), '.']);
    await docker('import', join(dir, 'image.tar'), image);
    await docker('run', '--rm', '--network', 'none', image, '/bin/true');
    const storageDriver = await docker('info', '--format', '{{.Driver}}');
    return { host, dir, image, storageDriver, docker, written, start, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Groups can only be removed one by one, from the leaves. */
function removeGroups(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) removeGroups(join(path, entry.name));
  try {
    rmdirSync(path);
  } catch {
    // Two controllers may be one place under two names.
  }
}
