import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { ActionBase, ActionContext } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import type { ScriptEnd, StepJob } from '../job.ts';
import { look, mustRun } from '../job.ts';
import { insidePrelude, outsidePrelude, sqlText } from './place-scripts.ts';

/** Name of a database or role: what no tool takes for a connection string or an option. */
export const PgName = z.string().regex(/^[\p{L}\p{N}_][\p{L}\p{N}_.$@+ -]{0,62}$/u, 'the name of a database or role');

/**
 * Where a PostgreSQL server is, as parameters of any action: `z.strictObject({ ...pgPlaceInput, … })`. Empty text is “not set”, so that
 * optional inputs of a stack can be handed on as they are.
 */
export const pgPlaceInput = {
  /** Container that the server and its tools are in; empty: the tools run on the host itself. */
  container: z.union([z.literal(''), z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, 'the name of a container')]).default(''),
  /** Folder of the server's socket, or an address, as seen from where the tools run. Empty: what the tools themselves assume. */
  pg_host: z.union([z.literal(''), z.string().regex(/^[A-Za-z0-9/][^\p{Cc},=\s]{0,255}$/u, 'a folder or an address')]).default(''),
  pg_port: z.union([z.string().regex(/^\d{0,5}$/, 'a port'), z.int().min(1).max(65_535).transform(String)]).default(''),
  pg_user: PgName.default('postgres'),
  database: PgName,
  /** Key of the secret that holds the role's password; empty: the server asks for none (socket, `.pgpass`). */
  password_secret: z.string().max(64).default(''),
  /** Folder of psql, pg_dump and pg_restore when they are not on the path. */
  bin_dir: z.union([z.literal(''), z.string().regex(/^\/[^\p{Cc}:]{0,1023}$/u, 'an absolute path')]).default(''),
};
const Place = z.strictObject(pgPlaceInput);
export type PgPlace = z.infer<typeof Place>;

/** What is needed to ask a server: an {@link ActionContext}, or the host's services. */
export type PgReach = Pick<ActionBase, 'session' | 'secret'>;

/** The place among an action's parameters, with another database or role when given. */
export function placeOf(input: PgPlace, other: Partial<PgPlace> = {}): PgPlace {
  const { container, pg_host, pg_port, pg_user, database, password_secret, bin_dir } = input;
  return { container, pg_host, pg_port, pg_user, database, password_secret, bin_dir, ...other };
}

/** A command at that place as a plan shows it. */
export function pgShown(place: PgPlace, tool: string, rest = ''): { readonly kind: 'ssh'; readonly text: string } {
  const where = [
    ['-h', place.pg_host],
    ['-p', place.pg_port],
    ['-U', place.pg_user],
    ['-d', place.database],
  ].flatMap(([flag, value]) => (value === '' ? [] : [`${flag} ${value}`]));
  const password = place.password_secret === '' ? '' : `  (PGPASSFILE: ‹${place.password_secret}›)`;
  const inside = place.container === '' ? '' : `docker exec -i ${place.container} `;
  const path = place.bin_dir === '' ? tool : `${place.bin_dir}/${tool}`;
  return { kind: 'ssh', text: `${inside}${path} ${where.join(' ')}${rest === '' ? '' : ` ${rest}`}${password}` };
}

/** The first line of a script's stdin: the password, or nothing. @throws Problem `secret-missing` */
export async function pgPassword(reach: PgReach, place: PgPlace): Promise<string> {
  const password = place.password_secret === '' ? '' : await reach.secret(place.password_secret);
  if (/[\n\r\0]/.test(password)) throw new Problem('bad-input', `The secret ${place.password_secret} is more than one line.`);
  return `${password}\n`;
}

/**
 * Puts the place before a constant script. The script runs on the host and has two functions for what runs where the server is (on the
 * host, or in the container): `pg TEXT ARG…` and, with a stdin of its own, `pg_feed TEXT ARG…`. `TEXT` is itself a constant script, handed
 * in as an argument; in it PGHOST … PGDATABASE and PGPASSFILE are set, `qd_sql SQL name=value…` runs constant SQL with psql variables
 * (`:'name'`, `:"name"`), and `$qd_tmp` is a private folder that goes when it ends. `qd_database` and `qd_user` may be set to others
 * between two calls. The script's own stdin begins after the first line.
 */
export function pgScript(place: PgPlace, script: string, args: readonly string[] = []): { script: string; args: readonly string[] } {
  const { container, bin_dir, pg_host, pg_port, pg_user, database } = place;
  return {
    script: `${outsidePrelude}${script}`,
    args: [insidePrelude, container, bin_dir, pg_host, pg_port, pg_user, database, ...args],
  };
}

const meanings: Readonly<Record<number, string>> = {
  90: 'neither docker nor podman is on the host',
  91: 'no private folder could be made where the server is',
  127: 'psql, pg_dump or pg_restore was not found where the server is',
};

/** {@link look} through {@link pgScript}: reads only, seen to end. `more` follows the password on stdin. */
export async function pgLook(
  reach: PgReach,
  place: PgPlace,
  script: string,
  args: readonly string[] = [],
  options: Omit<NonNullable<Parameters<typeof look>[2]>, 'input'> & { readonly more?: string } = {},
): Promise<ScriptEnd> {
  const session = await reach.session();
  const { more, ...rest } = options;
  return look(session, pgScript(place, script, args), { ...rest, input: `${await pgPassword(reach, place)}${more ?? ''}` });
}

const queryScript = `pg "$@"\n`;

/** psql variables as arguments. */
export const sqlParams = (params: Readonly<Record<string, string>> = {}) =>
  Object.entries(params).map(([name, value]) => `${name}=${value}`);

/**
 * Rows of one constant SELECT (no semicolon), in a read-only transaction; values only as `:'name'`. Every row is checked: cast what JSON can't
 * carry exactly (bigint, numeric) to text. @throws Problem `remote-command-failed` with the server's words
 */
export async function pgQuery<R>(
  reach: PgReach,
  place: PgPlace,
  query: {
    readonly sql: string;
    readonly params?: Readonly<Record<string, string>>;
    readonly row: z.ZodType<R>;
    readonly timeoutMs?: number;
    readonly signal?: AbortSignal;
  },
): Promise<R[]> {
  const text = `BEGIN TRANSACTION READ ONLY;\nSELECT coalesce(json_agg(q), '[]') FROM (\n${query.sql}\n) q;\nCOMMIT;`;
  const end = await pgLook(reach, place, queryScript, [sqlText, text, ...sqlParams(query.params)], {
    timeoutMs: query.timeoutMs ?? 30_000,
    ...(query.signal === undefined ? {} : { signal: query.signal }),
  });
  if (end.exitCode !== 0) throw pgProblem(end);
  let rows: unknown;
  try {
    rows = JSON.parse(end.stdout);
  } catch {
    rows = undefined;
  }
  const checked = z.array(query.row).safeParse(rows);
  if (checked.success) return checked.data;
  throw new Problem('remote-command-failed', 'PostgreSQL’s answer could not be read.', {
    hint: 'Look whether a start-up file of the account prints something, and whether the answer is longer than 4 MiB.',
  });
}

/** What went wrong in a look, in the server's own words. */
export function pgProblem(end: Pick<ScriptEnd, 'exitCode' | 'stderr'>): Problem {
  const words = plainLine(end.stderr.trim(), 400);
  const meaning = meanings[end.exitCode] ?? `PostgreSQL’s tools ended with exit code ${end.exitCode}`;
  return new Problem('remote-command-failed', `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}${words === '' ? '.' : `: ${words}`}`, {
    hint: 'Check the place of the server, the role and its password.',
  });
}

/** {@link mustRun} through {@link pgScript}. `input` follows the password on stdin. */
export async function pgJob(context: ActionContext, place: PgPlace, job: StepJob): ReturnType<typeof mustRun> {
  const { script, args } = pgScript(place, job.script, job.args);
  const input = Buffer.concat([Buffer.from(await pgPassword(context, place)), Buffer.from((job.input ?? '') as string)]);
  return mustRun(context, { ...job, script, args, input, meanings: { ...meanings, ...job.meanings } });
}

/** Constant SQL as a {@link pgJob}; stops at the first error. Put `BEGIN; … COMMIT;` around what belongs together. */
export function pgSqlJob(
  context: ActionContext,
  place: PgPlace,
  job: Omit<StepJob, 'script' | 'args'> & { readonly sql: string; readonly params?: Readonly<Record<string, string>> },
): ReturnType<typeof mustRun> {
  const { sql, params, ...rest } = job;
  return pgJob(context, place, {
    meanings: { 3: 'PostgreSQL refused it' },
    ...rest,
    script: queryScript,
    args: [sqlText, sql, ...sqlParams(params)],
  });
}
