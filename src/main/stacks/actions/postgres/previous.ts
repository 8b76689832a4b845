import { posix } from 'node:path';
import { z } from 'zod';
import { Sha256 } from '../../../../contract/common.ts';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { ActionContext, ActionOutcome, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { jobState } from '../job.ts';
import { BackupFact, done, fact, failed, RemotePath, unknown } from '../tools.ts';
import { checkArchive } from './archive.ts';
import { databaseOid } from './create-database.ts';
import { differences, readFacts, unpackTables } from './facts.ts';
import { PreviousName } from './naming.ts';
import { pgPlaceInput, pgQuery, pgShown, pgSqlJob, placeOf } from './place.ts';
import { maintenance } from './preflight.ts';

const OpenInput = z.strictObject({ ...pgPlaceInput, database: PreviousName });
type OpenInput = z.infer<typeof OpenInput>;

const Row = z.strictObject({ allowed: z.boolean(), broken: z.boolean(), comment: z.string().nullable() });
// PostgreSQL marks a database whose drop was broken off: nothing but to drop it can be done with it any more.
const rowSql = `SELECT datallowconn AS allowed, datconnlimit = -2 AS broken, shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = :'name'`;
const openSql = `SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS %s', datname, :'allow') FROM pg_database WHERE datname = :'name'
\\gexec
`;

async function stateOf(context: ActionContext, input: OpenInput) {
  const sql = rowSql;
  return (await pgQuery(context, maintenance(placeOf(input)), { sql, params: { name: input.database }, row: Row }))[0];
}

/** Only what a swap has put aside, by the mark it left. */
async function previousPreflight(context: ActionContext, input: OpenInput): Promise<PreflightItem> {
  const row = await stateOf(context, input);
  const ours = row?.comment?.includes('"quarterdeck":"before"') === true;
  return {
    id: 'previous',
    title: 'The database that was put aside',
    verdict: ours ? 'pass' : 'block',
    detail:
      row === undefined
        ? `There is no database ${input.database}.`
        : ours
          ? `${input.database} was put aside by a swap.`
          : `${input.database} does not bear the mark of a swap: it is not touched.`,
  };
}

async function setAllowed(context: ActionContext, input: OpenInput, allow: boolean): Promise<ActionOutcome> {
  const result = await pgSqlJob(context, maintenance(placeOf(input)), {
    name: allow ? 'open' : 'shut',
    sql: openSql,
    params: { name: input.database, allow: String(allow) },
  });
  if ('outcome' in result) return result.outcome;
  try {
    const row = await stateOf(context, input);
    return row?.allowed === allow
      ? done(`${input.database} takes ${allow ? '' : 'no '}connections.`)
      : failed(new Problem('verification-failed', `${input.database} does not stand as it should.`));
  } catch (error) {
    return unknown(toProblem(error));
  }
}

async function probeAllowed(context: ActionContext, input: OpenInput, allow: boolean): Promise<ProbeOutcome> {
  if ((await jobState(context, allow ? 'open' : 'shut')).state === 'running')
    return { found: 'unknown', observed: 'The host is still at it.' };
  const row = await stateOf(context, input);
  return row?.allowed === allow || (row === undefined && !allow)
    ? { found: 'done', observed: `${input.database} takes ${allow ? '' : 'no '}connections.` }
    : { found: 'not-done', observed: `${input.database} takes ${allow ? 'no ' : ''}connections.` };
}

/** `postgres.open-previous@1`: lets a database that a swap has put aside be read, so that it can be archived. */
export const openPreviousAction = defineAction<OpenInput>({
  id: 'postgres.open-previous@1',
  title: 'Open the database that was put aside',
  effect: 'write',
  input: OpenInput,
  outputs: [],
  describe: (input) => [pgShown(maintenance(placeOf(input)), 'psql', `-c ‹ALTER DATABASE ${input.database} ALLOW_CONNECTIONS true›`)],
  preflight: async (context, input) => [await previousPreflight(context, input)],
  execute: (context, input) => setAllowed(context, input, true),
  probe: (context, input) => probeAllowed(context, input, true),
  undo: {
    title: 'Close it again',
    describe: (input) => [pgShown(maintenance(placeOf(input)), 'psql', `-c ‹ALTER DATABASE ${input.database} ALLOW_CONNECTIONS false›`)],
    execute: (context, input) => setAllowed(context, input, false),
    probe: (context, input) => probeAllowed(context, input, false),
  },
});

const DropInput = z.strictObject({
  ...pgPlaceInput,
  database: PreviousName,
  backup_dir: RemotePath,
  /** The archive that was made of it, and its hash. */
  backup: BackupFact,
  sha256: fact(Sha256),
});
type DropInput = z.infer<typeof DropInput>;

const dropSql = `SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS false', datname) FROM pg_database WHERE datname = :'name' AND oid::text = :'oid' AND datconnlimit <> -2
\\gexec
SELECT format('DROP DATABASE %I', datname) FROM pg_database WHERE datname = :'name' AND oid::text = :'oid'
\\gexec
`;

/** Archive on the host and copy here must be of this very database, whole, and hold what it holds now. @throws Problem */
async function mustBeArchived(context: ActionContext, input: DropInput): Promise<void> {
  const why = (words: string) => new Problem('policy-refused', `${input.database} is not dropped: ${words}`, { hint: 'Archive it first.' });
  const archive = await checkArchive(context, {
    ...placeOf(input),
    backup_dir: input.backup_dir,
    backup: input.backup,
    without_manifest: 'refuse',
    purpose: 'keep',
  });
  if (archive.sha256 !== input.sha256) throw why('the archive is not the one that was made of it.');
  const counts = unpackTables(archive.manifest?.facts['counts']);
  const now = await readFacts(context, placeOf(input), []);
  const changed = counts === undefined ? [] : differences(counts, now.tables);
  if (archive.manifest?.facts['contents'] !== 'all' || archive.manifest.facts['digest'] !== now.digest)
    throw why(`its archive does not hold what it holds now${changed.length === 0 ? '.' : `: ${changed.slice(0, 3).join('; ')}.`}`);
  if (context.memory.recall(context.environment.id, input.backup)?.sha256 !== input.sha256)
    throw why('this laptop knows nothing of its archive.');
}

async function drop(context: ActionContext, input: DropInput): Promise<ActionOutcome> {
  const place = placeOf(input);
  let oid: string;
  try {
    const found = await databaseOid(context, place, input.database);
    if (found === undefined) return done(`${input.database} is not there any more.`);
    oid = found;
    // One whose drop this step began, and whose archive it had compared before, can't be read again: it is only finished.
    const begun = context.recorded['oid'] === oid && (await stateOf(context, placeOf(input)))?.broken === true;
    if (!begun) await mustBeArchived(context, input);
    context.record({ oid });
  } catch (error) {
    return failed(toProblem(error));
  }
  const result = await pgSqlJob(context, maintenance(place), { name: 'drop', sql: dropSql, params: { name: input.database, oid } });
  if ('outcome' in result) return result.outcome;
  const after = await databaseOid(context, place, input.database).catch(() => oid);
  return after === undefined
    ? done(`${input.database} was dropped; its archive ${posix.join(input.backup_dir, input.backup)} and the copy on this laptop stay.`)
    : failed(new Problem('verification-failed', `${input.database} is still there.`));
}

/** `postgres.drop-previous@1`: nothing is dropped of which there is no whole archive that holds just what it holds. */
export const dropPreviousAction = defineAction<DropInput>({
  id: 'postgres.drop-previous@1',
  title: 'Drop the database that was put aside',
  effect: 'destructive',
  input: DropInput,
  outputs: [],
  describe: (input): ReturnType<typeof pgShown>[] => [
    pgShown(placeOf(input), 'pg_restore', `-f - <${posix.join(input.backup_dir, input.backup)}  (read to its end, counts compared)`),
    pgShown(maintenance(placeOf(input)), 'psql', `-c ‹DROP DATABASE ${input.database}›`),
  ],
  preflight: async (context, input) => [await previousPreflight(context, placeOf(input))],
  execute: drop,
  async probe(context, input): Promise<ProbeOutcome> {
    if (context.recorded['oid'] === undefined) return { found: 'not-done', observed: 'It was never begun.' };
    if ((await jobState(context, 'drop')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
    const oid = await databaseOid(context, placeOf(input), input.database);
    return oid === undefined
      ? { found: 'done', observed: `${input.database} is gone.` }
      : { found: 'not-done', observed: `${input.database} is still there.` };
  },
  undo: { irreversible: 'The database from before is gone for good; what is left of it is its archive.' },
});
