/** Which database reads the text. */
export type Dialect = 'postgres' | 'sqlite';

/** A piece of SQL. Comments and white space are left out; what stands in quotes is one token and is never looked into. */
export interface Token {
  /** `word`: a bare name or keyword, in lower case. `parameter`: `:name`, its text is the name. `broken`: a quote or comment that does not end. */
  readonly kind: 'word' | 'quoted' | 'number' | 'parameter' | 'symbol' | 'broken';
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** Where it begins and ends in the text. */
  readonly start: number;
  readonly end: number;
  /** True when nothing but white space stands before it on its line. */
  readonly first: boolean;
}

const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const NUMBER = /(?:\d[\w]*(?:\.\w*)?|\.\d\w*)/y;
const DOLLAR = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const PARAMETER = /:([A-Za-z_][A-Za-z0-9_]*)/y;

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Index after the closing quote that is not doubled (nor escaped); undefined when there is none. */
function closing(text: string, from: number, quote: string, escapes: boolean): number | undefined {
  for (let at = from; at < text.length; at += 1) {
    if (escapes && text[at] === '\\') at += 1;
    else if (text[at] === quote) {
      if (text[at + 1] !== quote || quote === ']') return at + 1;
      at += 1;
    }
  }
  return undefined;
}

function blockComment(text: string, from: number, nested: boolean): number | undefined {
  let depth = 1;
  for (let at = from + 2; at < text.length; at += 1) {
    if (text.startsWith('*/', at)) {
      depth -= 1;
      at += 1;
      if (depth === 0) return at + 1;
    } else if (nested && text.startsWith('/*', at)) {
      depth += 1;
      at += 1;
    }
  }
  // SQLite takes the end of the file for the end of the comment.
  return nested ? undefined : text.length;
}

/** Cuts SQL into tokens as that database's own reader does (PostgreSQL: with `standard_conforming_strings`). */
export function tokens(text: string, dialect: Dialect): Token[] {
  const found: Token[] = [];
  const postgres = dialect === 'postgres';
  let line = 1;
  let lineStart = 0;
  let at = 0;
  const counted = (to: number): void => {
    for (let index = text.indexOf('\n', at); index >= 0 && index < to; index = text.indexOf('\n', index + 1)) {
      line += 1;
      lineStart = index + 1;
    }
    at = to;
  };
  const add = (kind: Token['kind'], value: string, end: number): void => {
    found.push({ kind, text: value, line, start: at, end, first: text.slice(lineStart, at).trim() === '' });
    counted(end);
  };
  const quoted = (from: number, quote: string, escapes: boolean): void => {
    const end = closing(text, from, quote, escapes);
    add(end === undefined ? 'broken' : 'quoted', text.slice(at, end ?? at + 20), end ?? text.length);
  };
  while (at < text.length) {
    const char = text[at] as string;
    if (/\s/.test(char)) counted(at + 1);
    else if (text.startsWith('--', at)) {
      const end = text.indexOf('\n', at);
      counted(end < 0 ? text.length : end);
    } else if (text.startsWith('/*', at)) {
      const end = blockComment(text, at, postgres);
      if (end === undefined) add('broken', '/*', text.length);
      else counted(end);
    } else if (char === "'") quoted(at + 1, "'", false);
    else if (postgres && /e/i.test(char) && text[at + 1] === "'") quoted(at + 2, "'", true);
    else if (char === '"') quoted(at + 1, '"', false);
    else if (!postgres && char === '`') quoted(at + 1, '`', false);
    else if (!postgres && char === '[') quoted(at + 1, ']', false);
    else {
      const dollar = postgres ? match(DOLLAR, text, at) : null;
      const word = match(WORD, text, at);
      const parameter = match(PARAMETER, text, at);
      const number = match(NUMBER, text, at);
      if (dollar !== null) {
        const end = text.indexOf(dollar[0], at + dollar[0].length);
        add(
          end < 0 ? 'broken' : 'quoted',
          end < 0 ? dollar[0] : text.slice(at, end + dollar[0].length),
          end < 0 ? text.length : end + dollar[0].length,
        );
      } else if (word !== null) add('word', word[0].toLowerCase(), at + word[0].length);
      else if (text.startsWith('::', at)) add('symbol', '::', at + 2);
      else if (parameter !== null) add('parameter', parameter[1] as string, at + parameter[0].length);
      else if (number !== null) add('number', number[0], at + number[0].length);
      else add('symbol', char, at + 1);
    }
  }
  return found;
}

/** The tokens of each statement. A `;` inside of a body (`CREATE … BEGIN … END`, `CASE … END` in it) ends nothing. */
export function statements(all: readonly Token[]): Token[][] {
  const found: Token[][] = [];
  let current: Token[] = [];
  let depth = 0;
  for (const token of all) {
    const creates = current[0]?.text === 'create';
    if (creates && token.kind === 'word') {
      if (token.text === 'begin' || (token.text === 'case' && depth > 0)) depth += 1;
      else if (token.text === 'end' && depth > 0) depth -= 1;
    }
    if (token.kind === 'symbol' && token.text === ';' && depth === 0) {
      if (current.length > 0) found.push(current);
      current = [];
    } else current.push(token);
  }
  if (current.length > 0) found.push(current);
  return found;
}
