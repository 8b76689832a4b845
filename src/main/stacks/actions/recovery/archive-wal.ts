import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { Action, ActionContext, ActionOutcome, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { jobState, look } from '../job.ts';
import { pgJob, pgShown } from '../postgres/place.ts';
import { sqlText } from '../postgres/place-scripts.ts';
import { done, failed } from '../tools.ts';
import { livePlace, PlainPath, serverInput } from './input.ts';
import type { Live } from './look-archive.ts';
import { lookAtLive } from './look-archive.ts';
import { recoveryPrelude } from './shell.ts';

const Input = z.strictObject({ ...serverInput, archive_dir: PlainPath });
type Input = z.infer<typeof Input>;

/**
 * Arguments: archive, SQL text. A transaction of its own gives the archive a moment that can be recovered to; then the segment is ended, and the
 * archiver waited for until the file lies there whole. Its failures end the wait, time does not.
 */
const switchScript = `archive=$1
failures=$(pg "$2" "SELECT failed_count FROM pg_stat_archiver") || exit 30
pg "$2" 'SELECT txid_current()' >/dev/null || exit 31
size=$(pg "$2" "SELECT bytes_per_wal_segment FROM pg_control_init()") || exit 30
at=$(pg "$2" "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\\"T\\"HH24:MI:SS.US\\"Z\\"')") || exit 30
name=$(pg "$2" 'SELECT pg_walfile_name(pg_switch_wal())') || exit 31
bytes() { if [ -f "$archive/$name" ]; then echo $(($(wc -c <"$archive/$name"))); else echo 0; fi; }
while [ "$(bytes)" != "$size" ]; do
  now=$(pg "$2" "SELECT failed_count FROM pg_stat_archiver") || exit 30
  [ "$now" -lt $((failures + 3)) ] || exit 32
  sleep 0.3 2>/dev/null || sleep 1
done
printf 'segment=%s\\nat=%s\\n' "$name" "$at"
`;

const meanings = {
  30: 'the live server could not be asked',
  31: 'the live server did not end its WAL segment',
  32: 'the archiver fails; its segment is not in the archive',
};

const aliveScript = `${recoveryPrelude}[ -z "$(qd_alive "$1")" ] || echo alive=yes
`;

async function execute(context: ActionContext, input: Input): Promise<ActionOutcome> {
  let live: Live;
  try {
    live = await lookAtLive(context, input);
  } catch (error) {
    const { facts } = await look(await context.session(), { script: aliveScript, args: [input.data_dir] });
    if (facts['alive'] === 'yes') return failed(toProblem(error));
    return done('The live server is down: what it had not archived stays in its data directory, which is kept.', { segment: '', at: '' });
  }
  if (!live.archiving) return failed(new Problem('policy-refused', 'The live server does not archive (archive_mode is off).'));
  const result = await pgJob(context, livePlace(input), {
    name: 'switch',
    script: switchScript,
    args: [input.archive_dir, sqlText],
    meanings,
  });
  if ('outcome' in result) return result.outcome;
  const { segment = '', at = '' } = result.ended.facts;
  return done(`${segment} lies in the archive: everything up to ${at} can be recovered.`, { segment, at });
}

async function probe(context: ActionContext): Promise<ProbeOutcome> {
  const { state, facts } = await jobState(context, 'switch');
  if (state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const { segment = '', at = '' } = facts;
  if (state === 'ended' && segment !== '') return { found: 'done', observed: `${segment} lies in the archive.`, output: { segment, at } };
  // Done again it does no harm: one more segment is ended early.
  return { found: 'not-done', observed: 'The end of the WAL is not known to be in the archive.' };
}

async function preflight(context: ActionContext, input: Input): Promise<PreflightItem[]> {
  const title = 'Archiver';
  try {
    const live = await lookAtLive(context, input);
    if (!live.archiving) return [{ id: 'archiver', title, verdict: 'block', detail: 'archive_mode is off.' }];
    if (live.archiverTrouble !== undefined) return [{ id: 'archiver', title, verdict: 'warn', detail: live.archiverTrouble }];
    return [{ id: 'archiver', title, verdict: 'pass', detail: 'The live server archives.' }];
  } catch (error) {
    return [
      {
        id: 'archiver',
        title,
        verdict: 'warn',
        detail: `The live server does not answer; its last WAL stays where it is. ${toProblem(error).message}`,
      },
    ];
  }
}

/** Brings the newest WAL into the archive, so that the window ends now. */
export const archiveWalAction: Action = defineAction<Input>({
  id: 'recovery.archive-wal@1',
  title: 'Archive the WAL up to now',
  effect: 'write',
  input: Input,
  outputs: ['segment', 'at'],
  describe: (input) => [pgShown(livePlace(input), 'psql', '-c "SELECT txid_current()" -c "SELECT pg_walfile_name(pg_switch_wal())"')],
  preflight,
  execute,
  probe: (context) => probe(context),
  undo: { kept: 'The segment belongs to the archive; ending it early changed no data.' },
});
