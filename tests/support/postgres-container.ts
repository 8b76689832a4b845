import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { DockerEngine } from './docker-engine.ts';

const pause = promisify(setTimeout);

/** A PostgreSQL server in a container whose image is made of this host's own files: nothing is pulled. */
export interface PostgresContainer {
  readonly name: string;
  /** Folder of the tools within the container. */
  readonly bin: string;
  /** Runs SQL in the container as the superuser. */
  sql(text: string, database?: string): Promise<string>;
}

/** Files that a program loads, by ldd. */
function librariesOf(program: string): string[] {
  const said = execFileSync('ldd', [program], { encoding: 'utf8' });
  return [...said.matchAll(/(\/\S+)\s+\(0x/g)].map(([, path]) => path as string);
}

/** Imports the image and starts the server; resolves when it answers. `bin` is the host's folder of PostgreSQL's programs. */
export async function startPostgresContainer(engine: DockerEngine, bin: string, name = 'shop-db'): Promise<PostgresContainer> {
  const root = join(engine.dir, 'pg-image');
  const home = dirname(bin);
  const share = home.replace('/usr/lib/', '/usr/share/');
  for (const dir of ['bin', 'tmp', 'etc', 'dev/shm', 'usr/bin']) mkdirSync(join(root, dir), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  const programs = ['postgres', 'initdb', 'psql', 'pg_dump', 'pg_restore'].map((one) => join(bin, one));
  const modules = ['plpgsql.so', 'pgcrypto.so', 'dict_snowball.so'].map((one) => join(home, 'lib', one)).filter((one) => existsSync(one));
  const put = (path: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    cpSync(path, join(root, path), { dereference: true, recursive: true });
  };
  for (const path of new Set([...programs, ...modules, ...[...programs, ...modules].flatMap(librariesOf)])) put(path);
  put(share);
  for (const path of ['/usr/share/zoneinfo/UTC', '/usr/lib/locale/C.utf8']) if (existsSync(path)) put(path);
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((one) => existsSync(one)) as string;
  cpSync(busybox, join(root, 'bin/busybox'), { dereference: true });
  for (const applet of ['sh', 'cat', 'rm', 'kill', 'mktemp', 'sed', 'sleep', 'mkdir', 'chown', 'su', 'head', 'tr', 'id'])
    symlinkSync('busybox', join(root, 'bin', applet));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\npostgres:x:70:70::/tmp:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\npostgres:x:70:\n');
  const file = join(engine.dir, 'pg-image.tar');
  execFileSync('tar', ['-cf', file, '-C', root, '.']);
  await engine.docker('import', file, 'quarterdeck-postgres');
  for (const path of [root, file]) rmSync(path, { recursive: true, force: true });
  const script = `mkdir -p /tmp/pg && ${bin}/initdb -D /tmp/pg/data -U postgres -E UTF8 --locale=C.UTF-8 -N -A trust >/dev/null &&
exec ${bin}/postgres -D /tmp/pg/data -c listen_addresses= -c unix_socket_directories=/tmp -c fsync=off -c shared_buffers=16MB -c dynamic_shared_memory_type=mmap`;
  await engine.docker(
    'run',
    '--detach',
    '--network',
    'none',
    '--name',
    name,
    '--user',
    '70:70',
    '--env',
    'LC_ALL=C',
    'quarterdeck-postgres',
    '/bin/sh',
    '-c',
    script,
  );
  const sql = async (text: string, database = 'postgres'): Promise<string> =>
    engine.docker(
      'exec',
      name,
      join(bin, 'psql'),
      '-X',
      '-q',
      '-A',
      '-t',
      '-v',
      'ON_ERROR_STOP=1',
      '-h',
      '/tmp',
      '-U',
      'postgres',
      '-d',
      database,
      '-c',
      text,
    );
  for (let tries = 0; ; tries += 1) {
    const up = await sql('SELECT 1').then(
      () => true,
      () => false,
    );
    if (up) return { name, bin, sql };
    if (tries > 300) throw new Error(`PostgreSQL does not come up in its container:\n${await engine.written(name)}`);
    await pause(100);
  }
}
