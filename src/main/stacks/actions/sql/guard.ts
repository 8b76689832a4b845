import type { Dialect, Token } from './tokens.ts';
import { statements, tokens } from './tokens.ts';

/** Why a text is not carried out, and where. */
export interface Refusal {
  readonly line: number;
  /** Ends a sentence. */
  readonly why: string;
}

/** First words that end or begin a transaction: the one transaction around everything would be none. */
const TRANSACTION = new Set(['begin', 'start', 'commit', 'end', 'rollback', 'abort', 'savepoint', 'release', 'prepare']);
/** First words of what PostgreSQL refuses inside of a transaction. */
const OUTSIDE = new Set(['vacuum', 'reindex', 'cluster']);

const words = (statement: readonly Token[]) => statement.map(({ kind, text }) => (kind === 'word' ? text : kind === 'symbol' ? text : ''));

function refusedStatement(statement: readonly Token[], dialect: Dialect): string | undefined {
  const said = words(statement);
  const [first, second] = said;
  const has = (...wanted: string[]) => wanted.every((word) => said.includes(word));
  if (first === undefined || first === '') return 'a statement that does not begin with a word';
  if (first === 'prepare' && second !== 'transaction') return undefined;
  if (TRANSACTION.has(first)) return `${first.toUpperCase()}: the file runs in one transaction, and must not end or begin one`;
  if (dialect === 'postgres') {
    if (OUTSIDE.has(first)) return `${first.toUpperCase()} can't run in a transaction`;
    if (has('concurrently')) return 'CONCURRENTLY can’t run in a transaction';
    if (first === 'copy' && has('program')) return 'COPY … PROGRAM starts a program on the host';
    if (first === 'copy' && has('stdin')) return 'COPY FROM STDIN needs data that a file can’t give here';
    if (first === 'copy') return 'COPY reads or writes a file of the host';
    if ((first === 'create' || first === 'drop') && (second === 'database' || second === 'tablespace'))
      return `${first.toUpperCase()} ${second.toUpperCase()} can't run in a transaction`;
    if (first === 'alter' && second === 'system') return 'ALTER SYSTEM can’t run in a transaction';
    if (first === 'load') return 'LOAD brings a library into the server';
    if (first === 'set' && has('standard_conforming_strings')) return 'standard_conforming_strings changes how the rest is read';
    if ((first === 'set' || first === 'reset') && (has('session', 'authorization') || second === 'role'))
      return `${first.toUpperCase()} ${(second ?? '').toUpperCase()} changes who the rest runs as`;
  } else {
    if (first === 'attach' || first === 'detach') return `${first.toUpperCase()}: another file is none of this migration's business`;
    if (first === 'vacuum') return 'VACUUM can’t run in a transaction';
    if (first === 'pragma') return 'PRAGMA changes the connection, and some do nothing in a transaction';
    if (has('load_extension') || has('writefile') || has('readfile') || has('edit')) return 'a function that reaches out of the database';
  }
  return undefined;
}

/** Marks that make the database's *client* act: a meta command of psql, a dot command of sqlite3. */
function refusedMark(token: Token, dialect: Dialect): string | undefined {
  // A body that puts a program's name together is not seen; one that says it is.
  if (dialect === 'postgres' && token.kind === 'quoted' && /\bcopy\b[\s\S]*\bprogram\b/i.test(token.text))
    return 'COPY … PROGRAM in a body starts a program on the host';
  if (token.kind === 'broken') return 'a quote or comment that does not end';
  if (token.kind !== 'symbol') return undefined;
  if (token.text === '\\') return 'a backslash command, which the client would carry out and not the database';
  if (dialect === 'sqlite' && token.first && (token.text === '.' || token.text === '#' || token.text === '/'))
    return 'a line for the client, which it would carry out and not the database';
  return undefined;
}

/** What of a migration file must not be carried out; the first of it. Undefined when all of it may. */
export function refusedInFile(text: string, dialect: Dialect): Refusal | undefined {
  if (text.includes('\u0000')) return { line: 1 + text.slice(0, text.indexOf('\u0000')).split('\n').length - 1, why: 'a zero byte' };
  const all = tokens(text, dialect);
  for (const token of all) {
    const why = refusedMark(token, dialect);
    if (why !== undefined) return { line: token.line, why };
    // sqlite3 takes a line with nothing but “go” on it for a semicolon.
    if (dialect === 'sqlite' && token.kind === 'word' && token.text === 'go' && token.first)
      return { line: token.line, why: 'a line “go”' };
  }
  const list = statements(all);
  if (list.length === 0) return { line: 1, why: 'nothing to carry out' };
  for (const statement of list) {
    const why = refusedStatement(statement, dialect);
    if (why !== undefined) return { line: statement[0]?.line ?? 1, why };
  }
  return undefined;
}

/** One statement of a stack, as it must be. `reads`: a SELECT; else UPDATE or DELETE. Answers the names of its parameters. */
export function checkStatement(text: string, dialect: Dialect, kind: 'reads' | 'writes'): { refusal: Refusal } | { parameters: string[] } {
  const all = tokens(text, dialect);
  const refuse = (line: number, why: string) => ({ refusal: { line, why } });
  for (const token of all) {
    const why = refusedMark(token, dialect);
    if (why !== undefined) return refuse(token.line, why);
    // What psql would take for a variable, and neither reader of ours for a parameter.
    if (token.kind === 'symbol' && token.text === ':' && dialect === 'postgres' && /['"{]/.test(text[token.end] ?? ''))
      return refuse(token.line, 'a parameter is :name and nothing else');
    if (token.kind === 'symbol' && (token.text === '?' || token.text === '@') && dialect === 'sqlite')
      return refuse(token.line, 'a parameter is :name and nothing else');
    if (token.kind === 'symbol' && token.text === ';') return refuse(token.line, 'one statement, without a semicolon');
  }
  const first = all[0];
  if (first === undefined) return refuse(1, 'nothing to carry out');
  const allowed = kind === 'reads' ? ['select'] : ['update', 'delete'];
  if (!allowed.includes(first.text))
    return refuse(first.line, `it must begin with ${allowed.map((word) => word.toUpperCase()).join(' or ')}`);
  const returning = all.find(({ kind: token, text: word }) => token === 'word' && (word === 'returning' || word === 'into'));
  if (returning !== undefined) return refuse(returning.line, `${returning.text.toUpperCase()} has no place here`);
  return { parameters: [...new Set(all.filter(({ kind: token }) => token === 'parameter').map(({ text: name }) => name))] };
}

/** Puts something in the place of every parameter; quotes and comments stay as they are. */
export function replaceParameters(text: string, dialect: Dialect, by: (name: string) => string): string {
  let out = '';
  let at = 0;
  for (const token of tokens(text, dialect)) {
    if (token.kind !== 'parameter') continue;
    out += text.slice(at, token.start) + by(token.text);
    at = token.end;
  }
  return out + text.slice(at);
}

/** A table or column that a file makes, as far as it can be told by reading it. */
export interface MadeObject {
  readonly table: string;
  readonly column?: string;
}

const bare = (token: Token | undefined) =>
  token === undefined ? '' : token.kind === 'quoted' ? token.text.slice(1, -1) : token.kind === 'word' ? token.text : '';

/** The tables and columns that a file makes and takes away. Best effort: names built by code are not seen. */
export function objectsOf(text: string, dialect: Dialect): { made: MadeObject[]; gone: MadeObject[] } {
  const made: MadeObject[] = [];
  const gone: MadeObject[] = [];
  for (const statement of statements(tokens(text, dialect))) {
    const rest = statement.filter(
      ({ kind, text: word }) => !(kind === 'word' && ['if', 'not', 'exists', 'only', 'unlogged'].includes(word)),
    );
    const [first, second] = rest;
    if (second?.text !== 'table') continue;
    const dotted = rest[3]?.text === '.';
    const table = bare(dotted ? rest[4] : rest[2]);
    if (table === '') continue;
    if (first?.text === 'create') made.push({ table });
    if (first?.text === 'drop') gone.push({ table });
    if (first?.text !== 'alter') continue;
    for (let at = dotted ? 5 : 3; at < rest.length; at += 1) {
      const verb = rest[at]?.text;
      if (verb !== 'add' && verb !== 'drop' && verb !== 'rename') continue;
      if (verb === 'rename') gone.push({ table }, { table, column: '*' });
      const named = rest[at + 1]?.text === 'column' ? rest[at + 2] : rest[at + 1];
      const column = bare(named);
      if (column !== '' && !['constraint', 'primary', 'unique', 'foreign', 'check', 'default', 'not'].includes(column))
        (verb === 'add' ? made : gone).push({ table, column });
    }
  }
  return { made, gone };
}
