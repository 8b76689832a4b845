import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { Action, ActionContext, ActionOutcome, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { look } from '../job.ts';
import { count, done, failed } from '../tools.ts';
import { countsSql, newestSql, parseCounts, readLists, TableList } from './counts.ts';
import { archiveInput, recoveryInput, serverInput } from './input.ts';
import { lookAtRecovered, recoveredArgs } from './recovered.ts';
import { recoveryPrelude } from './shell.ts';

const Input = z.strictObject({ ...serverInput, ...archiveInput, ...recoveryInput, tables: TableList, newest: TableList });
type Input = z.infer<typeof Input>;

/** Arguments: account, tools, role, root, key, archive; database, SQL, tables, columns. The transaction is read-only; so is a server in recovery. */
const inspectScript = `${recoveryPrelude}user=$1 bin=$2 role=$3 dir=$4/$5
printf '%s\\n' 'BEGIN TRANSACTION READ ONLY;' "$8" 'COMMIT;' | qd_as "$user" "$bin/psql" -X -w -q -A -t -v ON_ERROR_STOP=1 -v "tables=$9" -v "columns=\${10}" -h "$dir/s" -p 5432 -U "$role" -d "$7"
`;

async function read(context: ActionContext, input: Input): Promise<ActionOutcome> {
  const found = await lookAtRecovered(context, input);
  if (found.current === undefined || !found.atTarget)
    return failed(
      new Problem('not-found', 'There is no recovered server that stands at its target.', {
        hint: 'Recover to a time first, or advance it.',
      }),
    );
  const lists = readLists(input);
  const script = {
    script: inspectScript,
    args: [...recoveredArgs(input, found.current.key), input.database, `${countsSql}${newestSql}`, lists.tables, lists.newest],
  };
  const end = await look(await context.session(), script, { timeoutMs: 600_000 });
  if (end.exitCode !== 0)
    return failed(new Problem('step-failed', `The recovered server could not be read: ${end.stderr.trim().slice(0, 300)}`));
  const { counts, newest, missing, tables, rows } = parseCounts(end.stdout, input);
  if (missing.length > 0) return failed(new Problem('verification-failed', `Not in the recovered server: ${missing.join(', ')}.`));
  return done(
    `${count(tables, 'table')}, ${count(rows, 'row')}: ${counts.slice(0, 400)}${newest === '' ? '' : `. Newest: ${newest}`}. Replayed to ${found.facts['replayed'] === '' ? 'the base backup' : found.facts['replayed']}.`,
    {
      counts,
      newest,
      tables: String(tables),
      rows: String(rows),
      replayed: found.facts['replayed'] ?? '',
      lsn: found.facts['lsn'] ?? '',
      target: found.current.target,
    },
  );
}

/** Reads what the recovered server holds. */
export const inspectAction: Action = defineAction<Input>({
  id: 'recovery.inspect@1',
  title: 'Inspect the recovered server',
  effect: 'read',
  input: Input,
  outputs: ['counts', 'newest', 'tables', 'rows', 'replayed', 'lsn', 'target'],
  describe: (input) => [
    {
      kind: 'ssh',
      text: `${input.bin_dir}/psql -h ${input.recovery_root}/‹key›/s -U ${input.pg_user} -d ${input.database}: SELECT count(*) of ${input.tables === '' ? 'every table' : input.tables}${input.newest === '' ? '' : `; SELECT max(…) of ${input.newest}`}`,
    },
  ],
  execute: (context, input) => read(context, input).catch((error: unknown) => failed(toProblem(error))),
  probe: async (context, input): Promise<ProbeOutcome> => {
    const ended = await read(context, input);
    return ended.outcome === 'done'
      ? { found: 'done', observed: ended.observed, ...(ended.output === undefined ? {} : { output: ended.output }) }
      : { found: 'not-done', observed: ended.problem.message };
  },
  undo: 'nothing-to-undo',
});
