import { beginWrite, commit, giveUp, quoteName, readOnly, setVariable, textOf } from './postgres-text.ts';
import type { Dialect } from './tokens.ts';

/** Where the rows of applied migrations are. */
export interface Tracking {
  readonly table: string;
  readonly version: string;
  /** The newest row is the last by this column. */
  readonly order: string;
}

/** One file to carry out, and what becomes of its row. */
export interface FileStep {
  readonly version: string;
  /** The whole file, and its statements. */
  readonly text: string;
  readonly statements: readonly string[];
  /** Down: the row goes. Up: this row, as JSON, comes. */
  readonly row?: string;
}

/** What is sent for migrations; both dialects answer with the same lines. */
interface MigrationPrograms {
  /** Lines `applied [version, row]` in order, `object "kind name"`, and `superuser=`. */
  status(tracking: Tracking): string;
  /**
   * All files in one transaction, when `expected` is the newest: lines `gone JSON`, `made JSON`; `verdict=` `changed`, `mismatch`, `tried` (rolled
   * back on purpose) or `committed`.
   */
  migrate(tracking: Tracking, expected: string, wanted: string, steps: readonly FileStep[], dry: boolean): string;
}

/** Everything of the database that a migration makes, as lines that people can read. */
const objectsSql = `SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'view' WHEN 'S' THEN 'sequence' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' ELSE 'relation' END || ' ' || n.nspname || '.' || c.relname AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^(pg_|information_schema$)' AND c.relkind <> 't'
UNION SELECT 'column ' || n.nspname || '.' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname !~ '^(pg_|information_schema$)' AND c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped
UNION SELECT 'constraint ' || conname || ' of ' || conrelid::regclass::text || ' ' || pg_get_constraintdef(k.oid)
  FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE n.nspname !~ '^(pg_|information_schema$)' AND conrelid <> 0
UNION SELECT 'function ' || n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')'
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname !~ '^(pg_|information_schema$)'
UNION SELECT 'type ' || n.nspname || '.' || t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname !~ '^(pg_|information_schema$)' AND t.typtype IN ('e', 'd')
UNION SELECT 'trigger ' || tgname || ' of ' || tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal`;

const statusProgram = ({ table, version, order }: Tracking) =>
  readOnly(`SELECT 'superuser=' || rolsuper FROM pg_roles WHERE rolname = current_user;
SELECT 'applied ' || json_build_array(t.${quoteName(version)}::text, to_jsonb(t)::text)::text FROM ${quoteName(table)} t ORDER BY t.${quoteName(order)};
SELECT 'object ' || to_json(name)::text FROM (${objectsSql}) o ORDER BY name;
`);

/** Stops unless the last `qd_same` is true. */
const unless = (verdict: string) => `\\if :qd_same\n\\else\n${giveUp(verdict)}\\endif\n`;

function migrateProgram(
  { table, version, order }: Tracking,
  expected: string,
  wanted: string,
  steps: readonly FileStep[],
  dry: boolean,
): string {
  // The file may change the search path: what is ours is named in full from here on.
  const tracking = ':"qd_schema".:"qd_table"';
  const newest = `coalesce((SELECT t.${quoteName(version)}::text FROM ${tracking} t ORDER BY t.${quoteName(order)} DESC LIMIT 1), '')`;
  const parts = steps.map(
    (
      step,
      index,
    ) => `${setVariable('qd_file', step.text)}${setVariable('qd_version', step.version)}SELECT set_config('quarterdeck.file', ${textOf('qd_file')}, true) IS NOT NULL AS qd_same \\gset
DO $quarterdeck$ BEGIN EXECUTE current_setting('quarterdeck.file'); END $quarterdeck$;
${
  step.row === undefined
    ? `WITH d AS (DELETE FROM ${tracking} t WHERE t.${quoteName(version)}::text = ${textOf('qd_version')} RETURNING 1) SELECT count(*) = 1 AS qd_same FROM d \\gset
`
    : `${setVariable(`qd_row${index}`, step.row)}WITH d AS (INSERT INTO ${tracking} OVERRIDING SYSTEM VALUE SELECT r.* FROM jsonb_populate_record(NULL::${tracking}, ${textOf(`qd_row${index}`)}::jsonb) r RETURNING 1) SELECT count(*) = 1 AS qd_same FROM d \\gset
`
}${unless('mismatch')}`,
  );
  return `${setVariable('qd_expected', expected)}${setVariable('qd_wanted', wanted)}${beginWrite.replace('REPEATABLE READ', 'READ COMMITTED')}SELECT n.nspname AS qd_schema, c.relname AS qd_table FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = '${quoteName(table)}'::regclass \\gset
LOCK TABLE ${tracking} IN EXCLUSIVE MODE;
SELECT ${newest} = ${textOf('qd_expected')} AS qd_same, quote_literal(${newest}) AS qd_found \\gset
\\if :qd_same
\\else
${giveUp('changed', { found: 'qd_found' })}\\endif
CREATE TEMP TABLE qd_before ON COMMIT DROP AS ${objectsSql};
${parts.join('')}CREATE TEMP TABLE qd_after ON COMMIT DROP AS ${objectsSql};
SELECT 'gone ' || to_json(name)::text FROM (SELECT name FROM pg_temp.qd_before EXCEPT SELECT name FROM pg_temp.qd_after) x ORDER BY name;
SELECT 'made ' || to_json(name)::text FROM (SELECT name FROM pg_temp.qd_after EXCEPT SELECT name FROM pg_temp.qd_before) x ORDER BY name;
SELECT ${newest} = ${textOf('qd_wanted')} AS qd_same \\gset
${unless('mismatch')}${dry ? `\\echo end=yes\n${giveUp('tried')}` : commit}`;
}

const sqliteTold = (verb: string, { table, version, order }: Tracking, more: Readonly<Record<string, unknown>>) =>
  JSON.stringify({ verb, table, version, order: [order], ...more });

const both: Readonly<Record<Dialect, MigrationPrograms>> = {
  postgres: { status: statusProgram, migrate: migrateProgram },
  sqlite: {
    status: (tracking) => sqliteTold('status', tracking, {}),
    migrate: (tracking, expected, wanted, steps, dry) =>
      sqliteTold(dry ? 'try' : 'migrate', tracking, {
        expected,
        wanted,
        steps: steps.map((step) => ({
          version: step.version,
          statements: step.statements,
          remove: step.row === undefined,
          ...(step.row === undefined ? {} : { row: step.row }),
        })),
      }),
  },
};

/** The programs of a dialect. */
export const migrationPrograms = (dialect: Dialect): MigrationPrograms => both[dialect];
