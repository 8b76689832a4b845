import { z } from 'zod';
import { formatBytes } from '../../../../contract/bytes.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import { plainLine } from '../../../engine/words.ts';
import { PreviousName } from './naming.ts';
import type { PgPlace, PgReach } from './place.ts';
import { pgLook, pgProblem, pgQuery } from './place.ts';

/** What the server says of a database and of the role that asks. */
export const ServerState = z.strictObject({
  version: z.string(),
  major: z.int(),
  exists: z.boolean(),
  allowed: z.boolean().nullable(),
  oid: z.string().nullable(),
  owner: z.string().nullable(),
  bytes: z.string().nullable(),
  superuser: z.boolean(),
  createdb: z.boolean(),
  owns: z.boolean().nullable(),
  in_recovery: z.boolean(),
  data_directory: z.string().nullable(),
});
export type ServerState = z.infer<typeof ServerState>;

const stateSql = `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int / 10000 AS major,
  d.oid IS NOT NULL AS exists, d.datallowconn AS allowed, d.oid::text AS oid, pg_get_userbyid(d.datdba) AS owner,
  CASE WHEN has_database_privilege(d.oid, 'CONNECT') THEN pg_database_size(d.oid)::text END AS bytes,
  r.rolsuper AS superuser, r.rolsuper OR r.rolcreatedb AS createdb, pg_has_role(r.oid, d.datdba, 'MEMBER') AS owns,
  pg_is_in_recovery() AS in_recovery,
  CASE WHEN r.rolsuper OR pg_has_role('pg_read_all_settings', 'MEMBER') THEN current_setting('data_directory') END AS data_directory
FROM pg_roles r LEFT JOIN pg_database d ON d.datname = :'database' WHERE r.rolname = current_user`;

/** The database to be in while the other one is dropped or renamed. */
export const maintenance = (place: PgPlace): PgPlace => ({ ...place, database: place.database === 'postgres' ? 'template1' : 'postgres' });

/** Asks the server from outside the database, so that it need not be there. @throws Problem */
export async function serverState(reach: PgReach, place: PgPlace): Promise<ServerState> {
  const [state] = await pgQuery(reach, maintenance(place), { sql: stateSql, params: { database: place.database }, row: ServerState });
  if (state === undefined) throw pgProblem({ exitCode: 1, stderr: 'the role is not known to the server' });
  return state;
}

const Tools = z.tuple([z.coerce.number().int().min(8), z.coerce.number().int().min(8)]);

/** Major versions of pg_dump and pg_restore where the server is. @throws Problem */
export async function toolMajors(reach: PgReach, place: PgPlace): Promise<{ dump: number; restore: number }> {
  const text = 'pg_dump --version && pg_restore --version || exit 127\n';
  const end = await pgLook(reach, place, 'pg "$1"\n', [text]);
  const parsed = Tools.safeParse([...end.stdout.matchAll(/\(PostgreSQL\) (\d+)/g)].map(([, major]) => major));
  if (end.exitCode !== 0 || !parsed.success) throw pgProblem(end);
  return { dump: parsed.data[0], restore: parsed.data[1] };
}

/** Server, tools and the database itself, for every action that reads or fills one. */
export async function serverPreflight(reach: PgReach, place: PgPlace, state: ServerState): Promise<PreflightItem[]> {
  const tools = await toolMajors(reach, place);
  const old = Math.min(tools.dump, tools.restore) < state.major;
  return [
    {
      id: 'server',
      title: 'PostgreSQL',
      verdict: old || state.in_recovery ? 'block' : 'pass',
      detail: state.in_recovery
        ? 'This server is a standby: it takes no writes.'
        : `Server ${plainLine(state.version, 60)}, tools ${tools.dump}${old ? `: they are older than the server and can't dump it. Set the folder of the server's own tools.` : '.'}`,
    },
    !state.exists
      ? {
          id: 'database',
          title: 'Database',
          verdict: 'block',
          detail: `There is no database ${place.database} on this server. When it was dropped, create it empty with its owner, then restore.`,
        }
      : state.allowed === false && PreviousName.safeParse(place.database).success
        ? {
            id: 'database',
            title: 'Database',
            verdict: 'pass',
            detail: `${place.database} was put aside and is closed; it is opened for this.`,
          }
        : state.allowed === false
          ? {
              id: 'database',
              title: 'Database',
              verdict: 'block',
              detail: `${place.database} takes no connections (ALLOW_CONNECTIONS is false): resume or revert the run that left it so, or allow them by hand.`,
            }
          : {
              id: 'database',
              title: 'Database',
              verdict: 'pass',
              detail: `${place.database} belongs to ${plainLine(state.owner ?? '?', 63)}${state.bytes === null ? '' : ` and has ${formatBytes(Number(state.bytes))}`}.`,
            },
  ];
}

const Session = z.strictObject({ who: z.string().nullable(), app: z.string().nullable(), n: z.int() });
const sessionsSql = `SELECT usename::text AS who, application_name AS app, count(*)::int AS n FROM pg_stat_activity
WHERE datname = :'database' AND pid <> pg_backend_pid() GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 20`;

/** Who is connected now: they will be ended. */
export async function sessionsPreflight(reach: PgReach, place: PgPlace): Promise<PreflightItem> {
  const rows = await pgQuery(reach, maintenance(place), { sql: sessionsSql, params: { database: place.database }, row: Session });
  const names = rows.map(
    ({ who, app, n }) => `${n} × ${plainLine(who ?? '?', 63)}${app === null || app === '' ? '' : ` (${plainLine(app, 63)})`}`,
  );
  return {
    id: 'sessions',
    title: 'Connected now',
    verdict: rows.length === 0 ? 'pass' : 'warn',
    detail:
      rows.length === 0
        ? `Nobody is connected to ${place.database}.`
        : `To ${place.database}: ${names.join(', ')}. They are ended before the swap.`,
  };
}

const Holding = z.strictObject({ what: z.string(), name: z.string() });
const holdingSql = `SELECT 'replication slot' AS what, slot_name::text AS name FROM pg_replication_slots WHERE database = :'database'
UNION ALL SELECT 'prepared transaction', gid FROM pg_prepared_xacts WHERE database = :'database'
UNION ALL SELECT 'subscription', s.subname::text FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = :'database'
LIMIT 20`;

/** What keeps a database from being renamed: a swap would fail, so it is found before. */
export async function holdingPreflight(reach: PgReach, place: PgPlace, state: ServerState): Promise<PreflightItem> {
  // A role that is no superuser may not look at subscriptions' details, but subdbid, subname are readable by all.
  const rows = await pgQuery(reach, maintenance(place), { sql: holdingSql, params: { database: place.database }, row: Holding });
  return {
    id: 'holding',
    title: 'Slots and prepared transactions',
    verdict: rows.length === 0 ? 'pass' : 'block',
    detail:
      rows.length === 0
        ? `None hold ${place.database}${state.superuser ? '' : ' as far as this role may see'}.`
        : `${place.database} can't be renamed while there is ${rows.map(({ what, name }) => `the ${what} ${plainLine(name, 63)}`).join(', ')}.`,
  };
}
