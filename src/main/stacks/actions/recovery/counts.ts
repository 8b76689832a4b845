import { z } from 'zod';

/** `orders, public.items` or `orders.placed_at`: names separated by commas; empty for all (tables) or none (columns). */
export const TableList = z
  .string()
  .max(2000)
  .regex(
    /^$|^\s*[A-Za-z_][\w$]{0,62}(\.[A-Za-z_][\w$]{0,62}){0,2}(\s*,\s*[A-Za-z_][\w$]{0,62}(\.[A-Za-z_][\w$]{0,62}){0,2})*\s*$/,
    'names of tables, separated by commas',
  )
  .default('');

const split = (list: string): string[] => (list.trim() === '' ? [] : list.split(',').map((one) => one.trim()));
/** With the schema that is meant when none is given. */
const inPublic = (names: readonly string[], parts: number): string[] =>
  names.map((name) => (name.split('.').length < parts ? `public.${name}` : name));

/** The lists as the SQL wants them. */
export const readLists = (input: { readonly tables: string; readonly newest?: string }) => ({
  tables: inPublic(split(input.tables), 2).join(','),
  newest: inPublic(split(input.newest ?? ''), 3).join(','),
});

/** Counts every row of the tables in `:'tables'`, or of all. Names are put in by the server's own quoting. */
export const countsSql = `SELECT format('SELECT %L || ''='' || count(*) FROM %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
 AND (:'tables' = '' OR n.nspname || '.' || c.relname = ANY (string_to_array(:'tables', ',')))
ORDER BY n.nspname, c.relname LIMIT 200 \\gexec
`;

/** The greatest value of each column in `:'columns'`. */
export const newestSql = `SELECT format('SELECT %L || ''>'' || coalesce(max(%I)::text, '''') FROM %I.%I', n.nspname || '.' || c.relname || '.' || a.attname, a.attname, n.nspname, c.relname)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname || '.' || c.relname || '.' || a.attname = ANY (string_to_array(:'columns', ',')) AND NOT a.attisdropped
ORDER BY 1 LIMIT 50 \\gexec
`;

/** What was counted: one text that can be compared, and what was asked for and is not there. */
export function parseCounts(stdout: string, asked: { readonly tables: string; readonly newest?: string }) {
  const lines = stdout.split('\n').map((line) => line.trim());
  const counts = lines.flatMap((line) => {
    const match = /^([^=>]{1,200})=(\d+)$/.exec(line);
    return match === null ? [] : [{ name: match[1] as string, rows: Number(match[2]) }];
  });
  const newest = lines.flatMap((line) => {
    const match = /^([^=>]{1,200})>(.*)$/.exec(line);
    return match === null ? [] : [{ name: match[1] as string, value: match[2] as string }];
  });
  const lists = readLists(asked);
  const seen = new Set([...counts, ...newest].map(({ name }) => name));
  return {
    counts: counts
      .map(({ name, rows }) => `${name}=${rows}`)
      .join(' ')
      .slice(0, 3500),
    newest: newest
      .map(({ name, value }) => `${name} ${value.slice(0, 80)}`)
      .join(', ')
      .slice(0, 1000),
    missing: [...lists.tables.split(','), ...lists.newest.split(',')].filter((name) => name !== '' && !seen.has(name)),
    tables: counts.length,
    rows: counts.reduce((sum, { rows }) => sum + rows, 0),
  };
}
