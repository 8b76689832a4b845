import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { BackupName } from '../../../../contract/backups.ts';
import { Problem } from '../../../../contract/problem.ts';
import type { ActionContext } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import { whyInvalid } from '../../friendlyface/problems.ts';
import type { ActionTools } from '../tools.ts';
import { friendlyFace } from './input.ts';

/** A copy on this laptop that was hashed, opened and looked through. */
export interface VerifiedCopy {
  readonly backup: string;
  readonly sha256: string;
  readonly localPath: string;
  readonly events: number;
  /** Hash of the newest event; empty when the schema has none. */
  readonly head: string;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Opens a copy and looks through it. @throws Problem `integrity-mismatch` */
export async function inspectCopy(tools: ActionTools, path: string, backup: string): Promise<{ events: number; head: string }> {
  const found = await tools.inspectSqlite(path);
  if (found.integrity !== 'ok')
    throw new Problem('integrity-mismatch', `${backup} is damaged: ${plainLine(found.integrity, 200)}.`, {
      hint: 'Choose another backup.',
    });
  const events = found.tables['events'];
  if (events === undefined)
    throw new Problem('integrity-mismatch', `${backup} is a sound database, and not one of FriendlyFace: it has no events.`, {
      hint: 'It may belong to another deployment. Choose another backup.',
    });
  const newest = found.newest['events'];
  return { events, head: newest?.['event_hash'] ?? newest?.['hash'] ?? '' };
}

/**
 * Brings a backup to this laptop, out of reach of the deployment's retention: verified by the deployment, downloaded,
 * hashes compared, opened, `integrity_check` read. A copy that is here already and has the right hash is used.
 * @throws Problem `integrity-mismatch`, `remote-file-missing`, or what the transfer threw
 */
export async function secureCopy(
  context: ActionContext,
  tools: ActionTools,
  input: { base_url: string; secret: string; backup_dir: string; backup: string },
): Promise<VerifiedCopy> {
  const backup = BackupName.parse(input.backup);
  const check = await friendlyFace(context, input).verify(backup);
  if (!check.valid)
    throw new Problem('integrity-mismatch', `The deployment says that ${backup} is not valid: ${whyInvalid(check)}.`, {
      hint: 'Choose another backup.',
    });
  const sha256 = check.checksum_sha256;
  await mkdir(context.localFolder, { recursive: true, mode: 0o700 });
  const localPath = join(context.localFolder, backup);
  if (!existsSync(localPath) || (await hashFile(localPath)) !== sha256) {
    const session = await context.session();
    await session.files.download(posix.join(input.backup_dir, backup), localPath, {
      sha256,
      progress: ({ bytes, total }) => context.progress({ done: bytes, total, unit: 'bytes' }),
    });
  }
  const here = await hashFile(localPath);
  if (here !== sha256)
    throw new Problem('integrity-mismatch', `The copy of ${backup} on this laptop has another hash than the deployment says.`, {
      hint: 'Try again; if it stays so, choose another backup.',
    });
  const inside = await inspectCopy(tools, localPath, backup);
  const environmentId = context.environment.id;
  context.memory.remember({ environmentId, name: backup, sha256, localPath, protected: true });
  context.memory.verified({
    environmentId,
    name: backup,
    method: 'local',
    at: context.now(),
    by: context.operator,
    valid: true,
    detail: `integrity_check ok, ${inside.events} events, hash as the deployment says.`,
    sha256,
  });
  return { backup, sha256, localPath, ...inside };
}

/** Puts a verified copy back among the deployment's backups when retention has taken it. True when it had to. */
export async function ensureOnHost(
  context: ActionContext,
  input: { base_url: string; secret: string; backup_dir: string },
  copy: { backup: string; sha256: string; localPath: string },
): Promise<boolean> {
  const api = friendlyFace(context, input);
  if ((await api.listBackups()).some(({ filename }) => filename === copy.backup)) {
    const there = await api.verify(copy.backup);
    if (there.valid && there.checksum_sha256 === copy.sha256) return false;
  }
  if ((await hashFile(copy.localPath)) !== copy.sha256)
    throw new Problem('integrity-mismatch', `The protected copy of ${copy.backup} on this laptop was changed.`, {
      hint: `Look at ${copy.localPath}.`,
    });
  const session = await context.session();
  await session.files.upload(copy.localPath, posix.join(input.backup_dir, copy.backup), {
    mode: 0o640,
    progress: ({ bytes, total }) => context.progress({ done: bytes, total, unit: 'bytes' }),
  });
  const after = await api.verify(copy.backup);
  if (!after.valid || after.checksum_sha256 !== copy.sha256)
    throw new Problem('integrity-mismatch', `${copy.backup} was put back and the deployment does not find it valid.`);
  return true;
}
