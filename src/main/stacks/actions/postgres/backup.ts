import { posix } from 'node:path';
import { z } from 'zod';
import { formatBytes } from '../../../../contract/bytes.ts';
import { Problem } from '../../../../contract/problem.ts';
import type { ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import { jobState } from '../job.ts';
import type { BackupManifest } from '../manifest.ts';
import { manifestOwner, readManifest, writeManifest } from '../manifest.ts';
import { hostSpace } from '../space.ts';
import { count, done, fact, failed, RemotePath } from '../tools.ts';
import { backupScript, dumpText, fullReadText } from './backup-script.ts';
import { packTables, parseFacts } from './facts.ts';
import { archiveName, Contents, Fingerprints } from './naming.ts';
import { PgName, pgJob, pgPlaceInput, pgShown, placeOf } from './place.ts';
import { serverPreflight, serverState } from './preflight.ts';

const Input = z.strictObject({
  ...pgPlaceInput,
  database: fact(PgName),
  backup_dir: RemotePath,
  contents: Contents.default('all'),
  fingerprints: Fingerprints,
  label: z.string().max(100).default(''),
});
type Input = z.infer<typeof Input>;

/** A manifest is read whole within 64 KiB: the counts of very many tables stay out of it, their digest does not. */
const MOST_PACKED = 40_000;

const flags = { all: '', schema: ' --schema-only', data: ' --data-only' } as const;

async function backup(context: ActionContext, input: Input): Promise<ActionOutcome> {
  const place = placeOf(input);
  // The name belongs to the step, not to the try: what a try that was killed has written is written over.
  const name = context.recorded['backup'] ?? archiveName(input.database, input.contents, context.now());
  context.record({ backup: name });
  const path = posix.join(input.backup_dir, name);
  const result = await pgJob(context, place, {
    name: 'dump',
    script: backupScript,
    args: [input.backup_dir, name, dumpText, fullReadText, input.contents, JSON.stringify(input.fingerprints)],
    meanings: {
      31: `${input.backup_dir} is not a folder that this login may write to`,
      32: 'pg_dump or the count of the tables failed; nothing is kept of it',
      33: 'the dump could not be written whole; nothing is kept of it',
      34: 'what was written reads back differently; nothing is kept of it',
      35: 'the dump that was written can’t be read through; nothing is kept of it',
      36: 'the finished dump could not be given its name',
    },
    hint: 'The database is unchanged. Clear the cause, then try again.',
  });
  if ('outcome' in result) return result.outcome;
  const { facts: said, stdout } = result.ended;
  const told = (key: string) => plainLine(new RegExp(`^fact ${key}=(.*)$`, 'm').exec(stdout)?.[1] ?? '', 120);
  const seen = parseFacts(stdout);
  const { sha256 = '', bytes = '' } = said;
  const manifest: BackupManifest = {
    format: 1,
    ...manifestOwner(context, await context.session()),
    kind: 'postgres',
    source: input.database,
    sha256,
    bytes: Number(bytes),
    madeAt: context.now(),
    operator: context.operator,
    facts: {
      ...(input.label === '' ? {} : { label: input.label }),
      contents: input.contents,
      serverVersion: told('server'),
      tool: told('tool'),
      encoding: told('encoding'),
      owner: told('owner'),
      tables: String(seen.tables.size),
      rows: String(seen.rows),
      digest: seen.digest,
      ...(packTables(seen.tables).length > MOST_PACKED ? {} : { counts: packTables(seen.tables) }),
    },
  };
  const trouble = await writeManifest(context, path, manifest);
  if (trouble !== undefined) return trouble;
  return done(words(name, manifest), remember(context, input, name, manifest));
}

const words = (name: string, { bytes, facts }: BackupManifest) =>
  `${name} was made (${formatBytes(bytes)}, ${count(Number(facts['tables']), 'table')}, ${count(Number(facts['rows']), 'row')}), read back with the same hash, and read through by pg_restore.`;

function remember(context: ActionContext, input: Input, name: string, manifest: BackupManifest): Facts {
  const environmentId = context.environment.id;
  const { sha256, facts } = manifest;
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
    valid: true,
    detail: 'Read back with the same hash, and read through by pg_restore.',
    sha256,
  });
  return {
    backup: name,
    path: posix.join(input.backup_dir, name),
    sha256,
    size_bytes: String(manifest.bytes),
    tables: facts['tables'] ?? '',
    rows: facts['rows'] ?? '',
    digest: facts['digest'] ?? '',
  };
}

async function probe(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  const name = context.recorded['backup'];
  if (name === undefined) return { found: 'not-done', observed: 'The backup was never begun.' };
  for (const job of ['dump', 'manifest']) {
    if ((await jobState(context, job)).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  }
  const session = await context.session();
  const path = posix.join(input.backup_dir, name);
  const [file, manifest] = [await session.files.stat(path), await readManifest(session, path)];
  // The manifest is written last, and only about a file that was read through.
  if (file === undefined || manifest === undefined || file.size !== manifest.bytes)
    return { found: 'not-done', observed: `${name} is not there whole.` };
  return { found: 'done', observed: words(name, manifest), output: remember(context, input, name, manifest) };
}

/** `postgres.backup@1`: a custom-format dump on the host's side, also of a server in a container; counts of the same snapshot beside it. */
export const backupAction = defineAction<Input>({
  id: 'postgres.backup@1',
  title: 'Back up the database',
  effect: 'write',
  input: Input,
  outputs: ['backup', 'path', 'sha256', 'size_bytes', 'tables', 'rows', 'digest'],
  describe: (input) => {
    const place = placeOf(input);
    const file = posix.join(input.backup_dir, `${input.database}-‹time›.dump`);
    return [
      pgShown(place, 'psql', '-c ‹BEGIN; pg_export_snapshot(); count(*) of every table›'),
      pgShown(place, 'pg_dump', `-w -Fc${flags[input.contents]} --snapshot=‹snapshot› | tee ${file}.part | sha256sum`),
      { kind: 'ssh', text: `sha256sum <${file}.part; pg_restore -f /dev/null <${file}.part; mv ${file}.part ${file}` },
    ];
  },
  async preflight(context, input) {
    const place = placeOf(input);
    const state = await serverState(context, place);
    const session = await context.session();
    const items = await serverPreflight(context, place, state);
    return [...items, await hostSpace(session, input.backup_dir, Number(state.bytes ?? 0))];
  },
  async execute(context, input) {
    const made = await backup(context, input);
    if (made.outcome !== 'done' || (made.output?.['sha256'] ?? '').length === 64) return made;
    return failed(new Problem('verification-failed', 'The backup ended without a hash: it is not believed.'));
  },
  probe,
  undo: { kept: 'The dump stays: it is a way back.' },
});
