import { mkdir } from 'node:fs/promises';
import { posix } from 'node:path';
import { z } from 'zod';
import { formatBytes } from '../../../../contract/bytes.ts';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { Action, ActionContext } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { plainLine, toProblem } from '../../../engine/words.ts';
import { whyInvalid } from '../../friendlyface/problems.ts';
import { isPlaceholder } from '../../references.ts';
import { laptopSpace } from '../space.ts';
import type { ActionTools } from '../tools.ts';
import { BackupFact, done, fact, failed, RemotePath, unknown } from '../tools.ts';
import { ApiInput, friendlyFace, shown } from './input.ts';
import { ensureOnHost, secureCopy } from './local-copy.ts';

const SecureInput = z.strictObject({ ...ApiInput, backup_dir: RemotePath, backup: BackupFact });
type SecureInput = z.infer<typeof SecureInput>;
const EnsureInput = SecureInput.extend({ sha256: fact(z.string().regex(/^[0-9a-f]{64}$/)), local_path: fact(z.string().min(1).max(4096)) });
type EnsureInput = z.infer<typeof EnsureInput>;
const VerifyInput = z.strictObject({ ...ApiInput, backup: BackupFact });
type VerifyInput = z.infer<typeof VerifyInput>;

async function verifiedByDeployment(
  context: ActionContext,
  input: { base_url: string; secret: string; backup: string },
): Promise<PreflightItem> {
  const title = 'The chosen backup';
  const listed = (await friendlyFace(context, input).listBackups()).some(({ filename }) => filename === input.backup);
  if (!listed) return { id: 'backup', title, verdict: 'block', detail: `The deployment has no backup ${plainLine(input.backup, 100)}.` };
  const check = await friendlyFace(context, input).verify(input.backup);
  return check.valid
    ? { id: 'backup', title, verdict: 'pass', detail: `The deployment finds ${input.backup} valid.` }
    : {
        id: 'backup',
        title,
        verdict: 'block',
        detail: `${input.backup} is not valid: ${whyInvalid(check)}.`,
      };
}

/** `friendlyface.secure-copy@1`: changes nothing on the deployment, so it is a read; what it leaves is a file on this laptop. */
export const secureCopyAction = (tools: ActionTools): Action =>
  defineAction<SecureInput>({
    id: 'friendlyface.secure-copy@1',
    title: 'Bring a verified copy to this laptop',
    effect: 'read',
    input: SecureInput,
    outputs: ['backup', 'sha256', 'local_path', 'events', 'head', 'made_at'],
    describe: ({ base_url, secret, backup_dir, backup }) => [
      shown(base_url, 'POST', `/admin/backup/verify?filename=${backup}`, secret),
      { kind: 'sftp', text: `get ${posix.join(backup_dir, backup)}` },
      { kind: 'local', text: 'SHA-256 of the copy = the deployment’s; PRAGMA integrity_check = ok; SELECT count(*) FROM events' },
    ],
    async preflight(context, input) {
      if (isPlaceholder(input.backup)) return [];
      const size = (await friendlyFace(context, input).listBackups()).find(({ filename }) => filename === input.backup)?.size_bytes ?? 0;
      const file = await (await context.session()).files.stat(posix.join(input.backup_dir, input.backup));
      await mkdir(context.localFolder, { recursive: true, mode: 0o700 });
      return [
        await verifiedByDeployment(context, input),
        file === undefined
          ? {
              id: 'backup-file',
              title: 'Backup folder',
              verdict: 'block',
              detail: `${input.backup} is not in ${input.backup_dir}: check the environment's backup folder.`,
            }
          : {
              id: 'backup-file',
              title: 'Backup folder',
              verdict: 'pass',
              detail: `The file is readable over SSH (${formatBytes(file.size)}).`,
            },
        await laptopSpace(context.localFolder, size),
      ];
    },
    async execute(context, input) {
      const copy = await secureCopy(context, tools, input);
      const listed = (await friendlyFace(context, input).listBackups()).find(({ filename }) => filename === copy.backup);
      return done(`${copy.backup} is on this laptop: hash equal, integrity_check ok, ${copy.events} events.`, {
        backup: copy.backup,
        sha256: copy.sha256,
        local_path: copy.localPath,
        events: String(copy.events),
        head: copy.head,
        made_at: listed === undefined ? '' : String(listed.modified),
      });
    },
    probe: async () => ({ found: 'not-done', observed: 'Copying again is harmless.' }),
    undo: { kept: 'The verified copy stays on this laptop: it is the way back that no retention can reach.' },
  });

/** `friendlyface.ensure-backup@1`: puts a protected copy back when retention took it. */
export const ensureBackupAction = defineAction<EnsureInput>({
  id: 'friendlyface.ensure-backup@1',
  title: 'See that the backup is still there',
  effect: 'write',
  input: EnsureInput,
  outputs: ['uploaded'],
  describe: ({ base_url, secret, backup_dir, backup }) => [
    shown(base_url, 'GET', '/admin/backups', secret),
    { kind: 'sftp', text: `put ${posix.join(backup_dir, backup)}  (only when retention has deleted it)` },
    shown(base_url, 'POST', `/admin/backup/verify?filename=${backup}`, secret),
  ],
  async execute(context, { sha256, local_path: localPath, ...input }) {
    try {
      const uploaded = await ensureOnHost(context, input, { backup: input.backup, sha256, localPath });
      return done(
        uploaded
          ? `${input.backup} had been deleted by retention; its verified copy was put back.`
          : `${input.backup} is still there, unchanged.`,
        { uploaded: String(uploaded) },
      );
    } catch (error) {
      // The upload appears under its name only when it is whole, so trying again is safe whatever was seen.
      return unknown(toProblem(error));
    }
  },
  async probe(context, input) {
    const there = await friendlyFace(context, input).verify(input.backup);
    const same = there.valid && there.checksum_sha256 === input.sha256;
    return same
      ? { found: 'done', observed: `${input.backup} is there, unchanged.`, output: { uploaded: 'false' } }
      : { found: 'not-done', observed: `${input.backup} is not there.` };
  },
  undo: { kept: 'A backup that was put back stays: it was there before; retention removes it in its time.' },
});

/** `friendlyface.verify-backup@1`: the deployment's own check, believed by its body and not by its status. */
export const verifyBackupAction = defineAction<VerifyInput>({
  id: 'friendlyface.verify-backup@1',
  title: 'Verify a backup',
  effect: 'read',
  input: VerifyInput,
  outputs: ['sha256'],
  describe: ({ base_url, secret, backup }) => [shown(base_url, 'POST', `/admin/backup/verify?filename=${backup}`, secret)],
  async execute(context, input) {
    const check = await friendlyFace(context, input).verify(input.backup);
    const { valid } = check;
    const sha256 = check.valid ? check.checksum_sha256 : undefined;
    const detail = check.valid ? 'The deployment finds it valid.' : whyInvalid(check);
    context.memory.verified({
      environmentId: context.environment.id,
      name: input.backup,
      method: 'server',
      at: context.now(),
      by: context.operator,
      valid,
      detail,
      ...(sha256 === undefined ? {} : { sha256 }),
    });
    return sha256 !== undefined
      ? done(`${input.backup}: ${detail}`, { sha256 })
      : failed(
          new Problem('verification-failed', `${input.backup} is not valid: ${detail}`, { hint: 'Do not restore it; choose another.' }),
        );
  },
  probe: async () => ({ found: 'not-done', observed: 'Verifying again is harmless.' }),
  undo: 'nothing-to-undo',
});
