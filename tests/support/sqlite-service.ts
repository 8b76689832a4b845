import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { freePort } from '../../src/main/demo/friendlyface/deploy.ts';

const source = fileURLToPath(new URL('./sqlite-service/', import.meta.url));
const run = promisify(execFile);

/** A real service on a SQLite file, with its control script. */
export interface SqliteService {
  readonly dir: string;
  readonly db: string;
  readonly backups: string;
  readonly lock: string;
  readonly control: string;
  readonly url: string;
  /** The inputs of the `sqlite` stack of the tests. */
  readonly inputs: Record<string, string>;
  verb(verb: 'start' | 'stop' | 'status'): Promise<{ code: number; stdout: string }>;
  /** What the service says of itself. */
  health(): Promise<{ status: number; orders: number | undefined }>;
  /** Adds orders over HTTP: they lie in the log first. */
  order(count?: number): Promise<void>;
  /** What a fresh reader finds in the file, while the service runs or not: rows of every table. */
  data(): string;
  /** Ends the service, whatever it runs as. */
  close(): Promise<void>;
}

/** Why it can't run here. */
export function sqliteServiceUnavailable(): string | undefined {
  if (!existsSync('/proc/self/stat')) return 'no /proc';
  try {
    execFileSync('flock', ['--version'], { stdio: 'ignore' });
  } catch {
    return 'no flock';
  }
  return undefined;
}

/** Lays the service out in a folder and fills its database with so many orders; starts it unless told not to. */
export async function startSqliteService(options: {
  dir: string;
  orders?: number;
  /** What SIGTERM does: `close` folds the log in, `crash` leaves it. */
  end?: 'close' | 'crash';
  start?: boolean;
  /** Where `data` and `backups` lie, when not beside the control. */
  dataDir?: string;
}): Promise<SqliteService> {
  const { dir, dataDir = dir } = options;
  mkdirSync(join(dataDir, 'data'), { recursive: true });
  mkdirSync(dir, { recursive: true });
  const db = join(dataDir, 'data', 'shop.db');
  const backups = join(dataDir, 'backups');
  const port = await freePort();
  const control = join(dir, 'control');
  copyFileSync(join(source, 'control.sh'), control);
  chmodSync(control, 0o755);
  writeFileSync(
    join(dir, 'settings'),
    `NODE='${process.execPath}'\nSERVICE='${join(source, 'service.ts')}'\nDB='${db}'\nPORT=${port}\nEND=${options.end ?? 'close'}\n`,
  );
  seed(db, options.orders ?? 100);
  const service: SqliteService = {
    dir,
    db,
    backups,
    lock: join(dir, 'lock'),
    control,
    url: `http://127.0.0.1:${port}`,
    inputs: {
      base_url: `http://127.0.0.1:${port}`,
      service_control: control,
      db_path: db,
      backup_dir: backups,
      lock_file: join(dir, 'lock'),
    },
    verb: (verb) =>
      run(control, [verb]).then(
        ({ stdout }) => ({ code: 0, stdout }),
        (error: { code?: number; stdout?: string }) => ({ code: error.code ?? -1, stdout: error.stdout ?? '' }),
      ),
    async health() {
      try {
        const answer = await fetch(`${service.url}/healthz`, { headers: { connection: 'close' } });
        return { status: answer.status, orders: ((await answer.json()) as { orders?: number }).orders };
      } catch {
        return { status: 0, orders: undefined };
      }
    },
    async order(count = 1) {
      for (let i = 0; i < count; i += 1) {
        const answer = await fetch(`${service.url}/orders`, { method: 'POST', headers: { connection: 'close' } });
        await answer.arrayBuffer();
        if (answer.status !== 200) throw new Error(`The service did not take an order: ${answer.status}`);
      }
    },
    data: () => readShop(db),
    async close() {
      rmSync(join(dir, 'supervised'), { force: true });
      if (existsSync(join(dir, 'hidden'))) process.kill(Number(readFileSync(join(dir, 'hidden'), 'utf8').split(' ')[0]), 'SIGKILL');
      await service.verb('stop');
    },
  };
  if (options.start !== false) await service.verb('start');
  return service;
}

function seed(file: string, orders: number): void {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.exec(`CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers (id), total INTEGER NOT NULL);
    INSERT INTO customers (name) VALUES ('Ann'), ('Bea');`);
  const add = db.prepare('INSERT INTO orders (customer, total) VALUES (?, ?)');
  db.transaction(() => {
    for (let i = 0; i < orders; i += 1) add.run((i % 2) + 1, i);
  })();
  db.close();
}

/** Everything that a database file of the shop and its log hold. Reads a copy, so that nothing is left beside the original. */
export function readShop(file: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'quarterdeck-shop-'));
  const copy = join(folder, 'shop.db');
  try {
    copyFileSync(file, copy);
    if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${copy}-wal`);
    const db = new Database(copy);
    try {
      return JSON.stringify([db.prepare('SELECT * FROM customers').all(), db.prepare('SELECT * FROM orders').all()]);
    } finally {
      db.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
