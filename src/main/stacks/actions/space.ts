import { statfs } from 'node:fs/promises';
import { formatBytes } from '../../../contract/bytes.ts';
import type { PreflightItem } from '../../../contract/runs.ts';
import type { SshSession } from '../../drivers/ssh/types.ts';
import { toProblem } from '../../engine/words.ts';

const HEADROOM = 1.2;

/** Bytes that are needed: of one thing, or of several by name (`safety copy`, `staged restore`). */
export type Needed = number | readonly { readonly what: string; readonly bytes: number }[];

function judge(id: string, title: string, free: number, needed: Needed): PreflightItem {
  const needs = typeof needed === 'number' ? [] : needed;
  const wanted = (typeof needed === 'number' ? needed : needs.reduce((sum, { bytes }) => sum + bytes, 0)) * HEADROOM;
  const parts = needs.length === 0 ? '' : `: ${needs.map(({ what, bytes }) => `${what} ${formatBytes(bytes)}`).join(' + ')}`;
  return {
    id,
    title,
    verdict: free >= wanted ? 'pass' : 'block',
    detail: `${formatBytes(free)} free, ${formatBytes(wanted)} needed${parts === '' ? ' (with 20 % to spare)' : `${parts}, and 20 % to spare`}.`,
  };
}

/** Free space in a folder of the host. */
export async function hostSpace(session: SshSession, folder: string, needed: Needed): Promise<PreflightItem> {
  const outcome = await session.exec({ script: 'df -Pk -- "$1" | tail -n 1\n', args: [folder] }, { timeoutMs: 10_000 });
  const fields = outcome.outcome === 'done' ? outcome.stdout.toString('utf8').trim().split(/\s+/) : [];
  const free = Number(fields.at(-3)) * 1024;
  if (!Number.isFinite(free) || fields.length < 5)
    return { id: 'space', title: 'Space on the host', verdict: 'unknown', detail: 'The free space could not be read.' };
  return judge('space', 'Space on the host', free, needed);
}

/** Free space in a folder of this laptop, which must exist. */
export async function laptopSpace(folder: string, needed: Needed): Promise<PreflightItem> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return judge('laptop-space', 'Space on this laptop', bavail * bsize, needed);
  } catch (error) {
    return { id: 'laptop-space', title: 'Space on this laptop', verdict: 'unknown', detail: toProblem(error).message };
  }
}
