import { createHash } from 'node:crypto';
import { z } from 'zod';
import { formatBytes } from '../../../../contract/bytes.ts';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { Action, ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { jobState, look, runJob, scriptProblem } from '../job.ts';
import type { BackupManifest } from '../manifest.ts';
import { manifestOwner, writeManifest } from '../manifest.ts';
import { pgLook, pgPassword, pgScript, pgShown } from '../postgres/place.ts';
import { sqlText } from '../postgres/place-scripts.ts';
import { hostSpace } from '../space.ts';
import { done, failed, unknown } from '../tools.ts';
import { sourceOf } from './find-windows.ts';
import { livePlace, PlainPath, serverInput } from './input.ts';
import { lookAtLive } from './look-archive.ts';

const Input = z.strictObject({ ...serverInput, base_dir: PlainPath });
type Input = z.infer<typeof Input>;

/**
 * Arguments: folder, name, account, prefix of this step's tries. The copy is made under a hidden name, read back whole against its own manifest,
 * and only then given to the account that may use it. The time is the server's own, asked after the end: from it on the copy is whole.
 */
const makeScript = `umask 077
bases=$1 part=$1/.part-$2 user=$3 tries=$1/.part-$4
mkdir -p "$bases" || exit 30
for old in "$tries"*; do [ -d "$old" ] && [ "$old" != "$part" ] && rm -rf "$old"; done
[ ! -e "$part" ] || exit 30
give_up() { rm -rf "$part"; exit "$1"; }
pg 'pg_basebackup -w -D "$1" -F p -X stream --checkpoint=fast -l quarterdeck --manifest-checksums=SHA256' "$part" || give_up 31
pg 'pg_verifybackup -q "$1"' "$part" >&2 || give_up 32
stopped=$(pg "$5" "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\\"T\\"HH24:MI:SS.US\\"Z\\"')") || give_up 33
range=$(sed -n 's/.*"Timeline": \\([0-9]*\\), "Start-LSN": "\\([0-9A-F/]*\\)", "End-LSN": "\\([0-9A-F/]*\\)".*/\\1 \\2 \\3/p' "$part/backup_manifest")
hash=$(sha256sum "$part/backup_manifest") && hash=\${hash%% *} || give_up 33
if [ "$(id -u)" = 0 ]; then chown -R "$user" "$part" && chown "$user" "$bases" || give_up 34; fi
sync
printf 'stopped_at=%s\\nrange=%s\\nsha256=%s\\nkilobytes=%s\\n' "$stopped" "$range" "$hash" "$(du -sk "$part" | cut -f 1)"
printf 'started_at=%s\\n' "$(sed -n 's/^START TIME: //p' "$part/backup_label")"
`;

/** Arguments: folder, name, hidden name. Gives the verified copy its name; twice is once. */
const publishScript = `[ -d "$1/$2" ] || mv "$1/.part-$3" "$1/$2" || exit 35
sync
[ -f "$1/$2/backup_manifest" ] || exit 35
`;

const presentScript = `[ -f "$1/$2/backup_manifest" ] && [ -f "$1/$2.quarterdeck.json" ] || exit 3
head -c 16384 "$1/$2.quarterdeck.json" | tr -d '\\n'
`;

const meanings = {
  30: 'the folder for base backups could not be prepared',
  31: 'pg_basebackup failed; what it had written was removed',
  32: 'the base backup is not what its own manifest says; it was removed',
  33: 'the server could not be asked when the base backup ended; it was removed',
  34: 'the base backup could not be given to the account of the server; it was removed',
  35: 'the verified base backup could not be given its name',
};

/** Prefix of the hidden names of this step's tries. */
const triesOf = (context: ActionContext) => createHash('sha256').update(context.stepKey.replace(/-\d+$/, '')).digest('hex').slice(0, 8);

function output(input: Input, name: string, manifest: Pick<BackupManifest, 'sha256' | 'bytes' | 'facts'>): Facts {
  return { name, path: `${input.base_dir}/${name}`, sha256: manifest.sha256, size_bytes: String(manifest.bytes), ...manifest.facts };
}

async function execute(context: ActionContext, input: Input): Promise<ActionOutcome> {
  const tries = triesOf(context);
  // Named anew for each try, and the same when this try is carried out again.
  const nonce = createHash('sha256').update(context.stepKey).digest('hex').slice(0, 6);
  const stamp = new Date(context.now()).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  const name = context.recorded[`name_${nonce}`] ?? `${stamp}-${tries}${nonce}`;
  const place = livePlace(input);
  let live: Awaited<ReturnType<typeof lookAtLive>>;
  try {
    live = await lookAtLive(context, input);
    context.record({ [`name_${nonce}`]: name, name });
  } catch (error) {
    return failed(toProblem(error));
  }
  const hidden = `${tries}-${nonce}`;
  const { script, args } = pgScript(place, makeScript, [input.base_dir, hidden, input.os_user, `${tries}-`, sqlText]);
  const job = { name: 'copy', script, args, input: await pgPassword(context, place), meanings, hint: 'The live server was only read.' };
  const made = await runJob(context, job);
  if ('outcome' in made) return made.outcome;
  if (made.ended.exitCode !== 0) return failed(scriptProblem(made.ended, job));
  const { facts } = made.ended;
  const [timeline = '', start = '', end = ''] = (facts['range'] ?? '').split(' ');
  const session = await context.session();
  const manifest: BackupManifest = {
    format: 1,
    ...manifestOwner(context, session),
    kind: 'postgres-base',
    source: sourceOf(live.system),
    sha256: facts['sha256'] ?? '',
    bytes: Number(facts['kilobytes']) * 1024,
    madeAt: context.now(),
    operator: context.operator,
    facts: {
      system: live.system,
      timeline,
      start_lsn: start,
      end_lsn: end,
      started_at: facts['started_at'] ?? '',
      stopped_at: facts['stopped_at'] ?? '',
    },
  };
  const trouble = await writeManifest(context, `${input.base_dir}/${name}`, manifest);
  if (trouble !== undefined) return trouble;
  const publish = { name: 'publish', script: publishScript, args: [input.base_dir, name, hidden], meanings };
  const published = await runJob(context, publish);
  if ('outcome' in published) return published.outcome;
  if (published.ended.exitCode !== 0) return failed(scriptProblem(published.ended, publish));
  const found = await present(context, input, name);
  return found.found === 'done'
    ? done(found.observed, found.output)
    : unknown(new Problem('outcome-unknown', `The base backup ${name} was made and is not seen: ${found.observed}`));
}

async function probe(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  for (const job of ['copy', 'manifest', 'publish'])
    if ((await jobState(context, job)).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const nonce = createHash('sha256').update(context.stepKey).digest('hex').slice(0, 6);
  const name = context.recorded[`name_${nonce}`] ?? context.recorded['name'];
  return name === undefined ? { found: 'not-done', observed: 'It had not begun.' } : present(context, input, name);
}

async function present(context: ActionContext, input: Input, name: string): Promise<ProbeOutcome> {
  const end = await look(await context.session(), { script: presentScript, args: [input.base_dir, name] });
  if (end.exitCode !== 0) return { found: 'not-done', observed: `There is no verified base backup ${name}.` };
  const manifest = JSON.parse(end.stdout) as BackupManifest;
  return {
    found: 'done',
    observed: `Base backup ${name}, ${formatBytes(manifest.bytes)}, every file checked against its manifest; whole since ${manifest.facts['stopped_at']}.`,
    output: output(input, name, manifest),
  };
}

async function preflight(context: ActionContext, input: Input): Promise<PreflightItem[]> {
  const items: PreflightItem[] = [];
  const live = await lookAtLive(context, input);
  const title = 'Live server';
  if (live.recovering)
    items.push({ id: 'live', title, verdict: 'block', detail: 'It is in recovery itself: take the base backup of the primary.' });
  else if (live.tablespaces > 0)
    items.push({
      id: 'live',
      title,
      verdict: 'block',
      detail: 'It has tablespaces outside of the data directory; these are not supported.',
    });
  else if (!live.archiving)
    items.push({
      id: 'live',
      title,
      verdict: 'warn',
      detail: 'archive_mode is off: from this base backup only its own moment can be recovered.',
    });
  else if (live.archiverTrouble !== undefined)
    items.push({ id: 'live', title, verdict: 'warn', detail: `${live.archiverTrouble} Recovery will reach no further than the archive.` });
  else items.push({ id: 'live', title, verdict: 'pass', detail: `Cluster ${live.system}, timeline ${live.timeline}; it archives.` });
  const tools = await pgLook(
    context,
    livePlace(input),
    `pg 'command -v pg_basebackup >/dev/null && command -v pg_verifybackup >/dev/null' || exit 3\nexisting=$1\nwhile [ ! -d "$existing" ]; do existing=\${existing%/*}; [ -n "$existing" ] || existing=/; done\necho "folder=$existing"\n`,
    [input.base_dir],
  );
  if (tools.exitCode !== 0)
    items.push({ id: 'tools', title: 'Tools', verdict: 'block', detail: `pg_basebackup and pg_verifybackup are not in ${input.bin_dir}.` });
  items.push(await hostSpace(await context.session(), tools.facts['folder'] ?? '/', live.bytes + 16 * live.segmentBytes));
  return items;
}

/** Copies the whole cluster, verified file by file. */
export const baseBackupAction: Action = defineAction<Input>({
  id: 'recovery.base-backup@1',
  title: 'Take a base backup',
  effect: 'write',
  input: Input,
  outputs: ['name', 'path', 'sha256', 'size_bytes', 'system', 'timeline', 'start_lsn', 'end_lsn', 'started_at', 'stopped_at'],
  describe: (input) => [
    pgShown(livePlace(input), 'pg_basebackup', `-D ${input.base_dir}/.part-… -F p -X stream --checkpoint=fast`),
    { kind: 'ssh', text: `${input.bin_dir}/pg_verifybackup ${input.base_dir}/.part-…` },
    { kind: 'ssh', text: `mv ${input.base_dir}/.part-… ${input.base_dir}/‹time›-‹number›` },
  ],
  preflight,
  execute,
  probe,
  undo: { kept: 'A base backup is what later recoveries begin with, and nothing was changed by making it.' },
});
