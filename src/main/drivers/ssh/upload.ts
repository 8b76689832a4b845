import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { Problem } from '../../../contract/problem.ts';
import { cleanText } from '../text.ts';
import { blockSize, hashPrefix, localProblem } from './local-file.ts';
import type { TransferTools } from './transfer.ts';
import type { SshFiles, TransferProgress, TransferResult } from './types.ts';

type UploadOptions = NonNullable<Parameters<SshFiles['upload']>[2]>;

/** Writes that are under way at once. */
const ahead = 32;

/**
 * Uploads into `<remote>.part`, going on where an earlier try stopped; compares size and the host's SHA-256, syncs, and
 * renames over the target. A mismatch is tried once more from zero, then it is `integrity-mismatch`. The mode is
 * `options.mode`, else that of the file being replaced, else 0600.
 */
export async function upload(tools: TransferTools, local: string, remote: string, options: UploadOptions): Promise<TransferResult> {
  const part = `${remote}.part`;
  const { sftp } = tools;
  const source = await open(local, 'r').catch((error: unknown) => {
    throw localProblem(error, local);
  });
  try {
    const { size } = await source.stat();
    const mode = options.mode ?? (await sftp.stat(remote))?.mode ?? 0o600;
    for (let fresh = false; ; fresh = true) {
      const sent = await sendPart(tools, source, size, part, fresh, mode & 0o7777, options.progress);
      if ((await tools.remoteSha256(part)) === sent.sha256) {
        if (!(await sftp.renameOver(part, remote))) await tools.moveOver(part, remote);
        return sent;
      }
      if (fresh || sent.resumedFrom === 0)
        throw new Problem(
          'integrity-mismatch',
          `${cleanText(part, { maxLength: 500 })} on ${tools.where} does not have the SHA-256 of the local file. The remote file was not replaced.`,
          { hint: 'Check the host’s disk, then try again.', detail: { expected: sent.sha256 } },
        );
    }
  } catch (error) {
    throw localProblem(error, local);
  } finally {
    await source.close();
  }
}

async function sendPart(
  tools: TransferTools,
  source: FileHandle,
  size: number,
  part: string,
  fresh: boolean,
  mode: number,
  progress: TransferProgress | undefined,
): Promise<TransferResult> {
  const { sftp } = tools;
  // lstat, because a link somebody planted under this name must not be followed.
  const there = fresh ? undefined : await sftp.lstat(part);
  if (there !== undefined && !there.isFile())
    throw new Problem('conflict', `${cleanText(part, { maxLength: 500 })} on ${tools.where} is in the way and is not a plain file.`, {
      hint: 'Look at it and remove it.',
    });
  const from = there === undefined || there.size > size ? 0 : there.size;
  const handle = await sftp.open(part, from === 0 ? 'w' : 'r+', { mode: 0o600 });
  try {
    const hash = await hashPrefix(source, from, createHash('sha256'), tools.check);
    progress?.({ bytes: from, total: size });
    let acknowledged = from;
    const pending = new Set<Promise<void>>();
    let failure: { error: unknown } | undefined;
    for (let position = from; position < size && failure === undefined; ) {
      tools.check();
      const buffer = Buffer.allocUnsafe(Math.min(blockSize, size - position));
      const { bytesRead } = await source.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) throw new Problem('conflict', 'The local file became shorter while it was sent.', { retryable: true });
      const bytes = buffer.subarray(0, bytesRead);
      hash.update(bytes);
      const write: Promise<void> = sftp.write(handle, bytes, position).then(
        () => {
          acknowledged += bytesRead;
          progress?.({ bytes: acknowledged, total: size });
          pending.delete(write);
        },
        (error: unknown) => {
          failure ??= { error };
          pending.delete(write);
        },
      );
      pending.add(write);
      position += bytesRead;
      while (pending.size >= ahead) await Promise.race(pending);
    }
    await Promise.all(pending);
    if (failure !== undefined) throw remoteFull(failure.error, part, tools.where);
    const { size: stored } = await sftp.fstat(handle);
    if (stored !== size)
      throw new Problem(
        'integrity-mismatch',
        `${cleanText(part, { maxLength: 500 })} on ${tools.where} has ${stored} bytes instead of ${size}.`,
        { retryable: true },
      );
    await sftp.fsetstat(handle, { mode });
    await sftp.fsync(handle);
    return { bytes: size, sha256: hash.digest('hex'), resumedFrom: from };
  } finally {
    await sftp.close(handle).catch(() => undefined);
  }
}

/** SFTP reports a full disk as a plain "Failure" of a write; nothing else makes a write to an open file fail so. */
function remoteFull(error: unknown, part: string, where: string): unknown {
  if (!(error instanceof Problem) || error.code !== 'remote-command-failed') return error;
  return new Problem(
    'remote-disk-full',
    `${where} could not take more bytes of ${cleanText(part, { maxLength: 500 })}: most likely its disk or quota is full. The remote file was not replaced.`,
    { hint: 'Free some space on the host and try again; the transfer resumes.', cause: error },
  );
}
