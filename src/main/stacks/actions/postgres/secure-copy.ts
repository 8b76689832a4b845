import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { z } from 'zod';
import { BackupName } from '../../../../contract/backups.ts';
import { formatBytes } from '../../../../contract/bytes.ts';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { ActionContext } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { isPlaceholder } from '../../references.ts';
import { laptopSpace } from '../space.ts';
import { BackupFact, done, fact, failed, RemotePath } from '../tools.ts';
import type { CheckedArchive } from './archive.ts';
import { checkArchive } from './archive.ts';
import { PgName, pgPlaceInput, pgShown, placeOf } from './place.ts';
import { backupSurvey } from './survey.ts';

/** What to do with a dump beside which no console left a manifest. */
export const WithoutManifest = z.enum(['refuse', 'accept']).default('refuse');

const Input = z.strictObject({
  ...pgPlaceInput,
  database: fact(PgName),
  backup_dir: RemotePath,
  backup: BackupFact,
  without_manifest: WithoutManifest,
  /** `keep` for a safety copy, `restore` for what is to be restored. */
  purpose: z.enum(['restore', 'keep']).default('restore'),
});
type Input = z.infer<typeof Input>;

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function secure(context: ActionContext, input: Input, archive: CheckedArchive): Promise<string> {
  const backup = BackupName.parse(input.backup);
  await mkdir(context.localFolder, { recursive: true, mode: 0o700 });
  const local = join(context.localFolder, backup);
  if (!existsSync(local) || (await hashFile(local)) !== archive.sha256) {
    await (await context.session()).files.download(posix.join(input.backup_dir, backup), local, {
      sha256: archive.sha256,
      progress: ({ bytes, total }) => context.progress({ done: bytes, total, unit: 'bytes' }),
    });
  }
  if ((await hashFile(local)) !== archive.sha256)
    throw new Problem('integrity-mismatch', `The copy of ${backup} on this laptop has another hash than the one on the host.`, {
      hint: 'Try again; if it stays so, choose another backup.',
    });
  const environmentId = context.environment.id;
  context.memory.remember({ environmentId, name: backup, sha256: archive.sha256, localPath: local, protected: true });
  context.memory.verified({
    environmentId,
    name: backup,
    method: 'local',
    at: context.now(),
    by: context.operator,
    valid: true,
    detail: 'Read through by pg_restore on the host; the copy here has the same SHA-256.',
    sha256: archive.sha256,
  });
  return local;
}

/** In words, for a preflight: may this archive be restored? */
export async function archivePreflight(context: ActionContext, input: Input): Promise<{ item: PreflightItem; bytes: number }> {
  try {
    const { bytes, toc, manifest } = await checkArchive(context, input);
    const made = `Made of ${toc.database} by PostgreSQL ${toc.serverMajor}, ${formatBytes(bytes)}, read to its end, its SQL looked through`;
    return {
      bytes,
      item: {
        id: 'archive',
        title: 'The chosen backup',
        verdict: manifest === undefined ? 'warn' : 'pass',
        detail:
          manifest === undefined
            ? `${made}. Nothing beside it says which environment it is of.`
            : `${made}; hash and environment are its own.`,
      },
    };
  } catch (error) {
    const { code, message, hint } = toProblem(error);
    const known = ['policy-refused', 'integrity-mismatch', 'remote-file-missing'].includes(code);
    return {
      bytes: 0,
      item: {
        id: 'archive',
        title: 'The chosen backup',
        verdict: known ? 'block' : 'unknown',
        detail: hint === undefined ? message : `${message} ${hint}`,
      },
    };
  }
}

/** `postgres.secure-copy@1`: an archive that may be restored, and a copy of it that no retention reaches. Changes nothing on the host. */
export const secureCopyAction = defineAction<Input>({
  id: 'postgres.secure-copy@1',
  title: 'Check the backup and bring a copy to this laptop',
  effect: 'read',
  input: Input,
  outputs: ['backup', 'sha256', 'size_bytes', 'local_path', 'tables', 'rows', 'digest', 'made_at'],
  describe: (input) => {
    const path = posix.join(input.backup_dir, input.backup);
    return [
      pgShown(placeOf(input), 'pg_restore', `-l -C <${path}`),
      pgShown(placeOf(input), 'pg_restore', `-f - <${path}  (read to its end; its SQL is looked through)`),
      { kind: 'ssh', text: `sha256sum <${path}` },
      { kind: 'sftp', text: `get ${path}` },
      { kind: 'local', text: 'SHA-256 of the copy = that of the host' },
    ];
  },
  async preflight(context, input) {
    if (isPlaceholder(input.backup)) return [];
    const { item, bytes } = await archivePreflight(context, input);
    await mkdir(context.localFolder, { recursive: true, mode: 0o700 });
    return [item, await laptopSpace(context.localFolder, bytes)];
  },
  survey: (context, given) => backupSurvey(context, given, 'backup'),
  async execute(context, input) {
    try {
      const archive = await checkArchive(context, input);
      const local = await secure(context, input, archive);
      const facts = archive.manifest?.facts ?? {};
      return done(`${input.backup} is on this laptop (${formatBytes(archive.bytes)}): read to its end, hash equal.`, {
        backup: input.backup,
        sha256: archive.sha256,
        size_bytes: String(archive.bytes),
        local_path: local,
        tables: facts['tables'] ?? '',
        rows: facts['rows'] ?? '',
        digest: facts['digest'] ?? '',
        made_at: archive.manifest === undefined ? '' : String(archive.manifest.madeAt),
      });
    } catch (error) {
      return failed(toProblem(error));
    }
  },
  probe: async () => ({ found: 'not-done', observed: 'Checking and copying again is harmless.' }),
  undo: { kept: 'The verified copy stays on this laptop: it is the way back that no retention can reach.' },
});
