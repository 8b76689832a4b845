import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Postgres, PostgresOptions } from './postgres.ts';
import { startPostgres } from './postgres.ts';

/** The stack of the SQL families. */
export const sqlStack = readFileSync(fileURLToPath(new URL('./stacks/sql.yaml', import.meta.url)), 'utf8');

/** Families of {@link familyDatabase}. */
export const FAMILY = '11111111-2222-4333-8444-555555555555';
export const OTHER_FAMILY = '99999999-2222-4333-8444-555555555555';

const seed = `
CREATE TYPE device_kind AS ENUM ('phone', 'tablet');
CREATE TABLE registered_devices (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, family_id uuid NOT NULL, name text NOT NULL, kind device_kind NOT NULL DEFAULT 'phone',
  status text NOT NULL DEFAULT 'active', push_token text, seen timestamptz NOT NULL DEFAULT '2026-01-02 03:04:05.678901+00', extra jsonb, note bytea);
INSERT INTO registered_devices (family_id, name, kind, push_token, extra, note)
  SELECT '${FAMILY}', 'Phone ' || n, 'phone', 'canary-token-' || n, '{"a": [1, null, 1.50]}', '\\x00ff' FROM generate_series(1, 4) n;
INSERT INTO registered_devices (family_id, name, status) VALUES ('${FAMILY}', 'Old', 'revoked'), ('${OTHER_FAMILY}', 'Theirs', 'active');
INSERT INTO registered_devices (family_id, name) VALUES ('${OTHER_FAMILY}', '''; DROP TABLE registered_devices; --');
CREATE TABLE feature_flags (name text PRIMARY KEY, enabled boolean NOT NULL, kill_switch boolean NOT NULL DEFAULT false, rollout_percentage integer NOT NULL DEFAULT 100, updated_at timestamptz DEFAULT now());
INSERT INTO feature_flags (name, enabled) VALUES ('chat', true), ('video', false);
`;

/** A server with the database `family`, made from a template that {@link SqlLab.reset} copies. */
export interface SqlLab {
  readonly postgres: Postgres;
  /** The stack's inputs that lead there. */
  readonly inputs: Record<string, string>;
  sql(text: string): Promise<string>;
  /** Puts the database back; sessions of it are ended. */
  reset(): Promise<void>;
  devices(): Promise<string>;
}

/** Starts it; `more` is SQL for the template, after the families. */
export async function startSqlLab(options: PostgresOptions & { readonly more?: string } = {}): Promise<SqlLab> {
  const { more = '', ...rest } = options;
  const postgres = await startPostgres({ ...rest, conf: ['fsync = off', 'full_page_writes = off'] });
  await postgres.sql('CREATE DATABASE family_template');
  await postgres.sql(seed + more, 'family_template');
  const lab: SqlLab = {
    postgres,
    inputs: { pg_host: postgres.socketDir, pg_port: String(postgres.port), bin_dir: postgres.bin, database: 'family' },
    sql: (text) => postgres.sql(text, 'family'),
    async reset() {
      await postgres.sql('DROP DATABASE IF EXISTS family WITH (FORCE)');
      await postgres.sql('CREATE DATABASE family TEMPLATE family_template STRATEGY file_copy');
    },
    devices: () => postgres.sql('SELECT d::text FROM registered_devices d ORDER BY id', 'family'),
  };
  await lab.reset();
  return lab;
}
