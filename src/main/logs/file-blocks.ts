import type { SshSession } from '../drivers/ssh/types.ts';
import type { LogFile } from './file-list.ts';
import { read } from './remote.ts';
import { READ_BLOCK } from './scripts.ts';

/** Bytes of a file, by its inode; undefined when it is not that file any more. */
export async function readBlock(
  session: SshSession,
  file: LogFile,
  from: number,
  length: number,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  if (length <= 0) return Buffer.alloc(0);
  const { stdout, exitCode } = await read(
    session,
    { script: READ_BLOCK, args: [file.path, file.inode, String(from + 1), String(length)] },
    { what: `The log ${file.path}`, signal, maxBytes: length + 1024, timeoutMs: 120_000, accept: [0, 2, 4] },
  );
  return exitCode === 0 ? stdout : undefined;
}

const LOOK_BACK = 64 * 1024;
const LOOK_BACK_MOST = 16 * 1024 * 1024;

/**
 * Where the last complete line of a file ends, with up to 256 bytes before that place. A line that is still being written is
 * left for the follow.
 */
export async function lastLineEnd(
  session: SshSession,
  file: LogFile,
  signal: AbortSignal,
): Promise<{ offset: number; before: Buffer } | undefined> {
  for (let length = LOOK_BACK; ; length *= 8) {
    const from = Math.max(0, file.size - length);
    const block = await readBlock(session, file, from, file.size - from, signal);
    if (block === undefined) return undefined;
    const end = block.lastIndexOf(10) + 1;
    if (end > 0 || from === 0) {
      const before = Buffer.from(block.subarray(Math.max(0, end - 256), end));
      // Fewer than 256 bytes before the end are fine: the cursor says how many it knows.
      return { offset: from + end, before };
    }
    if (length >= LOOK_BACK_MOST) return { offset: file.size, before: Buffer.from(block.subarray(-256)) };
  }
}
