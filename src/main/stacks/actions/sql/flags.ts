import { z } from 'zod';
import type { ActionContext } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { SqlTable } from '../../statement-schema.ts';
import { failed } from '../tools.ts';
import { flagChanges, flagStatement, flagTarget } from './flag-shape.ts';
import { sqlPlace, sqlPlaceInput } from './place.ts';
import { programsFor } from './programs.ts';
import type { Change } from './rows.ts';
import { changeRows, notConfirmed, preview, probeRows, probeUndoRows, undoRows } from './rows.ts';
import { checkValues } from './values.ts';

const Input = z
  .strictObject({
    ...sqlPlaceInput,
    engine: z.enum(['postgres', 'sqlite']).default('postgres'),
    table: SqlTable.default('feature_flags'),
    flag: z.string().min(1).max(200),
    change: z.enum(flagChanges),
    /** For `rollout`. */
    percent: z.union([z.literal(''), z.string().regex(/^(100|[1-9]?\d)$/, 'a percentage from 0 to 100')]).default(''),
  })
  .refine(({ change, percent }) => (change === 'rollout') === (percent !== ''), {
    path: ['percent'],
    message: 'belongs to rollout, and to it only',
  });
type Input = z.infer<typeof Input>;

/** Looks at the columns first: the table exists in two shapes. @throws Problem `not-supported` */
async function changeOf(context: ActionContext, input: Input): Promise<Change> {
  const place = sqlPlace(input.engine, input);
  const end = await place.read(context, programsFor(input.engine).columns(input.table));
  const columns = end.stdout
    .split('\n')
    .flatMap((line) => (line.startsWith('column ') ? [z.tuple([z.string(), z.string()]).parse(JSON.parse(line.slice(7)))] : []));
  const definition = flagStatement(input.engine, input.table, new Map(columns), input.change);
  return { place, definition, values: checkValues(definition.parameters, [input.flag, flagTarget(input.change, input.percent).value]) };
}

const readable = ({ table, flag, change, percent }: Input) => {
  const { column, value } = flagTarget(change, percent);
  return `UPDATE ${table} SET ${column} = ${value} WHERE ‹key or name, as its columns say› = ‹${flag}›`;
};

/** `flags.set@1`: one feature flag, in whichever of the two shapes its table has. */
export const setFlagAction = defineAction<Input>({
  id: 'flags.set@1',
  title: 'Set a feature flag',
  effect: 'write',
  input: Input,
  outputs: ['rows', 'image', 'before', 'after'],
  describe: (input) => {
    const { shown } = sqlPlace(input.engine, input);
    return [shown(`‹columns of ${input.table}›`), shown(`BEGIN; (exactly one row, or nothing) ${readable(input)}; COMMIT`)];
  },
  async preflight(context, input) {
    try {
      const change = await changeOf(context, input);
      const found = await preview(context, change);
      const stale = notConfirmed(found, change.definition, '1');
      const missing = found.rows === 0 ? `There is no flag ${input.flag} in ${input.table}.` : stale?.message;
      const detail = missing ?? `Named by ${change.definition.key[0]}; now ${found.shown[0] ?? ''}`;
      return [{ id: 'flag', title: 'Feature flag', verdict: missing === undefined ? 'pass' : 'block', detail }];
    } catch (error) {
      const { code, message } = toProblem(error);
      return [{ id: 'flag', title: 'Feature flag', verdict: code === 'not-supported' ? 'block' : 'unknown', detail: message }];
    }
  },
  async execute(context, input) {
    let change: Change;
    try {
      change = await changeOf(context, input);
    } catch (error) {
      return failed(toProblem(error));
    }
    return changeRows(context, change, '1');
  },
  probe: async (context, input) => probeRows(context, await changeOf(context, input)),
  undo: {
    title: 'Set it back',
    describe: (input) => [
      sqlPlace(input.engine, input).shown(
        `BEGIN; (only when it is as it was set) UPDATE ${input.table} SET ${flagTarget(input.change, input.percent).column} = ‹kept›; COMMIT`,
      ),
    ],
    execute: async (context, input, output) => {
      let change: Change;
      try {
        change = await changeOf(context, input);
      } catch (error) {
        return failed(toProblem(error));
      }
      return undoRows(context, change, output);
    },
    probe: async (context, input, output) => probeUndoRows(context, await changeOf(context, input), output),
  },
});
