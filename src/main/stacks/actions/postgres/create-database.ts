import { z } from 'zod';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { jobState } from '../job.ts';
import { hostSpace } from '../space.ts';
import { done, failed, unknown } from '../tools.ts';
import { runKey, siblingName } from './naming.ts';
import type { PgPlace } from './place.ts';
import { PgName, pgPlaceInput, pgQuery, pgShown, pgSqlJob, placeOf } from './place.ts';
import { maintenance, serverPreflight, serverState } from './preflight.ts';

const Input = z.strictObject({
  ...pgPlaceInput,
  /** Role that the dump's SQL will run as; empty: the role that connects. Never a superuser. */
  restore_role: z.union([z.literal(''), PgName]).default(''),
  restore_password_secret: z.string().max(64).default(''),
});
type Input = z.infer<typeof Input>;

/** Encoding, locale and tablespace are those of the live database; only what the superuser allows can be in it until it is filled. */
const createSql = `SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L%s OWNER %I%s',
  :'name', pg_encoding_to_char(d.encoding), d.datcollate, d.datctype,
  CASE to_jsonb(d) ->> 'datlocprovider'
    WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'))
    WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', to_jsonb(d) ->> 'datlocale')
    ELSE '' END,
  :'role',
  -- Naming the default one needs a right that only superusers have.
  CASE WHEN d.dattablespace = (SELECT dattablespace FROM pg_database WHERE datname = 'template0') THEN '' ELSE format(' TABLESPACE %I', t.spcname) END)
FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace
WHERE d.datname = :'live' AND NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name')
\\gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
`;

/**
 * By name and by number: never another database that happens to bear the name. A drop that was broken off leaves an invalid database (limit -2), to
 * which nothing can be done but to drop it.
 */
const dropSql = `SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS false', datname) FROM pg_database
WHERE datname = :'name' AND oid::text = :'oid' AND datname <> :'live' AND datconnlimit <> -2
\\gexec
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = :'name' AND datid::text = :'oid' AND datname <> :'live' AND pid <> pg_backend_pid();
SELECT format('DROP DATABASE %I%s', datname, CASE WHEN current_setting('server_version_num')::int >= 130000 THEN ' WITH (FORCE)' ELSE '' END)
FROM pg_database WHERE datname = :'name' AND oid::text = :'oid' AND datname <> :'live'
\\gexec
`;

const Oid = z.strictObject({ oid: z.string() });

/** Number of a database by its name; undefined when there is none. */
export async function databaseOid(context: ActionContext, place: PgPlace, name: string): Promise<string | undefined> {
  const sql = `SELECT oid::text AS oid FROM pg_database WHERE datname = :'name'`;
  return (await pgQuery(context, maintenance(place), { sql, params: { name }, row: Oid }))[0]?.oid;
}

const Role = z.strictObject({ name: z.string(), superuser: z.boolean(), powers: z.array(z.string()) });
/** What would let a dump leave its database: being, or being able to become, a superuser, or a role that reaches the server's files and programs. */
const roleSql = `SELECT r.rolname::text AS name, r.rolsuper AS superuser, coalesce((SELECT json_agg(p.rolname) FROM pg_roles p
  WHERE (p.rolsuper OR p.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files'))
  AND pg_has_role(r.oid, p.oid, 'MEMBER')), '[]'::json) AS powers
FROM pg_roles r WHERE r.rolname = current_user`;

/** The place as the role that a dump is restored as. */
export const restorePlace = (input: Input | (PgPlace & Pick<Input, 'restore_role' | 'restore_password_secret'>)): PgPlace =>
  input.restore_role === ''
    ? placeOf(input)
    : placeOf(input, { pg_user: input.restore_role, password_secret: input.restore_password_secret });

/** Is the role that the dump's SQL runs as harmless, and can it connect? */
export async function rolePreflight(context: ActionContext, input: Parameters<typeof restorePlace>[0]): Promise<PreflightItem> {
  const title = 'Role for the restore';
  const hint = 'Name a role without superuser rights, best the owner of the database, as the restore role.';
  const place = restorePlace(input);
  try {
    const [role] = await pgQuery(context, maintenance(place), { sql: roleSql, row: Role });
    const bad = role === undefined || role.superuser || role.powers.length > 0;
    const why = role?.superuser === true ? 'is a superuser' : `may become ${role?.powers.join(', ')}`;
    return {
      id: 'role',
      title,
      verdict: bad ? 'block' : 'pass',
      detail: bad
        ? `${place.pg_user} ${why}: SQL in a dump could run programs on the server. ${hint}`
        : `${place.pg_user}: no superuser, no way to become one.`,
    };
  } catch (error) {
    return { id: 'role', title, verdict: 'block', detail: `${place.pg_user} can't connect: ${toProblem(error).message}` };
  }
}

async function create(context: ActionContext, input: Input): Promise<ActionOutcome> {
  const place = placeOf(input);
  const name = siblingName(input.database, 'restore', runKey(context));
  const role = restorePlace(input).pg_user;
  context.record({ new_database: name });
  const result = await pgSqlJob(context, maintenance(place), {
    name: 'create',
    sql: createSql,
    params: { name, role, live: input.database },
    hint: 'The live database is unchanged.',
  });
  if ('outcome' in result) return result.outcome;
  try {
    const oid = await databaseOid(context, place, name);
    if (oid !== undefined)
      return done(`${name} was made: empty, encoding and locale as ${input.database}.`, { new_database: name, new_oid: oid });
    return failed({
      code: 'step-failed',
      message: `${name} was not made: there is no ${input.database} to make it like.`,
      retryable: false,
    });
  } catch (error) {
    return unknown(toProblem(error));
  }
}

async function probe(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  const name = context.recorded['new_database'];
  if (name === undefined) return { found: 'not-done', observed: 'It was never begun.' };
  if ((await jobState(context, 'create')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const oid = await databaseOid(context, placeOf(input), name);
  return oid === undefined
    ? { found: 'not-done', observed: `There is no database ${name}.` }
    : { found: 'done', observed: `${name} is there.`, output: { new_database: name, new_oid: oid } };
}

async function drop(context: ActionContext, input: Input, output: Facts): Promise<ActionOutcome> {
  const [name, oid] = [output['new_database'] ?? '', output['new_oid'] ?? ''];
  const result = await pgSqlJob(context, maintenance(placeOf(input)), {
    name: 'drop',
    sql: dropSql,
    params: { name, oid, live: input.database },
    hint: 'Look who is connected to it.',
  });
  if ('outcome' in result) return result.outcome;
  try {
    return (await databaseOid(context, placeOf(input), name)) === oid
      ? failed({ code: 'verification-failed', message: `${name} is still there.`, retryable: true })
      : done(`${name} is gone; ${input.database} was not touched.`);
  } catch (error) {
    return unknown(toProblem(error));
  }
}

/** `postgres.create-database@1`: an empty database beside the live one, like it, for a restore. */
export const createDatabaseAction = defineAction<Input>({
  id: 'postgres.create-database@1',
  title: 'Make a new database beside the live one',
  effect: 'write',
  input: Input,
  outputs: ['new_database', 'new_oid'],
  describe: (input) => [
    pgShown(
      maintenance(placeOf(input)),
      'psql',
      `-c ‹CREATE DATABASE ${input.database}_restore_‹key› TEMPLATE template0 … OWNER ${restorePlace(input).pg_user}; REVOKE ALL … FROM PUBLIC›`,
    ),
  ],
  async preflight(context, input) {
    const place = placeOf(input);
    const state = await serverState(context, place);
    const items: PreflightItem[] = [...(await serverPreflight(context, place, state)), await rolePreflight(context, input)];
    items.push({
      id: 'rights',
      title: 'Rights',
      verdict: state.createdb && (state.superuser || state.owns === true) ? 'pass' : 'block',
      detail:
        state.createdb && (state.superuser || state.owns === true)
          ? `${place.pg_user} may make databases and rename ${input.database}.`
          : `${place.pg_user} must have CREATEDB and own ${input.database}, or be a superuser.`,
    });
    const needed = Number(state.bytes ?? 0) * 2;
    if (input.container !== '' || state.data_directory === null)
      items.push({
        id: 'data-space',
        title: 'Space for the data',
        verdict: 'warn',
        detail: `The data folder can't be looked at from here. About ${Math.ceil((needed * 1.2) / 1_048_576)} MiB are needed; a restore that runs out of space changes nothing live.`,
      });
    else
      items.push({
        ...(await hostSpace(await context.session(), state.data_directory, needed)),
        id: 'data-space',
        title: 'Space for the data',
      });
    return items;
  },
  execute: create,
  probe,
  undo: {
    title: 'Drop the new database',
    describe: (input) => [pgShown(maintenance(placeOf(input)), 'psql', `-c ‹DROP DATABASE ${input.database}_restore_‹key› WITH (FORCE)›`)],
    execute: drop,
    async probe(context, input, output) {
      if ((await jobState(context, 'drop')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
      const oid = await databaseOid(context, placeOf(input), output['new_database'] ?? '');
      return oid === undefined || oid !== output['new_oid']
        ? { found: 'done', observed: 'The new database is gone.' }
        : { found: 'not-done', observed: `${output['new_database']} is still there.` };
    },
  },
});
