import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { z } from 'zod';
import { formatBytes } from '../../../../contract/bytes.ts';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { SqliteInspection } from '../../../drivers/sqlite/inspect.ts';
import type { SshSession } from '../../../drivers/ssh/types.ts';
import type { Action, ActionContext } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import { isPlaceholder } from '../../references.ts';
import type { BackupManifest } from '../manifest.ts';
import { foreignBackup, readManifest } from '../manifest.ts';
import { laptopSpace } from '../space.ts';
import type { ActionTools } from '../tools.ts';
import { done } from '../tools.ts';
import { checkFile } from './check-file.ts';
import { BackupFact, Damaged, placeInput } from './input.ts';
import { reportTrouble, rowsFact, rowsWords } from './report.ts';

const Input = z.strictObject({ ...placeInput, backup: BackupFact, damaged: Damaged });
type Input = z.infer<typeof Input>;

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Where a backup can be had. */
export interface FoundBackup {
  readonly manifest: BackupManifest | undefined;
  readonly onHost: boolean;
  readonly bytes: number;
  /** The protected copy on this laptop, when it lies there. */
  readonly local: { readonly path: string; readonly sha256: string } | undefined;
}

/**
 * Finds a backup on the host or, protected, on this laptop. @throws Problem `policy-refused` for one of another environment,
 * `remote-file-missing` when nobody has it
 */
export async function findBackup(
  context: Pick<ActionContext, 'environment' | 'memory'>,
  session: SshSession,
  input: { readonly db: string; readonly folder: string; readonly backup: string },
): Promise<FoundBackup> {
  const path = posix.join(input.folder, input.backup);
  const there = await session.files.stat(path);
  const manifest = await readManifest(session, path);
  if (manifest !== undefined) {
    const foreign = foreignBackup(context, session, manifest, { kind: 'sqlite', source: input.db });
    if (foreign !== undefined) throw foreign;
  }
  const known = context.memory.recall(context.environment.id, input.backup);
  const local =
    known?.protected === true && known.localPath !== null && known.sha256 !== null && (await stat(known.localPath).catch(() => undefined))
      ? { path: known.localPath, sha256: known.sha256 }
      : undefined;
  if (there === undefined && local === undefined)
    throw new Problem('remote-file-missing', `There is no backup ${plainLine(input.backup, 100)} in ${input.folder}, nor here.`, {
      hint: 'Choose another backup.',
    });
  const bytes = there?.size ?? (local === undefined ? 0 : (await stat(local.path)).size);
  return { manifest, onHost: there !== undefined, bytes, local };
}

async function bring(
  context: ActionContext,
  session: SshSession,
  input: Input,
  found: FoundBackup,
): Promise<{ path: string; sha256: string }> {
  const expected = found.manifest?.sha256 ?? (found.onHost ? undefined : found.local?.sha256);
  const path = join(context.localFolder, input.backup);
  const here = (await stat(path).catch(() => undefined))?.isFile() === true ? await hashFile(path) : undefined;
  if (here !== undefined && here === expected) return { path, sha256: here };
  if (here !== undefined && here === found.local?.sha256 && found.onHost) {
    // Without a manifest only the bytes themselves tell whether the host's is the same.
    const now = await checkFile(session, posix.join(input.folder, input.backup));
    if (now !== undefined && 'sha256' in now && now.sha256 === here) return { path, sha256: here };
    throw new Problem('integrity-mismatch', `${input.backup} on the host is not the one that was verified here before.`, {
      hint: `The verified copy at ${path} was not replaced. Compare the two, or choose another backup.`,
    });
  }
  if (!found.onHost)
    throw new Problem('integrity-mismatch', `The protected copy of ${input.backup} on this laptop was changed, and the host has none.`, {
      hint: 'Choose another backup.',
    });
  const got = await session.files.download(posix.join(input.folder, input.backup), path, {
    ...(expected === undefined ? {} : { sha256: expected }),
    progress: ({ bytes, total }) => context.progress({ done: bytes, total, unit: 'bytes' }),
  });
  return { path, sha256: got.sha256 };
}

/** Opens a copy here. @throws Problem `integrity-mismatch` unless damaged ones are kept */
async function inspectHere(tools: ActionTools, path: string, input: Input): Promise<SqliteInspection> {
  const nothing = { foreignKeyErrors: 0, tables: {}, newest: {} };
  const found = await tools.inspectSqlite(path).catch((error: unknown): SqliteInspection => {
    if (input.damaged === 'keep' && error instanceof Problem && error.code === 'integrity-mismatch')
      return { integrity: error.message, ...nothing };
    throw error;
  });
  if (input.damaged === 'keep') return found;
  const trouble = reportTrouble({ ...found, schema: '', counted: true });
  if (trouble === undefined) return found;
  throw new Problem('integrity-mismatch', `${input.backup} is not good: ${trouble}.`, { hint: 'Choose another backup.' });
}

async function preflight(context: ActionContext, input: Input): Promise<readonly PreflightItem[]> {
  if (isPlaceholder(input.backup)) return [];
  const title = 'The chosen backup';
  const session = await context.session();
  let found: FoundBackup;
  try {
    found = await findBackup(context, session, input);
  } catch (error) {
    if (error instanceof Problem && ['policy-refused', 'remote-file-missing', 'integrity-mismatch'].includes(error.code))
      return [{ id: 'backup', title, verdict: 'block', detail: `${error.message} ${error.data.hint ?? ''}`.trim() }];
    throw error;
  }
  await mkdir(context.localFolder, { recursive: true, mode: 0o700 });
  return [...(await judged(session, input, found)), await laptopSpace(context.localFolder, found.bytes)];
}

async function judged(session: SshSession, input: Input, found: FoundBackup): Promise<PreflightItem[]> {
  const title = 'The chosen backup';
  const origin: PreflightItem =
    found.manifest === undefined
      ? {
          id: 'origin',
          title: 'Where it is from',
          verdict: 'warn',
          detail: 'Nothing beside it says which environment it is of. It is only used when its tables are those of the live database.',
        }
      : {
          id: 'origin',
          title: 'Where it is from',
          verdict: 'pass',
          detail: `Made of this database by ${plainLine(found.manifest.operator, 100)} at ${new Date(found.manifest.madeAt).toISOString()}.`,
        };
  if (!found.onHost)
    return [{ id: 'backup', title, verdict: 'pass', detail: 'The host has it no more; the verified copy on this laptop is used.' }];
  const checked = await checkFile(session, posix.join(input.folder, input.backup));
  if (checked === undefined || 'unable' in checked)
    return [{ id: 'backup', title, verdict: 'unknown', detail: `It could not be checked: ${checked?.unable ?? 'it is gone'}.` }, origin];
  const trouble =
    found.manifest !== undefined && checked.sha256 !== found.manifest.sha256
      ? 'it is not the file that was made: its SHA-256 is not the manifest’s'
      : input.damaged === 'keep'
        ? undefined
        : reportTrouble(checked.report);
  return [
    trouble === undefined
      ? { id: 'backup', title, verdict: 'pass', detail: `integrity_check ok, rows: ${rowsWords(checked.report.tables)}.` }
      : { id: 'backup', title, verdict: 'block', detail: `${input.backup}: ${trouble}. Choose another backup.` },
    origin,
  ];
}

/** `sqlite.secure-copy@1`: a copy on this laptop that was hashed, opened and looked through; no retention reaches it. */
export const sqliteSecureCopyAction = (tools: ActionTools): Action =>
  defineAction<Input>({
    id: 'sqlite.secure-copy@1',
    title: 'Bring a verified copy to this laptop',
    effect: 'read',
    input: Input,
    outputs: ['backup', 'sha256', 'local_path', 'bytes', 'rows', 'integrity', 'on_host', 'made_at'],
    describe: ({ folder, backup }) => [
      { kind: 'sftp', text: `get ${posix.join(folder, backup)}` },
      { kind: 'local', text: 'SHA-256 = the manifest’s; PRAGMA integrity_check = ok; PRAGMA foreign_key_check; rows by table' },
    ],
    preflight,
    async execute(context, input) {
      const session = await context.session();
      const found = await findBackup(context, session, input);
      await mkdir(context.localFolder, { recursive: true, mode: 0o700 });
      const copy = await bring(context, session, input, found);
      const inside = await inspectHere(tools, copy.path, input);
      const environmentId = context.environment.id;
      const { backup } = input;
      const valid = reportTrouble({ ...inside, schema: '', counted: true }) === undefined;
      context.memory.remember({ environmentId, name: backup, sha256: copy.sha256, localPath: copy.path, protected: true });
      context.memory.verified({
        environmentId,
        name: backup,
        method: 'local',
        at: context.now(),
        by: context.operator,
        valid,
        detail: valid ? `integrity_check ok; rows: ${rowsWords(inside.tables)}.` : `Kept as it is, damaged: ${inside.integrity}`,
        sha256: copy.sha256,
      });
      const { size } = await stat(copy.path);
      return done(
        `${backup} is on this laptop (${formatBytes(size)}): ${valid ? 'integrity_check ok' : `DAMAGED, kept as it is (${plainLine(inside.integrity, 200)})`}.`,
        {
          backup,
          sha256: copy.sha256,
          local_path: copy.path,
          bytes: String(size),
          rows: rowsFact(inside.tables),
          integrity: inside.integrity,
          on_host: String(found.onHost),
          made_at: found.manifest === undefined ? '' : String(found.manifest.madeAt),
        },
      );
    },
    probe: async () => ({ found: 'not-done', observed: 'Copying again is harmless.' }),
    undo: { kept: 'The verified copy stays on this laptop: it is the way back that no retention can reach.' },
  });
