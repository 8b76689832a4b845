import { execFile, execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { postgresUnavailable } from './postgres.ts';

const run = promisify(execFile);

/** Text of the stack file of point-in-time recovery. */
export const recoveryStack = readFileSync(fileURLToPath(new URL('./stacks/recovery.yaml', import.meta.url)), 'utf8');

/** The tools' folder and the account that may run a server. */
function place(): { bin: string; user: string; uid: number; gid: number } {
  const root = '/usr/lib/postgresql';
  const major = readdirSync(root)
    .filter((name) => existsSync(join(root, name, 'bin', 'initdb')))
    .map(Number)
    .sort((a, b) => b - a)[0];
  const { username, uid, gid } = userInfo();
  if (uid !== 0) return { bin: join(root, String(major), 'bin'), user: username, uid, gid };
  const [user = '', , id, group] = (readFileSync('/etc/passwd', 'utf8').match(/^(postgres|nobody):.*$/m)?.[0] ?? '').split(':');
  return { bin: join(root, String(major), 'bin'), user, uid: Number(id), gid: Number(group) };
}

/** A live server that archives its WAL, its archive, base backups, and a place for recovered servers; and a service that only counts its calls. */
export interface RecoveryCluster {
  readonly dir: string;
  readonly dataDir: string;
  readonly archiveDir: string;
  readonly baseDir: string;
  readonly recoveryRoot: string;
  readonly appControl: string;
  readonly bin: string;
  readonly user: string;
  /** For the stack. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Runs SQL on the live server. */
  sql(text: string): Promise<string>;
  /** Writes rows and gives the server's time after them, RFC 3339. */
  write(note: string, rows?: number): Promise<string>;
  /** Ends the WAL segment and waits until it is archived. */
  archived(): Promise<void>;
  /** A base backup made with PostgreSQL's own tool; gives its name. */
  base(name: string): Promise<string>;
  start(): Promise<void>;
  halt(mode?: 'fast' | 'immediate'): Promise<void>;
  /** Ends every server below the folder, the recovered ones too. */
  haltAll(): Promise<void>;
  /** Data as a text: counts by note, of the live server. */
  contents(): Promise<string>;
  running(): boolean;
  /** Tells the service something. */
  app(verb: 'start' | 'stop'): void;
  appRunning(): boolean;
  close(): Promise<void>;
}

/** Why it can't be had here; print it as `skipped: <why>`. */
export const recoveryUnavailable = postgresUnavailable;

/** PostgreSQL processes at work below a folder. */
function serversBelow(dir: string): { pid: number; cwd: string }[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const cwd = readlinkSync(`/proc/${entry}/cwd`);
      const name = readFileSync(`/proc/${entry}/comm`, 'utf8').trim();
      return cwd.startsWith(`${dir}/`) && name === 'postgres' ? [{ pid: Number(entry), cwd }] : [];
    } catch {
      return [];
    }
  });
}

/** A service that is a process, and writes down what it was told. */
const control = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
pid=$(cat app.pid 2>/dev/null)
alive() { [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; }
case $1 in
  status) if alive; then echo "running pid=$pid started=1"; else echo stopped; exit 3; fi ;;
  stop)
    echo stop >>app.calls
    if alive; then kill "$pid"; while [ -e "/proc/$pid/cwd" ]; do sleep 0.05; done; fi
    rm -f app.pid ;;
  start)
    echo start >>app.calls
    if ! alive; then
      setsid sleep 100000 </dev/null >/dev/null 2>&1 &
      echo $! >app.pid
    fi ;;
esac
`;

/** Makes a small cluster that archives (1 MiB segments) and starts it. */
export async function startRecoveryCluster(
  options: { readonly dir?: string; readonly conf?: readonly string[] } = {},
): Promise<RecoveryCluster> {
  const { bin, user, uid, gid } = place();
  const own = options.dir === undefined;
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'quarterdeck-pitr-'));
  const socketDir = mkdtempSync(join(tmpdir(), 'quarterdeck-pitrs-'));
  const [dataDir, archiveDir, baseDir, recoveryRoot] = ['live', 'archive', 'bases', 'recovery'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
    string,
  ];
  chmodSync(dir, 0o755);
  for (const folder of [archiveDir, baseDir, recoveryRoot]) mkdirSync(folder, { mode: 0o700 });
  if (process.getuid?.() === 0) for (const folder of [dir, socketDir, archiveDir, baseDir, recoveryRoot]) chownSync(folder, uid, gid);
  const appControl = join(dir, 'app');
  writeFileSync(appControl, control, { mode: 0o755 });
  const as = process.getuid?.() === 0 ? { uid, gid } : {};
  const env = { PATH: `${bin}:/usr/bin:/bin`, LC_ALL: 'C', TZ: 'UTC' };
  const tool = (name: string, args: readonly string[]) =>
    run(join(bin, name), [...args], { ...as, env, cwd: '/', maxBuffer: 16 * 1024 * 1024 });
  await tool('initdb', ['-D', dataDir, '-U', 'postgres', '-E', 'UTF8', '--no-locale', '-N', '-A', 'trust', '--wal-segsize=1']);
  appendFileSync(
    join(dataDir, 'postgresql.conf'),
    `${[
      "listen_addresses = ''",
      'port = 5432',
      `unix_socket_directories = '${socketDir}'`,
      'shared_buffers = 2MB',
      'max_connections = 20',
      'fsync = off',
      'full_page_writes = off',
      'autovacuum = off',
      'wal_level = replica',
      'max_wal_size = 4MB',
      'min_wal_size = 2MB',
      'archive_mode = on',
      `archive_command = 'test ! -f ${archiveDir}/%f && cp %p ${archiveDir}/%f.part && mv ${archiveDir}/%f.part ${archiveDir}/%f'`,
      ...(options.conf ?? []),
    ].join('\n')}\n`,
  );
  const psql = async (text: string) => {
    const child = run(
      join(bin, 'psql'),
      ['-X', '-w', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', socketDir, '-U', 'postgres', '-d', 'postgres'],
      {
        env,
        cwd: '/',
      },
    );
    child.child.stdin?.end(text);
    return (await child).stdout.trim();
  };
  const cluster: RecoveryCluster = {
    dir,
    dataDir,
    archiveDir,
    baseDir,
    recoveryRoot,
    appControl,
    bin,
    user,
    inputs: {
      pg_host: socketDir,
      pg_port: '5432',
      database: 'postgres',
      bin_dir: bin,
      os_user: user,
      data_dir: dataDir,
      base_dir: baseDir,
      archive_dir: archiveDir,
      recovery_root: recoveryRoot,
      app_control: appControl,
      newest: 'orders.at',
    },
    sql: psql,
    write: (note, rows = 3) =>
      psql(`INSERT INTO orders (note) SELECT '${note}' FROM generate_series(1, ${rows});
SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`),
    async archived() {
      const name = await psql('SELECT txid_current() \\g /dev/null\nSELECT pg_walfile_name(pg_switch_wal())');
      while (!existsSync(join(archiveDir, name))) await new Promise((resolve) => setTimeout(resolve, 50));
    },
    async base(name) {
      await tool('pg_basebackup', [
        '-w',
        '-h',
        socketDir,
        '-U',
        'postgres',
        '-D',
        join(baseDir, name),
        '-X',
        'stream',
        '--checkpoint=fast',
      ]);
      return name;
    },
    start: async () => void (await tool('pg_ctl', ['-D', dataDir, '-w', '-s', '-l', join(socketDir, 'log'), 'start'])),
    halt: async (mode = 'fast') => void (await tool('pg_ctl', ['-D', dataDir, '-w', '-s', '-m', mode, 'stop'])),
    async haltAll() {
      for (;;) {
        const left = serversBelow(dir);
        if (left.length === 0) return;
        for (const { pid } of left) {
          try {
            // An immediate shutdown: nothing of it is needed any more.
            process.kill(pid, 'SIGQUIT');
          } catch {
            // It has ended by itself.
          }
        }
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    },
    contents: () =>
      psql(`SELECT string_agg(note || ' ' || n, ', ' ORDER BY note) FROM (SELECT note, count(*) AS n FROM orders GROUP BY note) q`),
    running: () => serversBelow(dir).some(({ cwd }) => cwd === dataDir),
    app: (verb) => void execFileSync(appControl, [verb], { stdio: 'ignore' }),
    appRunning() {
      try {
        execFileSync(appControl, ['status'], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    },
    async close() {
      cluster.app('stop');
      await cluster.haltAll();
      rmSync(socketDir, { recursive: true, force: true });
      if (own) rmSync(dir, { recursive: true, force: true });
      else for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true, force: true });
    },
  };
  cluster.app('start');
  await cluster.start();
  await psql('CREATE TABLE orders (id serial PRIMARY KEY, note text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())');
  return cluster;
}

/** Copies a folder as it is, as cheaply as the file system can. */
export function copyFolder(from: string, to: string): void {
  execFileSync('cp', ['-a', '--reflink=auto', from, to]);
}
