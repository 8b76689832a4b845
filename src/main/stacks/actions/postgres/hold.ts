import { z } from 'zod';
import type { ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { jobState } from '../job.ts';
import { done, failed, unknown } from '../tools.ts';
import type { PgPlace } from './place.ts';
import { pgPlaceInput, pgShown, pgSqlJob, placeOf } from './place.ts';
import { holdingPreflight, maintenance, serverState, sessionsPreflight } from './preflight.ts';
import { allowSql, holdSql } from './swap-sql.ts';

const Input = z.strictObject(pgPlaceInput);

async function hold(context: ActionContext, input: PgPlace): Promise<ActionOutcome> {
  const place = placeOf(input);
  const before = await serverState(context, place).catch(toProblem);
  if ('code' in before) return failed(before);
  if (!before.exists || before.oid === null)
    return failed({ code: 'not-found', message: `There is no database ${place.database}.`, retryable: false });
  context.record({ oid: before.oid });
  const result = await pgSqlJob(context, maintenance(place), {
    name: 'hold',
    sql: holdSql,
    params: { live: place.database, quiet: place.database },
    meanings: { 3: `connections to ${place.database} could not be held off, and are allowed as before` },
    hint: 'Somebody stays connected whom this role may not end: ask them, or connect as a superuser.',
  });
  if ('outcome' in result) return result.outcome;
  try {
    const after = await serverState(context, place);
    if (after.allowed !== false || after.oid !== before.oid)
      return failed({ code: 'verification-failed', message: `${place.database} still takes connections.`, retryable: true });
    return done(`${place.database} takes no connections, and nobody is connected.`, { oid: before.oid });
  } catch (error) {
    return unknown(toProblem(error));
  }
}

async function probe(context: ActionContext, input: PgPlace): Promise<ProbeOutcome> {
  const { oid } = context.recorded;
  if (oid === undefined) return { found: 'not-done', observed: 'It was never begun.' };
  if ((await jobState(context, 'hold')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const state = await serverState(context, placeOf(input));
  return state.oid === oid && state.allowed === false
    ? { found: 'done', observed: `${input.database} takes no connections.`, output: { oid } }
    : { found: 'not-done', observed: `${input.database} takes connections.` };
}

async function allow(context: ActionContext, input: PgPlace, output: Facts): Promise<ActionOutcome> {
  const place = placeOf(input);
  const result = await pgSqlJob(context, maintenance(place), {
    name: 'allow',
    sql: allowSql,
    params: { live: place.database, oid: output['oid'] ?? '' },
  });
  if ('outcome' in result) return result.outcome;
  const found = await probeAllowed(context, input, output).catch(() => undefined);
  if (found?.found === 'done') return done(found.observed);
  return failed({
    code: 'verification-failed',
    message: found?.observed ?? 'Whether connections are allowed could not be seen.',
    retryable: true,
  });
}

async function probeAllowed(context: ActionContext, input: PgPlace, output: Facts): Promise<ProbeOutcome> {
  if ((await jobState(context, 'allow')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const state = await serverState(context, placeOf(input));
  if (state.oid !== output['oid']) return { found: 'not-done', observed: `${input.database} is not the database that was held.` };
  return state.allowed === true
    ? { found: 'done', observed: `${input.database} takes connections again.` }
    : { found: 'not-done', observed: `${input.database} takes no connections yet.` };
}

/** `postgres.hold@1`: nobody new connects, and whoever is connected is ended. One catalog change, so that a swap can be one too. */
export const holdAction = defineAction<PgPlace>({
  id: 'postgres.hold@1',
  title: 'Hold off connections to the database',
  effect: 'destructive',
  input: Input,
  outputs: ['oid'],
  describe: (input) => [
    pgShown(maintenance(placeOf(input)), 'psql', `-c ‹ALTER DATABASE ${input.database} ALLOW_CONNECTIONS false›`),
    pgShown(maintenance(placeOf(input)), 'psql', `-c ‹pg_terminate_backend(…) of every session of ${input.database}, until there is none›`),
  ],
  async preflight(context, input) {
    const place = placeOf(input);
    const state = await serverState(context, place);
    return [await sessionsPreflight(context, place), await holdingPreflight(context, place, state)];
  },
  execute: hold,
  probe,
  undo: {
    title: 'Allow connections again',
    describe: (input) => [pgShown(maintenance(placeOf(input)), 'psql', `-c ‹ALTER DATABASE ${input.database} ALLOW_CONNECTIONS true›`)],
    execute: allow,
    probe: probeAllowed,
  },
});
