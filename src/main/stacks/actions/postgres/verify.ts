import { z } from 'zod';
import { Sha256 } from '../../../../contract/common.ts';
import { Problem } from '../../../../contract/problem.ts';
import type { ActionContext, ActionOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import { count, done, fact, failed } from '../tools.ts';
import { readFacts } from './facts.ts';
import { Fingerprints } from './naming.ts';
import { pgPlaceInput, pgQuery, pgShown, placeOf } from './place.ts';

const Input = z.strictObject({
  ...pgPlaceInput,
  /** What the restored database held: of its tables, and of its sequences and extensions. */
  digest: fact(Sha256),
  inventory: fact(z.union([z.literal(''), Sha256])).default(''),
  tables: fact(z.string().max(20)),
  rows: fact(z.string().max(30)),
  /** Numbers of the database that must be live, and of the one it took the place of. */
  new_oid: fact(z.string().max(10)),
  old_oid: fact(z.string().max(10)),
  fingerprints: Fingerprints,
});
type Input = z.infer<typeof Input>;

const Traits = z.strictObject({
  live: z.string(),
  allowed: z.boolean(),
  same: z.boolean(),
  owner: z.string(),
  strangers: z.string().nullable(),
});
/** The live database by its number; settings and owner as of the one before; roles of the old one that own nothing may show in the new one. */
const traitsSql = `SELECT d.oid::text AS live, d.datallowconn AS allowed, pg_get_userbyid(d.datdba)::text AS owner,
  (SELECT d.datdba = o.datdba AND d.encoding = o.encoding AND d.datcollate = o.datcollate AND d.datctype = o.datctype AND d.datconnlimit = o.datconnlimit
    AND coalesce((SELECT json_agg(s ORDER BY s.setrole)::text FROM (SELECT setrole, setconfig FROM pg_db_role_setting WHERE setdatabase = d.oid) s), '') =
        coalesce((SELECT json_agg(s ORDER BY s.setrole)::text FROM (SELECT setrole, setconfig FROM pg_db_role_setting WHERE setdatabase = o.oid) s), '')
   FROM pg_database o WHERE o.oid::text = :'old_oid') IS NOT FALSE AS same,
  (SELECT string_agg(DISTINCT format('%s (%s)', a.usename, a.application_name), ', ') FROM pg_stat_activity a
    WHERE a.datid = d.oid AND a.pid <> pg_backend_pid()) AS strangers
FROM pg_database d WHERE d.datname = current_database()`;

async function verify(context: ActionContext, input: Input): Promise<ActionOutcome> {
  const place = placeOf(input);
  const wrong = (what: string) =>
    failed(new Problem('verification-failed', what, { hint: 'Revert brings the database from before the restore back.' }));
  const [traits] = await pgQuery(context, place, { sql: traitsSql, params: { old_oid: input.old_oid }, row: Traits });
  if (traits === undefined || traits.live !== input.new_oid) return wrong(`${input.database} is not the restored database.`);
  if (!traits.same) return wrong(`${input.database} has another owner, locale, limit or setting than the database from before.`);
  const found = await readFacts(context, place, input.fingerprints);
  if (found.digest !== input.digest)
    return wrong(
      `${input.database} holds ${count(found.tables.size, 'table')} with ${count(Number(found.rows), 'row')}, not ${input.tables} with ${input.rows} as restored${traits.strangers === null ? '' : `; connected: ${plainLine(traits.strangers, 200)}`}.`,
    );
  if (input.inventory !== '' && found.inventory !== input.inventory)
    return wrong(`The sequences or extensions of ${input.database} are not as restored.`);
  return done(
    `Verified: ${input.database} holds ${count(found.tables.size, 'table')} and ${count(Number(found.rows), 'row')} as restored, sequences and extensions too; it belongs to ${plainLine(traits.owner, 63)}.`,
    { tables: String(found.tables.size), rows: String(found.rows) },
  );
}

/** `postgres.verify@1`: reads what is live and compares it with what was restored. Put it before what writes is started again. */
export const verifyAction = defineAction<Input>({
  id: 'postgres.verify@1',
  title: 'Verify what is live now',
  effect: 'read',
  input: Input,
  outputs: ['tables', 'rows'],
  describe: (input) => [pgShown(placeOf(input), 'psql', '-c ‹count(*) of every table; sequences; extensions; owner and settings›')],
  execute: verify,
  probe: async () => ({ found: 'not-done', observed: 'Verifying again is harmless.' }),
  undo: 'nothing-to-undo',
});
