import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { jobState } from '../job.ts';
import { done, fact, failed, unknown } from '../tools.ts';
import { databaseOid } from './create-database.ts';
import { previousName, RestoredName } from './naming.ts';
import { pgPlaceInput, pgShown, pgSqlJob, placeOf } from './place.ts';
import { maintenance } from './preflight.ts';
import { swapBackSql, swapSql } from './swap-sql.ts';

const Oid = z.string().regex(/^\d{1,10}$/);
const Input = z.strictObject({
  ...pgPlaceInput,
  /** From the restore. */
  new_database: fact(RestoredName),
  new_oid: fact(Oid),
  /** From the step that held connections off. */
  old_oid: fact(Oid),
});
type Input = z.infer<typeof Input>;

/** Which database bears which name: its number tells, whatever was renamed. */
async function standing(context: ActionContext, input: Input): Promise<'before' | 'after' | string> {
  const place = placeOf(input);
  const [live, previous] = [
    await databaseOid(context, place, input.database),
    await databaseOid(context, place, previousName(input.new_database)),
  ];
  if (live === input.new_oid && previous === input.old_oid) return 'after';
  if (live === input.old_oid && previous === undefined) return 'before';
  return `${input.database} is database ${live ?? 'none'}, ${previousName(input.new_database)} is ${previous ?? 'none'}: neither as before the swap nor as after it.`;
}

const facts = (input: Input): Facts => ({
  previous_database: previousName(input.new_database),
  old_oid: input.old_oid,
  new_oid: input.new_oid,
});

const parameters = (input: Input) => ({
  live: input.database,
  old_oid: input.old_oid,
  new_name: input.new_database,
  new_oid: input.new_oid,
  previous: previousName(input.new_database),
});

/** Carries one of the two scripts out and believes the catalog only. */
async function turn(context: ActionContext, input: Input, way: 'swap' | 'swap-back'): Promise<ActionOutcome> {
  const wanted = way === 'swap' ? 'after' : 'before';
  const previous = previousName(input.new_database);
  try {
    const now = await standing(context, input);
    if (now === wanted) return done(ended(input, way), way === 'swap' ? facts(input) : {});
    if (now !== 'before' && now !== 'after') return failed(new Problem('conflict', now, { hint: 'Look at the databases by hand.' }));
    context.record({ asked: 'true' });
  } catch (error) {
    return failed(toProblem(error));
  }
  const comment = JSON.stringify({ quarterdeck: 'before', of: input.database, put_aside: new Date(context.now()).toISOString() });
  const result = await pgSqlJob(context, maintenance(placeOf(input)), {
    name: way,
    sql: way === 'swap' ? swapSql : swapBackSql,
    params: {
      ...parameters(input),
      quiet: [input.database, input.new_database, previous].join('\n'),
      ...(way === 'swap' ? { comment } : {}),
    },
    meanings: { 3: 'the names were not swapped; everything is named as before' },
    hint:
      way === 'swap'
        ? 'Connections are still held off: resume, or revert, which allows them again.'
        : 'Try again; both databases are whole.',
  });
  if ('outcome' in result) return result.outcome;
  try {
    const now = await standing(context, input);
    return now === wanted
      ? done(ended(input, way), way === 'swap' ? facts(input) : {})
      : failed(new Problem('verification-failed', `The swap said it was done, and is not seen: ${now}`));
  } catch (error) {
    return unknown(toProblem(error));
  }
}

const ended = (input: Input, way: 'swap' | 'swap-back') =>
  way === 'swap'
    ? `${input.database} is the restored database now; the one from before is kept as ${previousName(input.new_database)}.`
    : `${input.database} is the database from before again.`;

async function look(context: ActionContext, input: Input, way: 'swap' | 'swap-back'): Promise<ProbeOutcome> {
  if ((await jobState(context, way)).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const now = await standing(context, input);
  if (now !== 'before' && now !== 'after') return { found: 'unknown', observed: now };
  const wanted = way === 'swap' ? 'after' : 'before';
  return now === wanted
    ? { found: 'done', observed: ended(input, way), ...(way === 'swap' ? { output: facts(input) } : {}) }
    : { found: 'not-done', observed: way === 'swap' ? 'The names are as before.' : 'The restored database still bears the live name.' };
}

/** `postgres.swap@1`: the restored database takes the live name; the one from before is kept. One transaction: there is no half of it. */
export const swapAction = defineAction<Input>({
  id: 'postgres.swap@1',
  title: 'Swap the names',
  effect: 'destructive',
  input: Input,
  outputs: ['previous_database', 'old_oid', 'new_oid'],
  describe: (input) => {
    const place = maintenance(placeOf(input));
    const previous = `${input.database}_before_‹key›`;
    return [
      pgShown(place, 'psql', '-c ‹ALTER DATABASE … ALLOW_CONNECTIONS false; pg_terminate_backend(…)›  (both databases)'),
      pgShown(
        place,
        'psql',
        `-c ‹BEGIN; owner, privileges, settings and comment carried over and compared; ALTER DATABASE ${input.database} RENAME TO ${previous}; ALTER DATABASE ${input.new_database} RENAME TO ${input.database}; ALLOW_CONNECTIONS true; COMMIT›`,
      ),
    ];
  },
  execute: (context, input) => turn(context, input, 'swap'),
  probe: (context, input) => look(context, input, 'swap'),
  undo: {
    title: 'Swap the names back',
    describe: (input) => [
      pgShown(
        maintenance(placeOf(input)),
        'psql',
        `-c ‹BEGIN; ALTER DATABASE ${input.database} RENAME TO ${input.new_database}; ALTER DATABASE ${input.database}_before_‹key› RENAME TO ${input.database}; COMMIT›`,
      ),
    ],
    execute: (context, input) => turn(context, input, 'swap-back'),
    probe: (context, input) => look(context, input, 'swap-back'),
  },
});
