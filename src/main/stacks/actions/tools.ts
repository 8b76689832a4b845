import { z } from 'zod';
import { BackupName } from '../../../contract/backups.ts';
import type { ProblemData } from '../../../contract/problem.ts';
import { Problem } from '../../../contract/problem.ts';
import type { SqliteInspection } from '../../drivers/sqlite/inspect.ts';
import type { ActionContext, ActionOutcome, ProbeOutcome } from '../../engine/action.ts';
import { isPlaceholder } from '../references.ts';

/** What actions are built with; handed in by the composition root. */
export interface ActionTools {
  inspectSqlite(path: string): Promise<SqliteInspection>;
}

/** A value that may come from an earlier step: while planning it stands as `‹step.fact›`. */
export const fact = <T extends z.ZodType<string, string>>(schema: T) =>
  z.union([z.string().refine(isPlaceholder, 'a fact of an earlier step'), schema]);

/** An absolute path on the host. */
export const RemotePath = z.string().regex(/^\/[^\p{Cc}]{0,1023}$/u, 'an absolute path on the host');
/** Name of a backup, or a fact that will be one. */
export const BackupFact = fact(BackupName);

export const done = (observed: string, output: Readonly<Record<string, string>> = {}): ActionOutcome => ({
  outcome: 'done',
  observed,
  output,
});
export const failed = (problem: ProblemData | Problem): ActionOutcome => ({
  outcome: 'failed',
  problem: problem instanceof Problem ? problem.data : problem,
});
export const unknown = (problem: ProblemData | Problem): ActionOutcome => ({
  outcome: 'unknown',
  problem: problem instanceof Problem ? problem.data : problem,
});

/** Waits; holds nothing when it is over. */
export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** `1 event`, `12 events`. */
export const count = (n: number, word: string) => `${n} ${word}${n === 1 ? '' : 's'}`;

/** How long a request that lost its sender may still be on its way through the deployment, in milliseconds. */
const ON_ITS_WAY_MS = 10_000;

/**
 * A request goes on at the deployment when its sender is gone. So “not done” is believed only once enough time has passed since it was
 * sent (`askedAt`, Unix milliseconds as recorded); until then this looks again and again.
 */
export async function lookUntilSettled(
  context: ActionContext,
  askedAt: string | undefined,
  look: () => Promise<ProbeOutcome>,
): Promise<ProbeOutcome> {
  const onItsWayMs = context.waits?.onItsWayMs ?? ON_ITS_WAY_MS;
  for (;;) {
    const found = await look();
    const since = context.now() - Number(askedAt);
    if (found.found !== 'not-done' || askedAt === undefined || !(since >= 0 && since < onItsWayMs)) return found;
    await pause(Math.min(500, onItsWayMs - since));
  }
}
