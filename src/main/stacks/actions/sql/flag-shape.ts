import { Problem } from '../../../../contract/problem.ts';
import type { StatementDefinition } from '../../statement-schema.ts';

/** What can be done with a feature flag. */
export const flagChanges = ['enable', 'disable', 'kill', 'revive', 'rollout'] as const;
export type FlagChange = (typeof flagChanges)[number];

/** Columns of a table: name and type. */
export type Columns = ReadonlyMap<string, string>;

const targets: Readonly<
  Record<FlagChange, { readonly column: string; readonly value: (percent: string) => string; readonly type: 'boolean' | 'percentage' }>
> = {
  enable: { column: 'enabled', value: () => 'true', type: 'boolean' },
  disable: { column: 'enabled', value: () => 'false', type: 'boolean' },
  kill: { column: 'kill_switch', value: () => 'true', type: 'boolean' },
  revive: { column: 'kill_switch', value: () => 'false', type: 'boolean' },
  rollout: { column: 'rollout_percentage', value: (percent) => percent, type: 'percentage' },
};

/** What a change sets, as a plan shows it. */
export const flagTarget = (change: FlagChange, percent: string) => ({
  column: targets[change].column,
  value: targets[change].value(percent),
});

/**
 * The statement for a table of flags, by its columns: one shape is named by `key` and has `enabled`, the other by `name` and has
 * `kill_switch` and `rollout_percentage` beside it. Anything else is not guessed at. @throws Problem `not-supported`
 */
export function flagStatement(
  engine: StatementDefinition['engine'],
  table: string,
  columns: Columns,
  change: FlagChange,
): StatementDefinition {
  const known = [...columns.keys()].join(', ');
  const unknownShape = (why: string, hint: string) =>
    new Problem('not-supported', `${table}: ${why}. Its columns: ${known || 'none'}.`, { hint });
  if (columns.size === 0)
    throw new Problem('not-supported', `There is no table ${table}.`, { hint: 'Name the table of the flags, with its schema.' });
  const byKey = columns.has('key') && !columns.has('kill_switch');
  const byName = columns.has('name') && !columns.has('key') && columns.has('kill_switch') && columns.has('rollout_percentage');
  if (!columns.has('enabled') || byKey === byName)
    throw unknownShape('this is neither of the two known shapes of feature flags', 'Write a statement for it in the stack.');
  const { column, type } = targets[change];
  const expected =
    type === 'boolean' ? /^(bool|boolean|integer|int|tinyint.*)$/i : /^(smallint|integer|int|bigint|numeric.*|real|double precision)$/i;
  const found = columns.get(column);
  if (found === undefined)
    throw unknownShape(`this shape has no ${column}`, change === 'kill' ? 'Disable the flag instead.' : 'Choose another change.');
  if (!expected.test(found)) throw unknownShape(`${column} is ${found}, which is not expected`, 'Write a statement for it in the stack.');
  const name = byKey ? 'key' : 'name';
  const shown = ['enabled', 'kill_switch', 'rollout_percentage'].filter((one) => columns.has(one));
  const quoted = (one: string) => `"${one}"`;
  const from = table.split('.').map(quoted).join('.');
  const where = `WHERE ${quoted(name)} = :flag`;
  return {
    id: 'feature-flag',
    title: 'Feature flag',
    engine,
    table,
    key: [name],
    parameters: [
      { name: 'flag', title: 'Flag', type: 'text' },
      { name: 'value', title: 'Value', type },
    ],
    preview: `SELECT ${[name, ...shown].map(quoted).join(', ')} FROM ${from} ${where}`,
    sql: `UPDATE ${from} SET ${quoted(column)} = :value ${where}`,
    snapshot: [column],
    max_rows: 1,
    masked: [],
  };
}
