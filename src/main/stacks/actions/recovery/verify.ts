import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { Action, ActionContext, ActionOutcome, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { pgLook, pgProblem, pgQuery, pgShown } from '../postgres/place.ts';
import { sqlText } from '../postgres/place-scripts.ts';
import { done, fact, failed } from '../tools.ts';
import { countsSql, parseCounts, readLists, TableList } from './counts.ts';
import { livePlace, serverInput } from './input.ts';
import { lookAtLive } from './look-archive.ts';
import { pastTarget } from './recovered.ts';
import { formatInstant, parseInstant } from './time.ts';

const Input = z.strictObject({
  ...serverInput,
  tables: TableList,
  /** What the inspection had counted. */
  counts: fact(z.string().max(4000)),
  target: fact(z.string().max(60)),
  last_commit: fact(z.string().max(60)),
  old_timeline: fact(z.string().regex(/^\d{1,10}$/, 'a timeline')),
});
type Input = z.infer<typeof Input>;

async function verify(context: ActionContext, input: Input): Promise<ActionOutcome> {
  const wrong = (message: string) =>
    failed(new Problem('verification-failed', message, { hint: 'Revert puts the previous data directory back.' }));
  const live = await lookAtLive(context, input);
  if (live.recovering) return wrong('The live server is still in recovery.');
  if (live.timeline <= Number(input.old_timeline))
    return wrong(`The live server is on timeline ${live.timeline}, as before: it is not the recovered one.`);
  const place = livePlace(input);
  const [row] = await pgQuery(context, place, {
    sql: `SELECT current_setting('data_directory') AS data`,
    row: z.object({ data: z.string() }),
  });
  if (row?.data !== input.data_dir) return wrong(`What answers serves ${row?.data ?? '?'}, not ${input.data_dir}.`);
  const target = parseInstant(input.target);
  if (target === undefined) return wrong(`The target ${input.target} is no time.`);
  const past = pastTarget(input.last_commit, target);
  if (past !== undefined) return wrong(`It is not at the target: ${past}.`);
  const lists = readLists({ tables: input.tables });
  const end = await pgLook(context, place, 'pg "$@"\n', [sqlText, countsSql, `tables=${lists.tables}`], { timeoutMs: 600_000 });
  if (end.exitCode !== 0) throw pgProblem(end);
  const { counts, tables, rows } = parseCounts(end.stdout, { tables: input.tables });
  if (counts !== input.counts)
    return wrong(`The counts are not what was inspected: ${counts.slice(0, 300)}, inspected ${input.counts.slice(0, 300)}.`);
  return done(
    `Verified: out of recovery on timeline ${live.timeline}; ${tables} tables with ${rows} rows as inspected; nothing after ${formatInstant(target)}.`,
    { counts, timeline: String(live.timeline) },
  );
}

/** Proves that the live server is the recovered one and holds what was inspected. */
export const verifyAction: Action = defineAction<Input>({
  id: 'recovery.verify@1',
  title: 'Verify the promoted server',
  effect: 'read',
  input: Input,
  outputs: ['counts', 'timeline'],
  describe: (input) => [
    pgShown(livePlace(input), 'psql', ': pg_is_in_recovery(), timeline, data_directory, SELECT count(*) of the inspected tables'),
  ],
  execute: (context, input) => verify(context, input).catch((error: unknown) => failed(toProblem(error))),
  probe: async (context, input): Promise<ProbeOutcome> => {
    const ended = await verify(context, input);
    return ended.outcome === 'done'
      ? { found: 'done', observed: ended.observed, ...(ended.output === undefined ? {} : { output: ended.output }) }
      : { found: 'not-done', observed: ended.problem.message };
  },
  undo: 'nothing-to-undo',
});
