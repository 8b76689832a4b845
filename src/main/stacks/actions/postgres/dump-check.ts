import { plainLine } from '../../../engine/words.ts';

/** One statement: what stands in quotes is taken out, so that what is left is grammar. */
export interface Statement {
  /** One line; strings as `''`, quoted names as `"name"`, comments gone. */
  readonly text: string;
}

/** What a script falls into. `open`: a quote or a statement is left open there, and nothing can be said of what follows. */
export interface Split {
  readonly statements: readonly Statement[];
  readonly open?: string;
}

type Quote = { readonly end: RegExp; readonly keep: boolean };

/** The end of a quoted piece that begins at `at`, or undefined when nothing begins there. */
function quoteAt(sql: string, at: number): Quote | undefined {
  const rest = sql.slice(at, at + 80);
  if (rest.startsWith('--')) return { end: /\n/g, keep: false };
  if (/^[eE]'/.test(rest) && !/[\w$]/.test(sql[at - 1] ?? '')) return { end: /(?:[^'\\]|\\[\s\S]|'')*'/y, keep: false };
  if (rest.startsWith("'")) return { end: /(?:[^']|'')*'/y, keep: false };
  if (rest.startsWith('"')) return { end: /(?:[^"]|"")*"/y, keep: true };
  const dollar = /^\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/.exec(rest)?.[0];
  if (dollar !== undefined && !/[\w$]/.test(sql[at - 1] ?? '')) return { end: new RegExp(dollar.replaceAll('$', '\\$'), 'g'), keep: false };
  return undefined;
}

/** The end of a comment, which may hold others; -1 when it has none. */
function commentEnd(sql: string, at: number): number {
  let depth = 0;
  const mark = /\/\*|\*\//g;
  mark.lastIndex = at;
  for (let found = mark.exec(sql); found !== null; found = mark.exec(sql)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return -1;
}

/**
 * Splits a script into statements as psql does: quotes, dollar quotes, comments, brackets, and the bodies of SQL functions
 * (`BEGIN ATOMIC … END`).
 */
export function splitStatements(sql: string): Split {
  const statements: Statement[] = [];
  let text = '';
  let brackets = 0;
  let blocks = 0;
  let at = 0;
  while (at < sql.length) {
    const char = sql[at] as string;
    if (sql.startsWith('/*', at)) {
      const end = commentEnd(sql, at);
      if (end < 0) return { statements, open: `${text}/*` };
      at = end;
      text += ' ';
      continue;
    }
    const quote = quoteAt(sql, at);
    if (quote !== undefined) {
      const opening = /^(?:[eE]'|'|"|--|\$[^$]*\$)/.exec(sql.slice(at, at + 80))?.[0] ?? char;
      quote.end.lastIndex = at + opening.length;
      const found = quote.end.exec(sql);
      if (found === null) {
        if (opening !== '--') return { statements, open: `${text}${opening}` };
        at = sql.length;
        continue;
      }
      text += opening === '--' ? ' ' : quote.keep ? sql.slice(at, quote.end.lastIndex) : "''";
      at = quote.end.lastIndex;
      continue;
    }
    if (char === '(') brackets += 1;
    if (char === ')') brackets = Math.max(0, brackets - 1);
    const word =
      /[A-Za-z_]/.test(char) && !/[\w$]/.test(sql[at - 1] ?? '') ? (/^[\w$\u0080-\uffff]+/.exec(sql.slice(at, at + 80))?.[0] ?? '') : '';
    if (word !== '' && /^\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\b/i.test(text)) {
      if (/^begin$/i.test(word) || (blocks > 0 && /^case$/i.test(word))) blocks += 1;
      if (blocks > 0 && /^end$/i.test(word)) blocks -= 1;
    }
    if (char === ';' && brackets === 0 && blocks === 0) {
      push(statements, text);
      text = '';
      at += 1;
      continue;
    }
    text += word === '' ? char : word;
    at += word === '' ? 1 : word.length;
  }
  return text.trim() === '' ? { statements } : { statements, open: text };
}

function push(statements: Statement[], text: string): void {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  if (line !== '') statements.push({ text: line });
}

const SETTINGS =
  'statement_timeout|lock_timeout|idle_in_transaction_session_timeout|transaction_timeout|client_encoding|check_function_bodies|xmloption|client_min_messages|row_security|default_tablespace|default_table_access_method|default_with_oids|bytea_output|escape_string_warning|search_path';
const OBJECTS =
  'AGGREGATE|CAST|COLLATION|CONSTRAINT TRIGGER|CONVERSION|DEFAULT PRIVILEGES|DOMAIN|FUNCTION|INDEX|LARGE OBJECT|MATERIALIZED VIEW|OPERATOR|POLICY|PROCEDURE|PUBLICATION|RECURSIVE VIEW|RULE|SCHEMA|SEQUENCE|STATISTICS|TABLE|TEXT SEARCH|TRIGGER|TYPE|UNIQUE INDEX|UNLOGGED TABLE|UNLOGGED SEQUENCE|VIEW';
/** Everything that pg_dump writes for what is restored here. What is not on this list is refused. */
const ORDINARY = [
  new RegExp(`^SET (?:${SETTINGS}) = (?:''|[\\w.$", -]+)$`, 'i'),
  /^SET standard_conforming_strings = on$/i,
  /^SELECT pg_catalog\.(?:set_config|setval|lo_create|lo_open|lowrite|lo_close|lo_unlink)\([^()]*\)$/i,
  new RegExp(`^CREATE (?:OR REPLACE )?(?:${OBJECTS})\\b`, 'i'),
  new RegExp(`^ALTER (?:${OBJECTS})\\b`, 'i'),
  new RegExp(`^COMMENT ON (?:${OBJECTS}|COLUMN|CONSTRAINT)\\b`, 'i'),
  /^(?:GRANT|REVOKE) [^;]+ ON (?:TABLE|SEQUENCE|SCHEMA|FUNCTION|PROCEDURE|TYPE|DOMAIN|LARGE OBJECT|LANGUAGE) /i,
  /^COPY (?:(?:"[^"]*"|[\w$\u0080-\uffff]+)\.)?(?:"[^"]*"|[\w$\u0080-\uffff]+)(?: \([^()]*\))? FROM stdin$/i,
  /^INSERT INTO [^;]+$/i,
  /^REFRESH MATERIALIZED VIEW /i,
  /^(?:BEGIN|COMMIT)$/i,
];

/**
 * Looks through the SQL an archive would run (its rows taken out). What pg_dump never writes is named: commands of psql, programs, other databases,
 * roles. Empty when there is nothing of the kind.
 */
export function sqlRefusals(sql: string): string[] {
  const plain = sql.replaceAll(/^\\(?:un)?restrict [A-Za-z0-9]+$/gm, '');
  const { statements, open } = splitStatements(plain);
  const odd = statements.filter(({ text }) => !ORDINARY.some((pattern) => pattern.test(text))).map(({ text }) => reason(text));
  if (open !== undefined)
    odd.push(
      open.includes('\\')
        ? reason(open.replaceAll(/\s+/g, ' ').trim())
        : 'Its SQL can’t be read to the end: a quote or a statement is left open.',
    );
  return [...new Set(odd)].slice(0, 5);
}

function reason(text: string): string {
  const shown = plainLine(text, 120);
  if (/\bPROGRAM\b/i.test(text)) return `It would run a program on the server: ${shown}`;
  if (text.includes('\\')) return `It holds a command for psql, not for the database: ${shown}`;
  if (/^(?:CREATE|ALTER|DROP|COMMENT ON|GRANT|REVOKE).*\bDATABASE\b/i.test(text)) return `It acts on a database by its name: ${shown}`;
  if (/^(?:SET|RESET)\b/i.test(text) && /\b(?:ROLE|AUTHORIZATION)\b/i.test(text)) return `It would become another role: ${shown}`;
  return `It holds a statement that pg_dump does not write: ${shown}`;
}
