import { posix } from 'node:path';
import { z } from 'zod';
import { formatBytes } from '../../../../contract/bytes.ts';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { jobState, mustRun, sessionBack } from '../job.ts';
import { manifestOwner, readManifest, writeManifest } from '../manifest.ts';
import { hostSpace } from '../space.ts';
import { done, failed } from '../tools.ts';
import { checkFile } from './check-file.ts';
import { Damaged, placeInput } from './input.ts';
import { liveModeShell, lookAtPlace } from './live.ts';
import { backupName, stepTag } from './names.ts';
import type { SqliteReport } from './report.ts';
import { readReport, rowsFact } from './report.ts';
import { sqliteShell } from './shell.ts';
import { sqliteMeanings } from './swap-script.ts';

const Input = z.strictObject({ ...placeInput, label: z.string().max(100).default(''), damaged: Damaged });
type Input = z.infer<typeof Input>;

/**
 * Arguments: database, folder, name, what becomes of a damaged one. Works in a folder `NAME.part`; the backup appears under its name by a
 * link, which never replaces. A name that is there already is this step's own, from an earlier try.
 */
const backupScript = `${sqliteShell}${liveModeShell}
db=$1 folder=$2 name=$3 damaged=$4
qd_need_tool
umask 077
[ -f "$db" ] && [ ! -L "$db" ] || exit 34
mkdir -p "$folder" && cd "$folder" || exit 35
part=$name.part
if [ ! -e "$name" ]; then
  rm -rf "./$part"
  mkdir "./$part" && cd "./$part" || exit 35
  work=$PWD
  drop() { cd "$folder" && rm -rf "./$part"; exit "$1"; }
  made=no
  case $(qd_live_mode "$db") in
    online) qd_copy online "$db" && made=yes ;;
    immutable)
      # Nobody has it open. If somebody opens it meanwhile, its log appears, and the copy is made again as a neighbour's.
      if qd_copy immutable "$db" && [ ! -e "$db-wal" ]; then made=yes
      else rm -f copy copy-journal; qd_copy online "$db" && made=yes
      fi ;;
    apart)
      # A log that nobody holds: it is folded into a copy of both, not into the live file.
      cat "$db" >copy && cat "$db-wal" >copy-wal && qd_settle "$work/copy" && rm -f copy-wal copy-shm && made=yes ;;
  esac
  rm -f copy-journal
  if [ $made = yes ]; then qd_report immutable "$work/copy" >"$qd_scratch/report"; else : >"$qd_scratch/report"; fi
  if ! grep -q '^counted=yes' "$qd_scratch/report"; then
    [ "$damaged" = keep ] || { cat "$qd_scratch/report"; [ $made = yes ] && drop 37; drop 36; }
    if [ $made = no ]; then
      rm -f copy copy-*
      cat "$db" >copy || drop 36
    fi
  fi
  qd_sync copy
  ln copy "../$name" 2>/dev/null || { [ ! -e "../$name" ] && mv copy "../$name"; } || drop 36
  cd "$folder" && rm -rf "./$part"
  qd_sync "$folder"
fi
qd_report immutable "$folder/$name"
printf 'sha256=%s\\nbytes=%d\\n' "$(qd_hash "$name")" "$(wc -c <"$name")"
`;

function facts(input: Input, filename: string, report: SqliteReport, sha256: string, bytes: number): Record<string, string> {
  return {
    filename,
    path: posix.join(input.folder, filename),
    sha256,
    bytes: String(bytes),
    rows: rowsFact(report.tables),
    schema: report.schema,
    integrity: report.integrity,
    foreign_keys: String(report.foreignKeyErrors),
  };
}

function remember(context: ActionContext, input: Input, output: Facts): void {
  const environmentId = context.environment.id;
  const name = output['filename'] ?? '';
  const sha256 = output['sha256'] ?? '';
  const valid = output['integrity'] === 'ok';
  context.memory.remember({
    environmentId,
    name,
    createdBy: context.operator,
    sha256,
    ...(input.label === '' ? {} : { label: input.label }),
  });
  context.memory.verified({
    environmentId,
    name,
    method: 'server',
    at: context.now(),
    by: context.operator,
    valid,
    detail: valid ? 'integrity_check ok on the host, after it was made.' : `Made of a damaged database: ${output['integrity']}`,
    sha256,
  });
}

async function execute(context: ActionContext, input: Input): Promise<ActionOutcome> {
  const filename = context.recorded['filename'] ?? backupName(input.db, context.now(), stepTag(context));
  if (context.recorded['filename'] === undefined) context.record({ filename });
  const result = await mustRun(context, {
    name: 'copy',
    script: backupScript,
    args: [input.db, input.folder, filename, input.damaged],
    meanings: { ...sqliteMeanings, 37: 'the live database is damaged, and so is its copy' },
    hint: 'The live file was not touched. Look at what integrity_check says and at the free space.',
  });
  if ('outcome' in result) return result.outcome;
  const { sha256 = '', bytes = '' } = result.ended.facts;
  const report = readReport(result.ended.stdout);
  if (report.integrity === 'ok' && !report.counted)
    return failed(new Problem('verification-failed', `The rows of ${filename} could not be counted.`, { retryable: true }));
  const output = facts(input, filename, report, sha256, Number(bytes));
  const session = await sessionBack(context);
  const trouble = await writeManifest(context, output['path'] ?? '', {
    format: 1,
    ...manifestOwner(context, session),
    kind: 'sqlite',
    source: input.db,
    sha256,
    bytes: Number(bytes),
    madeAt: context.now(),
    operator: context.operator,
    facts: { label: input.label, rows: output['rows'] ?? '', schema: report.schema, integrity: report.integrity },
  });
  if (trouble !== undefined) return trouble;
  remember(context, input, output);
  return done(words(output), output);
}

const words = (output: Facts): string =>
  output['integrity'] === 'ok'
    ? `${output['filename']} was made (${formatBytes(Number(output['bytes']))}), integrity_check ok.`
    : `${output['filename']} was made of a DAMAGED database (${output['integrity']}): its bytes are kept as they are.`;

async function probe(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  const filename = context.recorded['filename'];
  if (filename === undefined) return { found: 'not-done', observed: 'The backup was never begun.' };
  for (const job of ['copy', 'manifest'])
    if ((await jobState(context, job)).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const session = await context.session();
  const path = posix.join(input.folder, filename);
  const manifest = await readManifest(session, path);
  if (manifest === undefined) return { found: 'not-done', observed: `${filename} is not there, or not finished.` };
  const found = await checkFile(session, path);
  if (found === undefined) return { found: 'not-done', observed: `${filename} is not there.` };
  if ('unable' in found) return { found: 'unknown', observed: found.unable };
  if (found.sha256 !== manifest.sha256) return { found: 'unknown', observed: `${filename} is not what its manifest says.` };
  const output = facts(input, filename, found.report, found.sha256, found.bytes);
  remember(context, input, output);
  return { found: 'done', observed: words(output), output };
}

async function preflight(context: ActionContext, { db, folder }: Input): Promise<readonly PreflightItem[]> {
  const session = await context.session();
  const place = await lookAtPlace(session, db, folder);
  if (typeof place === 'string') return [{ id: 'db', title: 'Database', verdict: 'block', detail: place }];
  return [
    place.tool === ''
      ? {
          id: 'tool',
          title: 'SQLite on the host',
          verdict: 'block',
          detail: 'The host has neither sqlite3 nor python3 with its sqlite3 module: no consistent copy can be made. Install sqlite3.',
        }
      : { id: 'tool', title: 'SQLite on the host', verdict: 'pass', detail: `Copies are made with ${place.tool}.` },
    place.writable
      ? { id: 'folder', title: 'Backup folder', verdict: 'pass', detail: `${folder} can be written.` }
      : { id: 'folder', title: 'Backup folder', verdict: 'block', detail: `${place.folder} can't be written by this login.` },
    await hostSpace(session, place.folder, place.bytes),
  ];
}

/** `sqlite.backup@1`: a consistent copy while the service runs; never a copy of the file alone, which can miss all that is in its log. */
export const backupAction = defineAction<Input>({
  id: 'sqlite.backup@1',
  title: 'Back the database up',
  effect: 'write',
  input: Input,
  outputs: ['filename', 'path', 'sha256', 'bytes', 'rows', 'schema', 'integrity', 'foreign_keys'],
  describe: ({ db, folder }) => [
    { kind: 'ssh', text: `sqlite3 -readonly ${db} ".backup copy"  (python3's Connection.backup where there is no sqlite3)` },
    { kind: 'ssh', text: 'sqlite3 copy "PRAGMA integrity_check; PRAGMA foreign_key_check"; rows by table; sha256sum; sync' },
    { kind: 'ssh', text: `ln copy ${posix.join(folder, backupName(db, 0, '‹step›').replace('19700101-000000', '‹time›'))}` },
    { kind: 'ssh', text: 'write the manifest beside it' },
  ],
  preflight,
  execute,
  probe,
  undo: { kept: 'The backup stays: it is the way back, and nothing deletes it by itself.' },
});
