import { posix } from 'node:path';
import { z } from 'zod';
import { Sha256 } from '../../../../contract/common.ts';
import { Problem } from '../../../../contract/problem.ts';
import type { ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { isPlaceholder } from '../../references.ts';
import { jobState } from '../job.ts';
import { BackupFact, count, done, fact, failed, RemotePath, unknown } from '../tools.ts';
import type { CheckedArchive } from './archive.ts';
import { checkArchive } from './archive.ts';
import { fillText } from './archive-script.ts';
import { restorePlace } from './create-database.ts';
import type { DatabaseFacts } from './facts.ts';
import { differences, factsSql, parseFacts, unpackTables } from './facts.ts';
import { Fingerprints, RestoredName } from './naming.ts';
import { PgName, pgJob, pgPassword, pgPlaceInput, pgQuery, pgShown, pgSqlJob, placeOf } from './place.ts';
import { sqlText } from './place-scripts.ts';
import { maintenance } from './preflight.ts';
import { emptySql, extensionsSql, quietSql, restoreScript } from './restore-script.ts';
import { archivePreflight, WithoutManifest } from './secure-copy.ts';

const Input = z.strictObject({
  ...pgPlaceInput,
  restore_role: z.union([z.literal(''), PgName]).default(''),
  restore_password_secret: z.string().max(64).default(''),
  backup_dir: RemotePath,
  backup: BackupFact,
  /** What the backup was when it was checked. */
  sha256: fact(Sha256),
  /** The empty database that was made for it. */
  new_database: fact(RestoredName),
  new_oid: fact(z.string().regex(/^\d{1,10}$/)),
  fingerprints: Fingerprints,
  without_manifest: WithoutManifest,
});
type Input = z.infer<typeof Input>;

/** What is written on the new database when it was compared: the probe believes nothing else. */
const Mark = z.strictObject({
  quarterdeck: z.literal('restored'),
  sha256: Sha256,
  backup: z.string(),
  tables: z.string(),
  rows: z.string(),
  digest: Sha256,
  inventory: Sha256,
});
type Mark = z.infer<typeof Mark>;

const Comment = z.strictObject({ comment: z.string().nullable(), busy: z.int() });
const commentSql = `SELECT shobj_description(d.oid, 'pg_database') AS comment,
  (SELECT count(*)::int FROM pg_stat_activity a WHERE a.datid = d.oid AND a.state IS DISTINCT FROM 'idle') AS busy
FROM pg_database d WHERE d.datname = :'name' AND d.oid::text = :'oid'`;

const markSql = `SELECT format('COMMENT ON DATABASE %I IS %L', datname, :'comment') FROM pg_database WHERE datname = :'name' AND oid::text = :'oid'
\\gexec
`;

/** What is written on a database, when it is such a mark. */
function readMark(comment: string | null | undefined): Mark | undefined {
  try {
    const parsed = Mark.safeParse(JSON.parse(comment ?? ''));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

const outputs = (input: Input, mark: Mark): Facts => ({
  new_database: input.new_database,
  new_oid: input.new_oid,
  backup: mark.backup,
  sha256: mark.sha256,
  tables: mark.tables,
  rows: mark.rows,
  digest: mark.digest,
  inventory: mark.inventory,
});

const words = (input: Input, { tables, rows }: Mark, compared: boolean) =>
  `${input.backup} was restored into ${input.new_database}: ${count(Number(tables), 'table')}, ${count(Number(rows), 'row')}${compared ? ', all as when it was made' : '; there is no manifest to compare with'}.`;

/** The counts of the manifest against what came out. Undefined when nothing differs. */
function compare(input: Input, archive: CheckedArchive, found: DatabaseFacts): ActionOutcome | undefined {
  const { manifest } = archive;
  if (manifest === undefined) return undefined;
  const expected = unpackTables(manifest.facts['counts']);
  const wrong = expected === undefined ? [] : differences(expected, found.tables);
  if (wrong.length === 0 && manifest.facts['digest'] === found.digest) return undefined;
  const named =
    wrong.length === 0
      ? 'the counts of its tables differ'
      : `${wrong.slice(0, 5).join('; ')}${wrong.length > 5 ? ` and ${wrong.length - 5} more` : ''}`;
  return failed(
    new Problem('verification-failed', `What came out of ${input.backup} is not what went in: ${named}.`, {
      hint: 'The live database is unchanged. Revert drops the new one; choose another backup.',
    }),
  );
}

async function restore(context: ActionContext, input: Input): Promise<ActionOutcome> {
  let archive: CheckedArchive;
  const as = restorePlace(input);
  let second: string;
  try {
    archive = await checkArchive(context, { ...input, purpose: 'restore' });
    if (archive.sha256 !== input.sha256)
      throw new Problem('integrity-mismatch', `${input.backup} is not any more what was checked before.`, { hint: 'Choose it again.' });
    second = await pgPassword(context, as);
    context.record({ begun: 'true' });
  } catch (error) {
    return failed(toProblem(error));
  }
  const result = await pgJob(context, maintenance(placeOf(input)), {
    name: 'fill',
    script: restoreScript,
    args: [
      ...[posix.join(input.backup_dir, input.backup), input.sha256, sqlText, fillText, input.new_database, input.database, as.pg_user],
      ...[JSON.stringify(archive.extensions), `${JSON.stringify(input.fingerprints)}`, quietSql, extensionsSql, emptySql, factsSql],
    ],
    input: `${second}${archive.list.length}\n${archive.list.join('\n')}\n`,
    meanings: {
      41: 'the backup is not there any more',
      42: 'the backup is not any more what was checked before',
      43: 'the new database can’t be looked at',
      44: 'an extension the backup needs could not be made',
      45: 'pg_restore failed, and took back what it had done',
      46: 'the new database could not be analysed',
      47: 'the tables of the new database could not be counted',
    },
    hint: 'The live database is unchanged. Revert drops the new one.',
  });
  if ('outcome' in result) return result.outcome;
  const found = parseFacts(result.ended.stdout);
  const trouble = compare(input, archive, found);
  if (trouble !== undefined) return trouble;
  if (found.tables.size === 0)
    return failed(new Problem('verification-failed', `pg_restore said nothing was wrong, and ${input.new_database} holds no table.`));
  const mark: Mark = {
    quarterdeck: 'restored',
    sha256: archive.sha256,
    backup: input.backup,
    tables: String(found.tables.size),
    rows: String(found.rows),
    digest: found.digest,
    inventory: found.inventory,
  };
  const { new_database: name, new_oid: oid } = input;
  const marked = await pgSqlJob(context, maintenance(placeOf(input)), {
    name: 'mark',
    sql: markSql,
    params: { name, oid, comment: JSON.stringify(mark) },
  });
  if ('outcome' in marked) return marked.outcome;
  const seen = await probe(context, input);
  if (seen.found !== 'done') return unknown(new Problem('outcome-unknown', seen.observed, { hint: 'Probe the step.' }));
  return done(words(input, mark, archive.manifest !== undefined), outputs(input, mark));
}

async function probe(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  if (context.recorded['begun'] === undefined && context.fence === undefined) return { found: 'not-done', observed: 'It was never begun.' };
  for (const job of ['fill', 'mark'])
    if ((await jobState(context, job)).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const { new_database: name, new_oid: oid } = input;
  const [row] = await pgQuery(context, maintenance(placeOf(input)), { sql: commentSql, params: { name, oid }, row: Comment });
  if (row === undefined) return { found: 'not-done', observed: `There is no database ${name}.` };
  const mark = readMark(row.comment);
  if (mark?.sha256 === input.sha256) return { found: 'done', observed: words(input, mark, true), output: outputs(input, mark) };
  return {
    found: 'not-done',
    observed: `${name} is not filled and compared${row.busy > 0 ? '; what an earlier try left at work there is ended first' : ''}.`,
  };
}

/** `postgres.restore@1`: fills a new database from an archive, as a role that is no superuser, and compares it. The live one is not touched. */
export const restoreAction = defineAction<Input>({
  id: 'postgres.restore@1',
  title: 'Restore into the new database',
  effect: 'write',
  input: Input,
  outputs: ['new_database', 'new_oid', 'backup', 'sha256', 'tables', 'rows', 'digest', 'inventory'],
  describe: (input) => {
    const path = posix.join(input.backup_dir, input.backup);
    const as = { ...restorePlace(input), database: input.new_database };
    return [
      { kind: 'ssh', text: `sha256sum <${path}` },
      pgShown(as, 'pg_restore', `-L ‹list without extensions› --exit-on-error --single-transaction <${path}`),
      pgShown(as, 'psql', '-c ANALYZE'),
      pgShown({ ...placeOf(input), database: input.new_database }, 'psql', '-c ‹count(*) of every table›  (compared with the manifest)'),
    ];
  },
  // With a hash from an earlier step it was that step that looked.
  preflight: async (context, input) =>
    isPlaceholder(input.backup) || isPlaceholder(input.sha256)
      ? []
      : [(await archivePreflight(context, { ...input, purpose: 'restore' })).item],
  execute: restore,
  probe,
  undo: { kept: 'What was filled goes with the new database, which an earlier step made and its undo drops.' },
});
