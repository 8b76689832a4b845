import type { StatementDefinition, StatementParameter } from '../../statement-schema.ts';
import { replaceParameters } from './guard.ts';

/**
 * Programs for psql. What varies in them is data, and data stands only as hexadecimal digits in a psql variable: psql can't take it for a
 * command, nor the server for SQL.
 */

/** A variable of psql. */
export const setVariable = (name: string, value: string) => `\\set ${name} '${Buffer.from(value, 'utf8').toString('hex')}'\n`;
/** The text of a variable made by {@link setVariable}. */
export const textOf = (name: string) => `convert_from(decode(:'${name}', 'hex'), 'UTF8')`;
/** A name in double quotes. */
export const quoteName = (name: string) =>
  name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');

const sqlTypes: Readonly<Record<StatementParameter['type'], string>> = {
  text: 'text',
  uuid: 'uuid',
  integer: 'bigint',
  boolean: 'boolean',
  percentage: 'integer',
};

/** Settings of every transaction: nothing waits for ever, neither for a lock nor for itself. */
const limits = (statementSeconds: number) =>
  `SET LOCAL lock_timeout = '5s';\nSET LOCAL statement_timeout = '${statementSeconds}s';\nSET LOCAL idle_in_transaction_session_timeout = '60s';\n`;
export const readOnly = (body: string) =>
  `BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;\n${limits(30)}${body}ROLLBACK;\n\\echo end=yes\n`;
/** What a change begins with. One snapshot for all of it: whoever changes the same rows meanwhile makes it fail, and nothing is done. */
export const beginWrite = `BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ;\n${limits(120)}`;
/** Ends a change. The transaction's number is out before the commit, so that a lost answer can be settled by it. */
export const commit = `SELECT txid_current() AS qd_xid \\gset
\\echo xid=:qd_xid
SELECT 'recorded=yes';
COMMIT;
\\echo verdict=committed
`;
/** Gives up with a word; nothing was changed. */
export const giveUp = (verdict: string, facts: Readonly<Record<string, string>> = {}) =>
  `ROLLBACK;\n${Object.entries(facts)
    .map(([name, value]) => `\\echo ${name}=:${value}\n`)
    .join('')}\\echo verdict=${verdict}\n\\quit\n`;

/** A statement of a stack as psql reads it, and the variables before it. */
export function bound(definition: Pick<StatementDefinition, 'parameters'>, sql: string, values: Readonly<Record<string, string>>) {
  const types = new Map(definition.parameters.map(({ name, type }) => [name, sqlTypes[type]]));
  return {
    variables: definition.parameters.map(({ name }) => setVariable(`qp_${name}`, values[name] ?? '')).join(''),
    sql: replaceParameters(sql, 'postgres', (name) => `CAST(${textOf(`qp_${name}`)} AS ${types.get(name) ?? 'text'})`),
  };
}

const onKey = (key: readonly string[], left: string, right: string) =>
  key.map((name) => `${left}.${quoteName(name)} = ${right}.${quoteName(name)}`).join(' AND ');
const names = (list: readonly string[], of?: string) =>
  list.map((name) => `${of === undefined ? '' : `${of}.`}${quoteName(name)}`).join(', ');

/** One row of the table as a line of JSON: what is kept of it. */
function lineOf({ key, snapshot }: StatementDefinition): string {
  if (snapshot.length === 0) return 'to_jsonb(t)::text';
  const kept = [...new Set([...key, ...snapshot])];
  return `to_jsonb((SELECT q FROM (SELECT ${names(kept, 't')}) q))::text`;
}
/** Lines of those rows of the table whose keys are in `keys`, a relation. */
const linesOf = (definition: StatementDefinition, keys: string) =>
  `SELECT ${lineOf(definition)} AS line FROM ${quoteName(definition.table)} t JOIN ${keys} k ON ${onKey(definition.key, 't', 'k')}`;
/** Count and SHA-256 of lines, in an order of their own; the laptop counts and hashes the same way. */
const digestOf = (lines: string, prefix: string) =>
  `SELECT count(*) AS ${prefix}_count, encode(sha256(convert_to(coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE "C"), ''), 'UTF8')), 'hex') AS ${prefix}_hash FROM (${lines}) l \\gset\n`;
const distinctKeys = ({ key }: StatementDefinition, preview: string) => `SELECT DISTINCT ${names(key)} FROM (\n${preview}\n) p`;

/** Triggers of the table's users, and foreign keys by which a DELETE would reach other tables: neither is taken back by an undo. */
const reach = ({
  table,
}: StatementDefinition) => `SELECT 'triggers=' || count(*) FROM pg_trigger WHERE tgrelid = '${quoteName(table)}'::regclass AND NOT tgisinternal;
SELECT 'cascades=' || count(*) FROM pg_constraint WHERE confrelid = '${quoteName(table)}'::regclass AND contype = 'f' AND confdeltype IN ('c', 'n', 'd');
`;

/** Reads what would be affected. */
export function previewProgram(definition: StatementDefinition, values: Readonly<Record<string, string>>): string {
  const { variables, sql } = bound(definition, definition.preview, values);
  return `${variables}${readOnly(`SELECT count(*) AS qd_rows, count(*) <= ${definition.max_rows} AS qd_ok FROM (
${sql}
) p \\gset
\\echo rows=:qd_rows
${reach(definition)}SELECT 'shown ' || to_jsonb(p)::text FROM (
${sql}
) p LIMIT 20;
\\if :qd_ok
${digestOf(linesOf(definition, `(${distinctKeys(definition, sql)})`), 'qd')}\\echo count=:qd_count
\\echo hash=:qd_hash
SELECT 'image ' || line FROM (${linesOf(definition, `(${distinctKeys(definition, sql)})`)}) l ORDER BY line COLLATE "C";
\\endif
`)}`;
}

/** Does it, when exactly the rows of the image (`before`, their hash) would be affected. */
export function applyProgram(definition: StatementDefinition, values: Readonly<Record<string, string>>, before: string): string {
  const preview = bound(definition, definition.preview, values);
  const { sql } = bound(definition, definition.sql, values);
  const { key } = definition;
  return `${preview.variables}${setVariable('qd_before', before)}${beginWrite}CREATE TEMP TABLE qd_keys ON COMMIT DROP AS ${distinctKeys(definition, preview.sql)};
CREATE TEMP TABLE qd_hit ON COMMIT DROP AS SELECT * FROM pg_temp.qd_keys LIMIT 0;
${digestOf(linesOf(definition, 'pg_temp.qd_keys'), 'qd')}SELECT :'qd_hash' = ${textOf('qd_before')} AS qd_same \\gset
\\if :qd_same
\\else
${giveUp('changed', { found: 'qd_count' })}\\endif
WITH qd AS (
${sql}
RETURNING ${names(key)}) INSERT INTO pg_temp.qd_hit SELECT * FROM qd;
SELECT count(*) AS qd_affected FROM pg_temp.qd_hit \\gset
SELECT :qd_affected = :qd_count AND NOT EXISTS (SELECT * FROM pg_temp.qd_hit EXCEPT SELECT * FROM pg_temp.qd_keys) AS qd_same \\gset
\\if :qd_same
\\else
${giveUp('mismatch', { affected: 'qd_affected', expected: 'qd_count' })}\\endif
${digestOf(linesOf(definition, 'pg_temp.qd_keys'), 'qda')}\\echo affected=:qd_affected
\\echo after=:qda_hash
${commit}`;
}

const imageTable = (definition: StatementDefinition) => `jsonb_populate_record(NULL::${quoteName(definition.table)}, i.line::jsonb)`;
/** The rows of an image as the table's own type. */
const imageRows = (definition: StatementDefinition) =>
  `(SELECT r.* FROM regexp_split_to_table(${textOf('qd_image')}, E'\\n') AS i(line), LATERAL ${imageTable(definition)} r)`;

/** How the rows of an image stand now: `count=` and `hash=` of what is there of them. */
export function compareProgram(definition: StatementDefinition, image: string): string {
  return `${setVariable('qd_image', image)}${readOnly(
    `${digestOf(linesOf(definition, imageRows(definition)), 'qd')}\\echo count=:qd_count\n\\echo hash=:qd_hash\n`,
  )}`;
}

/** Writes an image back, when its rows are as the statement left them (`after`); sees that it equals the image (`before`) and only then commits. */
export function undoProgram(definition: StatementDefinition, image: string, before: string, after: string): string {
  const { table, key, snapshot } = definition;
  const rows = imageRows(definition);
  const write =
    snapshot.length === 0
      ? `INSERT INTO ${quoteName(table)} OVERRIDING SYSTEM VALUE SELECT r.* FROM ${rows} r;`
      : `UPDATE ${quoteName(table)} t SET ${snapshot.map((name) => `${quoteName(name)} = r.${quoteName(name)}`).join(', ')} FROM ${rows} r WHERE ${onKey(key, 't', 'r')};`;
  return `${setVariable('qd_image', image)}${setVariable('qd_before', before)}${setVariable('qd_after', after)}${beginWrite}${digestOf(linesOf(definition, rows), 'qd')}SELECT :'qd_hash' = ${textOf('qd_after')} AS qd_same, :'qd_hash' = ${textOf('qd_before')} AS qd_already \\gset
\\if :qd_already
${giveUp('already')}\\endif
\\if :qd_same
\\else
${giveUp('conflict', { found: 'qd_count' })}\\endif
${write}
${digestOf(linesOf(definition, rows), 'qd')}SELECT :'qd_hash' = ${textOf('qd_before')} AS qd_same \\gset
\\if :qd_same
\\else
${giveUp('mismatch')}\\endif
${commit}`;
}

/** How a transaction ended (`committed`, `aborted`, `in progress`, nothing when it is too long ago), and whether one of ours is still open. */
export const settleProgram = (xid: string, application: string) =>
  `${setVariable('qd_app', application)}${readOnly(
    `SELECT 'alive=' || count(*) FROM pg_stat_activity WHERE application_name = ${textOf('qd_app')} AND pid <> pg_backend_pid();
${xid === '' ? '' : `SELECT 'transaction=' || coalesce(txid_status(${/^\d{1,19}$/.exec(xid)?.[0] ?? '0'}), '');\n`}`,
  )}`;

/** Lines `column ["name", "type"]`; none when the table is not there. */
export const columnsProgram = (table: string) =>
  readOnly(`SELECT 'column ' || json_build_array(attname, format_type(atttypid, NULL))::text FROM pg_attribute
WHERE attrelid = to_regclass('${quoteName(table)}') AND attnum > 0 AND NOT attisdropped;
`);
