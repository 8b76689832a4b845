import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, rename, rm } from 'node:fs/promises';
import { Problem } from '../../../contract/problem.ts';
import { cleanText } from '../text.ts';
import { blockSize, hashPrefix, localProblem, requireSpace, syncDirectory } from './local-file.ts';
import type { TransferTools } from './transfer.ts';
import type { SshFiles, TransferProgress, TransferResult } from './types.ts';

type DownloadOptions = NonNullable<Parameters<SshFiles['download']>[2]>;

/** Reads that are under way at once: enough to fill the 2 MiB window of a channel at any round trip. */
const ahead = 32;

/**
 * Downloads into `<local>.part`, going on where an earlier try stopped; compares size and SHA-256, syncs and renames. A
 * mismatch is tried once more from zero (the file may have changed since the earlier try), then it is
 * `integrity-mismatch`. The local file is replaced only at the very end.
 */
export async function download(tools: TransferTools, remote: string, local: string, options: DownloadOptions): Promise<TransferResult> {
  const part = `${local}.part`;
  const source = await tools.sftp.open(remote, 'r');
  try {
    for (let fresh = false; ; fresh = true) {
      const { size } = await tools.sftp.fstat(source);
      const got = await fetchPart(tools, source, size, part, fresh, options.progress);
      const expected = options.sha256?.toLowerCase() ?? (await tools.remoteSha256(remote));
      if (got.sha256 === expected) {
        await rename(part, local);
        await syncDirectory(local);
        return got;
      }
      if (fresh || got.resumedFrom === 0) {
        await rm(part, { force: true });
        throw new Problem(
          'integrity-mismatch',
          `${cleanText(remote, { maxLength: 500 })} from ${tools.where} does not have the expected SHA-256. The local file was not replaced.`,
          { hint: 'The file may be changing on the host, or it is damaged.', detail: { expected, got: got.sha256 } },
        );
      }
    }
  } catch (error) {
    throw localProblem(error, local);
  } finally {
    await tools.sftp.close(source).catch(() => undefined);
  }
}

async function fetchPart(
  tools: TransferTools,
  source: Buffer,
  size: number,
  part: string,
  fresh: boolean,
  progress: TransferProgress | undefined,
): Promise<TransferResult> {
  const file = await open(
    part,
    constants.O_RDWR | constants.O_CREAT | (fresh ? constants.O_TRUNC : 0) | (constants.O_NOFOLLOW ?? 0),
    0o600,
  );
  try {
    let have = (await file.stat()).size;
    if (have > size) {
      await file.truncate(0);
      have = 0;
    }
    await requireSpace(part, size - have);
    const hash = await hashPrefix(file, have, createHash('sha256'), tools.check);
    progress?.({ bytes: have, total: size });
    await copy(tools, source, file, have, size, (bytes, position) => {
      hash.update(bytes);
      progress?.({ bytes: position, total: size });
    });
    await file.sync();
    return { bytes: size, sha256: hash.digest('hex'), resumedFrom: have };
  } finally {
    await file.close();
  }
}

async function copy(
  tools: TransferTools,
  source: Buffer,
  file: FileHandle,
  from: number,
  size: number,
  wrote: (bytes: Buffer, position: number) => void,
): Promise<void> {
  const pending: { start: number; buffer: Buffer; count: Promise<number> }[] = [];
  let next = from;
  const fill = (): void => {
    while (pending.length < ahead && next < size) {
      const buffer = Buffer.allocUnsafe(Math.min(blockSize, size - next));
      const count = readFully(tools, source, buffer, next);
      // Awaited in order below; a failure of a later one must not count as unhandled meanwhile.
      count.catch(() => undefined);
      pending.push({ start: next, buffer, count });
      next += buffer.length;
    }
  };
  for (fill(); ; fill()) {
    const head = pending.shift();
    if (head === undefined) return;
    tools.check();
    const count = await head.count;
    if (count < head.buffer.length)
      throw new Problem('conflict', 'The remote file became shorter while it was read.', {
        retryable: true,
        hint: 'Try again when it is not being written.',
      });
    // In order, so that a cut leaves a part without holes.
    for (let done = 0; done < count; ) done += (await file.write(head.buffer, done, count - done, head.start + done)).bytesWritten;
    wrote(head.buffer, head.start + count);
  }
}

async function readFully(tools: TransferTools, source: Buffer, buffer: Buffer, position: number): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const count = await tools.sftp.read(source, done === 0 ? buffer : buffer.subarray(done), position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
