import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import { plainLine } from '../../../engine/words.ts';
import type { PgPlace, PgReach } from './place.ts';
import { pgLook, pgProblem, sqlParams } from './place.ts';
import { sqlText } from './place-scripts.ts';

/**
 * Text of a row depends on these. The search path is empty so that nothing of the database itself can stand in for a function.
 */
const steady = `SET LOCAL search_path = pg_catalog;
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL timezone = 'UTC';
SET LOCAL extra_float_digits = 3;
SET LOCAL bytea_output = 'hex';
SET LOCAL row_security = off;
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
`;

/**
 * One line per table, within a transaction: its rows, and for the chosen ones a sum over the hashes of all rows, which needs no order and no
 * memory. Then one line per sequence and extension. Variable `fingerprints`: a JSON list of `schema.table`, `table` (in public) or `*`.
 */
export const factsBody = `${steady}SELECT format(
  $q$SELECT 'row ' || json_build_object('t', %L, 'n', count(*)::text, 'f', %s) FROM ONLY %I.%I AS "qd~row"$q$,
  n.nspname || '.' || c.relname,
  CASE WHEN (:'fingerprints')::jsonb ?| ARRAY['*', n.nspname || '.' || c.relname]
      OR (n.nspname = 'public' AND (:'fingerprints')::jsonb ? c.relname::text)
    THEN $q$md5(coalesce(sum(('x' || substr(md5("qd~row"::text), 1, 15))::bit(60)::bigint::numeric), 0)::text || ':' ||
      coalesce(sum(('x' || substr(md5("qd~row"::text), 17, 15))::bit(60)::bigint::numeric), 0)::text)$q$
    ELSE 'NULL' END,
  n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname, c.relname
\\gexec
SELECT 'seq ' || json_build_object('t', s.schemaname || '.' || s.sequencename, 'n', coalesce(s.last_value::text, ''))
FROM pg_sequences s ORDER BY s.schemaname, s.sequencename;
SELECT 'ext ' || json_build_object('t', e.extname, 'n', e.extversion) FROM pg_extension e ORDER BY e.extname;
`;

export const factsSql = `BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
${factsBody}COMMIT;
`;

const Line = z.strictObject({ t: z.string().max(200), n: z.string().max(60), f: z.string().nullish() });

/** One table: rows, and its fingerprint when it was asked for. */
export interface TableFact {
  readonly rows: string;
  readonly fingerprint?: string;
}

/** What a database (or a dump) was seen to hold. */
export interface DatabaseFacts {
  readonly tables: ReadonlyMap<string, TableFact>;
  readonly rows: bigint;
  /** SHA-256 over names and row counts of all tables. */
  readonly digest: string;
  /** SHA-256 over extensions and the last values of all sequences. */
  readonly inventory: string;
}

const sha256 = (lines: readonly string[]) => createHash('sha256').update(lines.join('\n')).digest('hex');

/** Reads the lines of {@link factsBody}. @throws Problem when one is not as it must be */
export function parseFacts(text: string): DatabaseFacts {
  const tables = new Map<string, TableFact>();
  const inventory: string[] = [];
  let rows = 0n;
  for (const line of text.split('\n')) {
    const match = /^(row|seq|ext) (\{.*\})$/.exec(line);
    if (match === null) continue;
    const parsed = Line.safeParse(JSON.parse(match[2] as string));
    if (!parsed.success) throw new Problem('remote-command-failed', 'What PostgreSQL said of its tables could not be read.');
    const { t, n, f } = parsed.data;
    if (match[1] === 'row') {
      if (!/^\d+$/.test(n)) throw new Problem('remote-command-failed', `The rows of ${plainLine(t, 130)} could not be counted.`);
      tables.set(t, { rows: n, ...(f == null ? {} : { fingerprint: f }) });
      rows += BigInt(n);
    } else inventory.push(`${match[1]}\t${t}\t${n}`);
  }
  return { tables, rows, digest: tablesDigest(tables), inventory: sha256(inventory) };
}

/** The digest of a set of tables: names and counts. */
export function tablesDigest(tables: ReadonlyMap<string, TableFact>): string {
  return sha256([...tables].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { rows }]) => `${name}\t${rows}`));
}

/** Tables as one short text, for a manifest. */
export function packTables(tables: ReadonlyMap<string, TableFact>): string {
  return JSON.stringify(
    [...tables].map(([name, { rows, fingerprint }]) => [name, rows, ...(fingerprint === undefined ? [] : [fingerprint])]),
  );
}

const Packed = z.array(z.union([z.tuple([z.string(), z.string()]), z.tuple([z.string(), z.string(), z.string()])]));

/** Undoes {@link packTables}; undefined when it is not such a text. */
export function unpackTables(text: string | undefined): Map<string, TableFact> | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = Packed.safeParse(value);
  return parsed.success
    ? new Map(parsed.data.map(([name, rows, fingerprint]) => [name, { rows, ...(fingerprint === undefined ? {} : { fingerprint }) }]))
    : undefined;
}

/** In words, which tables differ from what was expected; empty when none does. A fingerprint counts where both sides have one. */
export function differences(expected: ReadonlyMap<string, TableFact>, found: ReadonlyMap<string, TableFact>): string[] {
  const words: string[] = [];
  for (const [name, want] of expected) {
    const have = found.get(name);
    const shown = plainLine(name, 130);
    if (have === undefined) words.push(`${shown} is missing`);
    else if (have.rows !== want.rows) words.push(`${shown} has ${have.rows} rows, not ${want.rows}`);
    else if (want.fingerprint !== undefined && have.fingerprint !== undefined && want.fingerprint !== have.fingerprint)
      words.push(`${shown} has as many rows, and other contents`);
  }
  for (const name of found.keys()) if (!expected.has(name)) words.push(`${plainLine(name, 130)} is not in the backup`);
  return words;
}

/** Counts a live database; long for a large one. @throws Problem */
export async function readFacts(reach: PgReach, place: PgPlace, fingerprints: readonly string[]): Promise<DatabaseFacts> {
  const end = await pgLook(reach, place, 'pg "$@"\n', [sqlText, factsSql, ...sqlParams({ fingerprints: JSON.stringify(fingerprints) })], {
    timeoutMs: 3_600_000,
  });
  if (end.exitCode !== 0) throw pgProblem(end);
  return parseFacts(end.stdout);
}
