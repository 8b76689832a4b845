import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Problem } from '../../../contract/problem.ts';
import { reasonOf } from './problems.ts';

/** Bytes moved by one read or write call. */
export const blockSize = 64 * 1024;

/** Feeds the first `length` bytes of a file into a hash. */
export async function hashPrefix(
  file: FileHandle,
  length: number,
  hash: Hash = createHash('sha256'),
  check: () => void = () => undefined,
): Promise<Hash> {
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  for (let position = 0; position < length; ) {
    check();
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, length - position), position);
    if (bytesRead === 0) throw new Problem('conflict', 'The local file became shorter while it was read.', { retryable: true });
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  return hash;
}

/** Throws `local-disk-full` when fewer than `bytes` are free beside the path. */
export async function requireSpace(path: string, bytes: number): Promise<void> {
  const facts = await statfs(dirname(path), { bigint: true }).catch(() => undefined);
  if (facts === undefined) return;
  const free = facts.bavail * facts.bsize;
  if (free < BigInt(bytes)) throw diskFull(path, `${bytes} bytes are needed and ${free} are free`);
}

/** The local disk is full: nothing was replaced. */
export function diskFull(path: string, why: string, cause?: unknown): Problem {
  return new Problem(
    'local-disk-full',
    `There is no room for ${path} on this computer: ${why}. The file that was there before is untouched.`,
    { hint: 'Free some space and try again; the transfer resumes.', detail: { path }, ...(cause === undefined ? {} : { cause }) },
  );
}

/** Turns a local file error into a problem; problems pass. */
export function localProblem(error: unknown, path: string): unknown {
  if (error instanceof Problem) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') return diskFull(path, reasonOf(error), error);
  if (code === 'ENOENT') return new Problem('not-found', `${path} does not exist on this computer.`, { detail: { path }, cause: error });
  if (code !== undefined)
    return new Problem('bad-input', `${path} cannot be used on this computer: ${reasonOf(error)}.`, { detail: { path }, cause: error });
  return error;
}

/** Makes a rename durable. Windows cannot sync a directory, and need not. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(dirname(path), 'r').catch(() => undefined);
  if (directory === undefined) return;
  await directory.sync().catch(() => undefined);
  await directory.close();
}
