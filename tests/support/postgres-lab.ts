import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Postgres, PostgresOptions } from './postgres.ts';
import { startPostgres } from './postgres.ts';

export const postgresStack = {
  id: 'postgres-shop',
  text: readFileSync(fileURLToPath(new URL('stacks/postgres.yaml', import.meta.url)), 'utf8'),
};

/** Keeps a process and says so; its calls are in `calls`. */
const control = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
pid=$(cat pid 2>/dev/null)
up() { [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; }
case $1 in
  status)
    if up; then echo "running pid=$pid started=$(cat started)"; else echo stopped; exit 3; fi ;;
  stop)
    echo stop >>calls
    up && kill "$pid"
    while up; do sleep 0.05; done
    rm -f pid ;;
  start)
    echo start >>calls
    up && exit 0
    setsid sleep 86400 </dev/null >/dev/null 2>&1 &
    echo $! >pid
    date +%s >started ;;
esac
`;

/** A service of one process, with its control. */
export interface ShopService {
  readonly control: string;
  /** Starts it, and forgets the calls so far. */
  start(): void;
  running(): boolean;
  calls(): string;
  /** Ends it by its pid, whatever the control says. */
  stop(): void;
}

/** Writes the control into a folder; nothing runs yet. */
export function shopService(dir: string): ShopService {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'control');
  writeFileSync(path, control);
  chmodSync(path, 0o755);
  const signal = (name: NodeJS.Signals | 0): boolean => {
    const file = join(dir, 'pid');
    const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
    if (pid <= 1) return false;
    try {
      return process.kill(pid, name);
    } catch {
      return false;
    }
  };
  return {
    control: path,
    start() {
      execFileSync(path, ['start'], { stdio: 'ignore' });
      writeFileSync(join(dir, 'calls'), '');
    },
    running: () => signal(0),
    calls: () => readFileSync(join(dir, 'calls'), 'utf8'),
    stop: () => void signal('SIGTERM'),
  };
}

/** A shop: tables with keys, a view, a sequence, a function, an extension, rows; owned by a role that is no superuser. */
export const shopSql = `CREATE SCHEMA stock;
CREATE EXTENSION pgcrypto;
CREATE TABLE public.customers (id serial PRIMARY KEY, name text NOT NULL, note text);
CREATE TABLE public.orders (id bigserial PRIMARY KEY, customer int NOT NULL REFERENCES public.customers, total numeric(10,2) NOT NULL, placed timestamptz NOT NULL DEFAULT now());
CREATE TABLE stock.items (sku text PRIMARY KEY, data jsonb, picture bytea);
CREATE TABLE public.empty ();
CREATE VIEW public.totals AS SELECT customer, sum(total) AS total FROM public.orders GROUP BY customer;
CREATE MATERIALIZED VIEW public.many AS SELECT count(*) AS n FROM public.orders;
CREATE FUNCTION public.due(c int) RETURNS numeric LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN c > 0 THEN sum(total) END FROM public.orders WHERE customer = c; END;
CREATE FUNCTION public.odd() RETURNS text LANGUAGE plpgsql AS $f$ BEGIN RETURN '; DROP DATABASE shop; '; END $f$;
INSERT INTO public.customers (name, note) SELECT 'customer ' || i, E'tab\\there \\\\. line\\nnext' FROM generate_series(1, 50) i;
INSERT INTO public.orders (customer, total, placed) SELECT 1 + i % 50, i * 1.25, '2026-01-01 00:00Z'::timestamptz + i * interval '1 hour' FROM generate_series(1, 400) i;
INSERT INTO stock.items SELECT 'sku-' || i, jsonb_build_object('n', i), decode(md5(i::text), 'hex') FROM generate_series(1, 60) i;
COMMENT ON TABLE public.orders IS 'What was ordered';
GRANT SELECT ON public.orders TO reader;
`;

/** Settings that a swap must carry over. */
const settingsSql = `ALTER DATABASE shop SET search_path = stock, "$user", public;
ALTER DATABASE shop SET work_mem = '8MB';
ALTER ROLE shop IN DATABASE shop SET statement_timeout = '5min';
ALTER DATABASE shop CONNECTION LIMIT 30;
REVOKE CONNECT ON DATABASE shop FROM PUBLIC;
GRANT CONNECT ON DATABASE shop TO reader;
COMMENT ON DATABASE shop IS 'The shop''s own';
`;

/** A cluster with the shop's database, made anew in a moment from a template. */
export interface ShopLab {
  readonly pg: Postgres;
  readonly backupDir: string;
  readonly controlDir: string;
  readonly inputs: Readonly<Record<string, string>>;
  /** The live database, its settings and the service, as they were; every other database of the shop's is gone. */
  reset(): Promise<void>;
  /** All that is live: contents, owners, settings, who may connect, and whether the service runs. */
  live(): Promise<string>;
  /** Names of all databases that do not come with PostgreSQL. */
  databases(): Promise<string[]>;
  /** The archives in the backup folder, oldest first. */
  dumps(): string[];
  calls(): string;
  stop(): Promise<void>;
}

/** Starts it; data and backups lie below `dir`. `damage`: SQL that is done to the live database after each reset, and not to what `shop_template` is. */
export async function startShop(
  dir: string,
  options: Omit<PostgresOptions, 'dir'> & { readonly controlDir?: string; readonly damage?: string } = {},
): Promise<ShopLab> {
  const { controlDir = join(dir, 'service'), damage, ...more } = options;
  const pg = await startPostgres({ ...more, dir: join(dir, 'pg') });
  const backupDir = join(dir, 'backups');
  mkdirSync(backupDir, { recursive: true });
  const service = shopService(controlDir);
  await pg.sql(
    `CREATE ROLE shop LOGIN CREATEDB PASSWORD 'canary-shop'; CREATE ROLE reader LOGIN; CREATE DATABASE shop_template OWNER shop;`,
  );
  await pg.sql(`SET ROLE shop; ${shopSql}`, 'shop_template');
  const template = damage === undefined ? 'shop_template' : 'shop_damaged';
  if (damage !== undefined) {
    await pg.sql('CREATE DATABASE shop_damaged TEMPLATE shop_template OWNER shop');
    await pg.sql(damage, 'shop_damaged');
  }

  const databases = async (): Promise<string[]> =>
    (
      await pg.sql(
        `SELECT datname FROM pg_database WHERE NOT datistemplate AND datname NOT IN ('postgres', 'shop_template', 'shop_damaged') ORDER BY 1`,
      )
    )
      .split('\n')
      .filter((name) => name !== '');

  const lab: ShopLab = {
    pg,
    backupDir,
    controlDir,
    inputs: {
      pg_host: pg.socketDir,
      pg_port: String(pg.port),
      pg_user: 'postgres',
      bin_dir: pg.bin,
      database: 'shop',
      restore_role: 'shop',
      backup_dir: backupDir,
      control: service.control,
    },
    async reset() {
      // One whose drop was broken off can't be altered any more.
      const drops = `SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS false', datname) FROM pg_database WHERE datname = ANY (:'names'::text[]) AND datconnlimit <> -2
\\gexec
SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database WHERE datname = ANY (:'names'::text[])
\\gexec
`;
      const names = `\\set names '{${(await databases()).join(',')}}'\n`;
      await pg.sql(`${names}${drops}CREATE DATABASE shop TEMPLATE ${template} OWNER shop;\n${settingsSql}`);
      service.start();
    },
    async live() {
      const settings = await pg.sql(
        `SELECT datname, oid, datallowconn, datconnlimit, pg_get_userbyid(datdba), (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a), shobj_description(oid, 'pg_database'),
        (SELECT string_agg(setrole || ' ' || setconfig::text, '; ' ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid)
        FROM pg_database d WHERE datname = 'shop'`,
      );
      const rows = await pg
        .sql(
          `SELECT 'c', md5(string_agg(c::text, '|' ORDER BY id)) FROM public.customers c UNION ALL SELECT 'o', md5(string_agg(o::text, '|' ORDER BY id)) FROM public.orders o
        UNION ALL SELECT 's', md5(string_agg(i::text, '|' ORDER BY sku)) FROM stock.items i UNION ALL SELECT 'seq', last_value::text FROM public.orders_id_seq
        UNION ALL SELECT 'owners', string_agg(relname || ' ' || pg_get_userbyid(relowner), ', ' ORDER BY relname) FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'stock'::regnamespace)`,
          'shop',
        )
        .catch((error: unknown) => `not readable: ${String(error)}`);
      return `${settings}\n${rows}\nservice ${service.running() ? 'runs' : 'is down'}`;
    },
    databases,
    dumps: () =>
      readdirSync(backupDir)
        .filter((name) => name.endsWith('.dump'))
        .sort(),
    calls: service.calls,
    async stop() {
      service.stop();
      await pg.stop();
    },
  };
  await lab.reset();
  return lab;
}
