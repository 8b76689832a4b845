import { posix } from 'node:path';
import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { plainLine, toProblem } from '../../../engine/words.ts';
import { isPlaceholder } from '../../references.ts';
import { jobState, look, mustRun } from '../job.ts';
import { hostSpace } from '../space.ts';
import { done, failed, unknown } from '../tools.ts';
import { checkFile } from './check-file.ts';
import { BackupFact, HashFact, MinRows, placeInput, TextFact, tooFew } from './input.ts';
import { lookAtLive, lookAtPlace } from './live.ts';
import { asidePath, stagedPath, stepTag } from './names.ts';
import type { SqliteReport } from './report.ts';
import { readReport, reportTrouble, rowsFact, rowsWords } from './report.ts';
import { findBackup } from './secure-copy.ts';
import { sqliteShell } from './shell.ts';
import { sqliteMeanings } from './swap-script.ts';

const Input = z.strictObject({ ...placeInput, backup: BackupFact, sha256: HashFact, local_path: TextFact, min_rows: MinRows });
type Input = z.infer<typeof Input>;

/** Fewer rows than this share of the live ones are worth a word. */
const FAR_FEWER = 0.5;

/**
 * Arguments: database, source, what to do with the source (copy, move), staged file, SHA-256. Owner and mode become the live file's before
 * the name appears. A staged file that is there already is this step's own.
 */
const stageScript = `${sqliteShell}
db=$1 source=$2 how=$3 staged=$4 want=$5
[ -f "$db" ] && [ ! -L "$db" ] || exit 34
umask 077
part=$staged.part dir=\${staged%/*}
[ -n "$dir" ] || dir=/
if [ ! -e "$staged" ]; then
  rm -f -- "$part"
  if [ "$how" = move ]; then mv -f -- "$source" "$part" || exit 36
  else cat -- "$source" >"$part" || { rm -f -- "$part"; exit 36; }
  fi
  [ "$(qd_hash "$part")" = "$want" ] || { rm -f -- "$part"; exit 38; }
  if [ "$(stat -c %u:%g -- "$part")" != "$(stat -c %u:%g -- "$db")" ]; then
    chown "$(stat -c %u:%g -- "$db")" "$part" || { rm -f -- "$part"; exit 33; }
  fi
  chmod "$(stat -c %a -- "$db")" "$part" || { rm -f -- "$part"; exit 33; }
  if [ -e /sys/fs/selinux/enforce ]; then chcon --reference="$db" "$part" 2>/dev/null; fi
  qd_sync "$part"
  mv -f -- "$part" "$staged" || exit 36
  qd_sync "$dir"
fi
# An upload of a later try is not needed any more.
[ "$how" != move ] || rm -f -- "$source"
[ "$(stat -c '%u:%g %a' -- "$staged")" = "$(stat -c '%u:%g %a' -- "$db")" ] || exit 33
[ "$(qd_hash "$staged")" = "$want" ] || exit 38
qd_report immutable "$staged"
`;

const unstageScript = `rm -f -- "$1" "$1.part" "$1.up" "$1.up.part" || exit 36
[ ! -e "$1" ] && [ ! -e "$1.part" ] && [ ! -e "$1.up" ] && [ ! -e "$1.up.part" ] || exit 36
sync "\${1%/*}" 2>/dev/null || sync
`;

const lookScript = `if [ -e "$1" ]; then echo staged=yes; else echo staged=no; fi
if [ -e "$1.part" ] || [ -e "$1.up" ] || [ -e "$1.up.part" ]; then echo rest=yes; else echo rest=no; fi
`;

const output = (context: ActionContext, input: Input, report: SqliteReport): Facts => ({
  staged: stagedPath(input.db, stepTag(context)),
  set_aside: asidePath(input.db, stepTag(context)),
  sha256: input.sha256,
  rows: rowsFact(report.tables),
  schema: report.schema,
});

/** What speaks against a good file: too few rows, or a schema that is not the live one where nothing tells whose it is. */
function refusal(input: Input, report: SqliteReport, live: SqliteReport | undefined, known: boolean): string | undefined {
  const few = tooFew(input.min_rows, report.tables);
  if (few.length > 0) return few.join('; ');
  const other = live !== undefined && live.integrity === 'ok' && live.schema !== '' && live.schema !== report.schema;
  if (other && !known) return 'its tables are not those of the live database, and no manifest says that it is of this environment';
  return undefined;
}

async function execute(context: ActionContext, input: Input): Promise<ActionOutcome> {
  const staged = stagedPath(input.db, stepTag(context));
  let source = { path: posix.join(input.folder, input.backup), how: 'copy' };
  let known: boolean;
  let live: SqliteReport | undefined;
  try {
    const session = await context.session();
    const found = await findBackup(context, session, input);
    known = found.manifest !== undefined || !found.onHost;
    const looked = await lookAtLive(session, input.db);
    live = typeof looked === 'string' ? undefined : looked.report;
    if (!found.onHost) {
      source = { path: `${staged}.up`, how: 'move' };
      await session.files.upload(input.local_path, source.path, {
        mode: 0o600,
        progress: ({ bytes, total }) => context.progress({ done: bytes, total, unit: 'bytes' }),
      });
    }
  } catch (error) {
    // What an upload leaves is only a file of ours beside the live one; a retry goes on with it, the undo removes it.
    const problem = toProblem(error);
    return problem.code === 'ssh-connection-lost' ? unknown(problem) : failed(problem);
  }
  const result = await mustRun(context, {
    name: 'stage',
    script: stageScript,
    args: [input.db, source.path, source.how, staged, input.sha256],
    meanings: sqliteMeanings,
    hint: 'The live database was not touched and the service runs as before.',
  });
  if ('outcome' in result) return result.outcome;
  const report = readReport(result.ended.stdout);
  const trouble = reportTrouble(report) ?? refusal(input, report, live, known);
  if (trouble !== undefined)
    return failed(
      new Problem('verification-failed', `The staged ${input.backup} is not used: ${trouble}.`, {
        hint: 'The live database was not touched. Choose another backup.',
      }),
    );
  return done(
    `${input.backup} lies beside the live file, integrity_check ok, rows: ${rowsWords(report.tables)}.`,
    output(context, input, report),
  );
}

async function probe(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  if ((await jobState(context, 'stage')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const session = await context.session();
  const staged = stagedPath(input.db, stepTag(context));
  const { facts } = await look(session, { script: lookScript, args: [staged] });
  const found = facts['staged'] === 'yes' ? await checkFile(session, staged) : undefined;
  if (found !== undefined && !('unable' in found) && found.sha256 === input.sha256 && reportTrouble(found.report) === undefined)
    return { found: 'done', observed: 'The staged file is there and whole.', output: output(context, input, found.report) };
  if (facts['staged'] === 'yes' || facts['rest'] === 'yes')
    return {
      found: 'partly',
      observed: 'Something of the staged file is there, and it is not whole.',
      output: { staged, set_aside: asidePath(input.db, stepTag(context)) },
    };
  return { found: 'not-done', observed: 'There is no staged file.' };
}

async function preflight(context: ActionContext, input: Input): Promise<readonly PreflightItem[]> {
  const session = await context.session();
  const place = await lookAtPlace(session, input.db, input.folder);
  if (typeof place === 'string') return [{ id: 'db', title: 'Database', verdict: 'block', detail: place }];
  const items: PreflightItem[] = [
    place.beside
      ? { id: 'beside', title: 'Beside the database', verdict: 'pass', detail: `Files can be made in ${posix.dirname(input.db)}.` }
      : {
          id: 'beside',
          title: 'Beside the database',
          verdict: 'block',
          detail: `${posix.dirname(input.db)} can't be written by this login.`,
        },
  ];
  let bytes = 0;
  if (!isPlaceholder(input.backup)) {
    const compared = await compare(context, input).catch((error: unknown) => toProblem(error));
    if ('code' in compared)
      items.push({ id: 'compare', title: 'Compared with the live data', verdict: 'unknown', detail: compared.message });
    else {
      items.push(...compared.items);
      bytes = compared.bytes;
    }
  }
  // The safety backup may lie on the same file system.
  items.push(
    await hostSpace(session, posix.dirname(input.db), [
      { what: 'safety backup', bytes: place.bytes },
      { what: 'staged backup', bytes: Math.max(bytes, place.bytes) },
    ]),
  );
  return items;
}

/** The chosen backup beside what is live: rows and tables. */
async function compare(context: ActionContext, input: Input): Promise<{ items: PreflightItem[]; bytes: number }> {
  const session = await context.session();
  const title = 'Compared with the live data';
  const found = await findBackup(context, session, input).catch(() => undefined);
  // A backup that can't be had is told where it is fetched.
  if (found === undefined || !found.onHost) return { items: [], bytes: found?.bytes ?? 0 };
  const [live, backup] = [await lookAtLive(session, input.db), await checkFile(session, posix.join(input.folder, input.backup))];
  if (backup === undefined || 'unable' in backup || reportTrouble(backup.report) !== undefined) return { items: [], bytes: found.bytes };
  if (typeof live === 'string') return { items: [{ id: 'compare', title, verdict: 'warn', detail: live }], bytes: found.bytes };
  const against = refusal(input, backup.report, live.report, found.manifest !== undefined);
  if (against !== undefined)
    return { items: [{ id: 'compare', title, verdict: 'block', detail: `${plainLine(against, 400)}.` }], bytes: found.bytes };
  return { items: [{ id: 'compare', title, ...compareWords(live.report, backup.report) }], bytes: found.bytes };
}

function compareWords(live: SqliteReport, backup: SqliteReport): Pick<PreflightItem, 'verdict' | 'detail'> {
  if (live.integrity !== 'ok')
    return {
      verdict: 'warn',
      detail: `The live database is damaged (${plainLine(live.integrity, 200)}); there is nothing to compare with.`,
    };
  const fewer = Object.entries(live.tables).filter(([name, rows]) => rows > 0 && (backup.tables[name] ?? 0) < rows * FAR_FEWER);
  const schema = live.schema === backup.schema ? '' : ' Its tables are not the live ones: the program that runs now may not fit.';
  if (fewer.length > 0)
    return {
      verdict: 'warn',
      detail: plainLine(
        `Far fewer rows than live: ${fewer.map(([name, rows]) => `${name} ${backup.tables[name] ?? 0} instead of ${rows}`).join(', ')}.${schema}`,
        600,
      ),
    };
  return {
    verdict: schema === '' ? 'pass' : 'warn',
    detail: `Rows: ${rowsWords(backup.tables)}; live: ${rowsWords(live.tables)}.${schema}`,
  };
}

/** `sqlite.stage@1`: the chosen backup beside the live file, proven, before anything stops. */
export const stageAction = defineAction<Input>({
  id: 'sqlite.stage@1',
  title: 'Stage the backup beside the live file',
  effect: 'write',
  input: Input,
  outputs: ['staged', 'set_aside', 'sha256', 'rows', 'schema'],
  describe: ({ db, folder, backup }) => [
    { kind: 'ssh', text: `cp ${posix.join(folder, backup)} ${stagedPath(db, '‹step›')}  (put over SFTP when only this laptop has it)` },
    { kind: 'ssh', text: `chown, chmod as ${db}; sync` },
    {
      kind: 'ssh',
      text: 'sha256sum = the copy’s that was opened here; PRAGMA integrity_check = ok; PRAGMA foreign_key_check; rows by table',
    },
  ],
  preflight,
  execute,
  probe,
  undo: {
    title: 'Remove the staged file',
    describe: ({ db }) => [{ kind: 'ssh', text: `rm -f ${stagedPath(db, '‹step›')}` }],
    async execute(context, _input, { staged = '' }) {
      if (staged === '') return done('Nothing was staged.');
      const result = await mustRun(context, {
        name: 'unstage',
        script: unstageScript,
        args: [staged],
        meanings: { 36: 'the staged file could not be removed' },
      });
      return 'outcome' in result ? result.outcome : done('The staged file is gone.');
    },
    async probe(context, _input, { staged = '' }) {
      if (staged === '') return { found: 'done', observed: 'Nothing was staged.' };
      if ((await jobState(context, 'unstage')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
      const { facts } = await look(await context.session(), { script: lookScript, args: [staged] });
      return facts['staged'] === 'yes' || facts['rest'] === 'yes'
        ? { found: 'not-done', observed: 'The staged file is still there.' }
        : { found: 'done', observed: 'The staged file is gone.' };
    },
  },
});
