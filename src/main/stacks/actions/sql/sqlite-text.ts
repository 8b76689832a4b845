import type { StatementDefinition } from '../../statement-schema.ts';

/** What {@link sqliteProgram} is told, as JSON: texts of the stack, and values that it binds. */
type Told = Readonly<Record<string, unknown>>;

/** Values as SQLite takes them. */
function boundValues({ parameters }: StatementDefinition, values: Readonly<Record<string, string>>): Told {
  return Object.fromEntries(
    parameters.map(({ name, type }) => {
      const value = values[name] ?? '';
      return [name, type === 'integer' || type === 'percentage' ? Number(value) : type === 'boolean' ? (value === 'true' ? 1 : 0) : value];
    }),
  );
}

const rowsOf = ({ table, key, snapshot }: StatementDefinition) => ({ table, key, snapshot });
const tell = (verb: string, told: Told) => JSON.stringify({ verb, ...told });

export const previewTold = (definition: StatementDefinition, values: Readonly<Record<string, string>>) =>
  tell('preview', {
    ...rowsOf(definition),
    preview: definition.preview,
    values: boundValues(definition, values),
    max_rows: definition.max_rows,
  });
export const applyTold = (definition: StatementDefinition, values: Readonly<Record<string, string>>, before: string) =>
  tell('apply', {
    ...rowsOf(definition),
    preview: definition.preview,
    sql: definition.sql,
    values: boundValues(definition, values),
    before,
  });
export const compareTold = (definition: StatementDefinition, image: string) => tell('compare', { ...rowsOf(definition), image });
export const undoTold = (definition: StatementDefinition, image: string, before: string, after: string) =>
  tell('undo', { ...rowsOf(definition), image, before, after });
/** Is a process of that mark still at it? */
export const settleTold = (mark: string) => tell('settle', { table: 'sqlite_master', mark });
/** Lines `column ["name", "type"]`. */
export const columnsTold = (table: string) => tell('columns', { table });
