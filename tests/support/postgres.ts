import type { ChildProcess } from 'node:child_process';
import { execFile, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './sshd.ts';

const run = promisify(execFile);
const ROOT = '/usr/lib/postgresql';

/** Folder of the newest PostgreSQL's programs, or undefined. */
export function findPostgres(): string | undefined {
  if (!existsSync(ROOT)) return undefined;
  const major = readdirSync(ROOT)
    .filter((name) => existsSync(join(ROOT, name, 'bin', 'initdb')))
    .map(Number)
    .sort((a, b) => b - a)[0];
  return major === undefined ? undefined : join(ROOT, String(major), 'bin');
}

/** An account that may run a server: PostgreSQL refuses root. */
function account(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => /^(postgres|nobody):/.test(one));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

/** Why no PostgreSQL can be started here, or undefined when it can. Print it as `skipped: <why>`. */
export function postgresUnavailable(): string | undefined {
  if (findPostgres() === undefined) return 'PostgreSQL’s server is not installed';
  if (account() === undefined) return 'there is no account that may run PostgreSQL';
  return undefined;
}

/** What {@link startPostgres} starts. */
export interface PostgresOptions {
  /** Where data, socket and log lie; a scratch folder, removed by `stop`, when not given. */
  readonly dir?: string;
  /** Lines for postgresql.conf, after the ones made here. */
  readonly conf?: readonly string[];
  /** Where the WAL lies when not in the data folder. A full disk under it ends the server, as it does in production. */
  readonly walDir?: string;
  /** Starts the server again whenever it ended by itself, as an init system would: it does when its disk is full at a checkpoint. */
  readonly supervised?: boolean;
}

/** A private PostgreSQL: socket without password, 127.0.0.1 with scram. */
export interface Postgres {
  readonly bin: string;
  readonly major: number;
  readonly dir: string;
  readonly dataDir: string;
  /** For `pg_host`. */
  readonly socketDir: string;
  readonly port: number;
  /** The superuser's name, and its password over TCP. */
  readonly user: 'postgres';
  readonly password: string;
  readonly account: { readonly uid: number; readonly gid: number };
  /** Runs SQL as the superuser and gives what psql prints, unaligned. */
  sql(text: string, database?: string): Promise<string>;
  log(): string;
  /** Ends the server; `immediate` as a crash would. */
  halt(how?: 'fast' | 'immediate'): Promise<void>;
  /** Starts it again on the same data. */
  start(): Promise<void>;
  /** `halt`, and removes the scratch folder. */
  stop(): Promise<void>;
}

const ready = (socketDir: string, port: number, bin: string) =>
  run(join(bin, 'psql'), ['-X', '-w', '-q', '-h', socketDir, '-p', String(port), '-U', 'postgres', '-d', 'postgres', '-c', 'SELECT 1']);

/** Owned by the account, and reachable for it: scratch folders above it are opened for passing through. */
function room(path: string, owner: { uid: number; gid: number }): void {
  mkdirSync(path, { recursive: true, mode: 0o755 });
  for (let above = dirname(path); above.startsWith(`${tmpdir()}/`); above = dirname(above)) chmodSync(above, statSync(above).mode | 0o011);
  if (process.getuid?.() === 0) chownSync(path, owner.uid, owner.gid);
}

/** Makes a cluster and starts it; resolves when it answers. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const why = postgresUnavailable();
  const bin = findPostgres();
  const owner = account();
  if (why !== undefined || bin === undefined || owner === undefined) throw new Error(why);
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'quarterdeck-pg-'));
  room(dir, owner);
  chmodSync(dir, 0o755);
  const [dataDir, socketDir] = [join(dir, 'data'), mkdtempSync(join(tmpdir(), 'quarterdeck-pgs-'))];
  room(socketDir, owner);
  chmodSync(socketDir, 0o755);
  const port = await freePort();
  const password = 'canary-superuser';
  const secret = join(socketDir, 'pw');
  writeFileSync(secret, password, { mode: 0o600 });
  if (process.getuid?.() === 0) chownSync(secret, owner.uid, owner.gid);
  if (options.walDir !== undefined) room(dirname(options.walDir), owner);
  const as = process.getuid?.() === 0 ? owner : {};
  const env = { PATH: `${bin}:/usr/bin:/bin`, LC_ALL: 'C', TZ: 'UTC' };
  execFileSync(
    join(bin, 'initdb'),
    [
      ...[
        '-D',
        dataDir,
        '-U',
        'postgres',
        '-E',
        'UTF8',
        '--locale=C.UTF-8',
        '-N',
        `--pwfile=${secret}`,
        '--auth-local=trust',
        '--auth-host=scram-sha-256',
      ],
      ...(options.walDir === undefined ? [] : [`--waldir=${options.walDir}`]),
    ],
    { ...as, env, cwd: '/', stdio: 'pipe' },
  );
  rmSync(secret);
  const conf = [
    `port = ${port}`,
    "listen_addresses = '127.0.0.1'",
    `unix_socket_directories = '${socketDir}'`,
    'shared_buffers = 16MB',
    'max_connections = 40',
    'fsync = off',
    'full_page_writes = off',
    'max_wal_size = 128MB',
    "log_line_prefix = '%m [%p] %a '",
    ...(options.conf ?? []),
  ];
  writeFileSync(join(dataDir, 'postgresql.conf'), `${conf.join('\n')}\n`, { flag: 'a' });
  const logFile = join(socketDir, 'log');
  const log = (): string => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
  let child: ChildProcess | undefined;
  let again: NodeJS.Timeout | undefined;

  async function start(): Promise<void> {
    const output = openSync(logFile, 'a');
    const started = spawn(join(bin as string, 'postgres'), ['-D', dataDir], { ...as, env, cwd: '/', stdio: ['ignore', output, output] });
    closeSync(output);
    child = started;
    if (options.supervised === true)
      started.once('exit', () => {
        if (child === started) again = setTimeout(() => void start().catch(() => undefined), 200);
      });
    for (;;) {
      if (started.exitCode !== null || started.signalCode !== null) throw new Error(`PostgreSQL ended:\n${log().slice(-2000)}`);
      const up = await ready(socketDir, port, bin as string).then(
        () => true,
        () => false,
      );
      if (up) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async function halt(how: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const one = child;
    child = undefined;
    clearTimeout(again);
    if (one === undefined || one.exitCode !== null || one.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => one.once('exit', () => resolve()));
    one.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await ended;
  }

  await start();
  return {
    bin,
    major: Number(readFileSync(join(dataDir, 'PG_VERSION'), 'utf8').trim()),
    dir,
    dataDir,
    socketDir,
    port,
    user: 'postgres',
    password,
    account: owner,
    async sql(text, database = 'postgres') {
      const args = ['-h', socketDir, '-p', String(port), '-U', 'postgres', '-d', database];
      for (let tries = 0; ; tries += 1) {
        const psql = run(join(bin, 'psql'), ['-X', '-w', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', ...args], {
          env: { ...env, PGCLIENTENCODING: 'UTF8' },
          encoding: 'utf8',
          maxBuffer: 64 * 1024 * 1024,
        });
        psql.child.stdin?.end(text);
        try {
          return (await psql).stdout.trimEnd();
        } catch (error) {
          // Not asked yet: a supervised server is on its way back.
          const away = /connection to server on socket|the database system is/.test(String(error)) && options.supervised === true;
          if (!away || tries >= 200) throw error;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    },
    log,
    halt,
    start,
    async stop() {
      await halt();
      rmSync(socketDir, { recursive: true, force: true });
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
      if (options.walDir !== undefined) rmSync(options.walDir, { recursive: true, force: true });
    },
  };
}
