import { Problem } from '../../../../contract/problem.ts';

/** One assignment of an environment file. Offsets are into the text; `raw` is what stands between the quotes, or all of it. */
export interface EnvVariable {
  readonly name: string;
  /** First line, counted from 1. */
  readonly line: number;
  readonly raw: string;
  readonly quote: '' | "'" | '"';
  readonly start: number;
  readonly end: number;
  /** What follows a closing quote is neither blank nor a comment: only a shell knows what that means. */
  readonly odd: boolean;
}

const ASSIGNMENT = /[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*/y;
/** What each way of quoting lets pass unchanged, whoever reads the file: a shell, compose, docker, systemd, dotenv. */
const SAFE: Readonly<Record<EnvVariable['quote'], RegExp>> = {
  '': /^[A-Za-z0-9_.,:/+=@%~-]*$/,
  "'": /^[^'\r\n\\]*$/,
  '"': /^[^"\\$`\r\n]*$/,
};

/**
 * Reads an environment file: comments, `export`, CRLF, quoted values of several lines, a missing last line break. Whatever is no
 * assignment is left alone. @throws Problem `bad-input` naming the line of a quote that is never closed
 */
export function parseEnvFile(text: string): EnvVariable[] {
  const found: EnvVariable[] = [];
  let at = 0;
  let line = 1;
  const lineEnd = (from: number): number => {
    const next = text.indexOf('\n', from);
    return next < 0 ? text.length : next;
  };
  while (at < text.length) {
    ASSIGNMENT.lastIndex = at;
    const match = ASSIGNMENT.exec(text);
    let end = lineEnd(at);
    if (match?.[1] !== undefined) {
      const start = ASSIGNMENT.lastIndex;
      const quote = text[start] === "'" || text[start] === '"' ? text[start] : '';
      if (quote === '') {
        const rest = text.slice(start, end).replace(/\r$/, '');
        const comment = /(?:^|[ \t])#/.exec(rest);
        const raw = (comment === null ? rest : rest.slice(0, comment.index)).replace(/[ \t]+$/, '');
        found.push({ name: match[1], line, raw, quote, start, end: start + raw.length, odd: false });
      } else {
        let close = start + 1;
        while (close < text.length && text[close] !== quote) close += quote === '"' && text[close] === '\\' ? 2 : 1;
        if (close >= text.length)
          throw new Problem('bad-input', `Line ${line}: the quote after ${match[1]}= is never closed.`, {
            hint: 'Mend the file by hand; nothing was changed.',
            detail: { line },
          });
        end = lineEnd(close);
        const after = text.slice(close + 1, end).replace(/\r$/, '');
        const odd = !/^[ \t]*(#.*)?$/.test(after);
        found.push({ name: match[1], line, raw: text.slice(start + 1, close), quote, start: start + 1, end: close, odd });
      }
    }
    line += text.slice(at, end).split('\n').length;
    at = end + 1;
  }
  return found;
}

/** The one assignment of a name. @throws Problem naming the lines when there is none, several, or one that only a shell understands */
export function variableOf(text: string, name: string): EnvVariable {
  const all = parseEnvFile(text).filter((one) => one.name === name);
  const [first] = all;
  if (first === undefined)
    throw new Problem('bad-input', `${name} is not set in the file.`, { hint: 'Add it by hand first; nothing was changed.' });
  if (all.length > 1) {
    const lines = all.map(({ line }) => line);
    throw new Problem(
      'conflict',
      `${name} is set ${all.length} times, in the lines ${lines.join(', ')}: which one counts depends on who reads it.`,
      {
        hint: 'Leave one of them; nothing was changed.',
        detail: { lines },
      },
    );
  }
  if (first.odd)
    throw new Problem('not-supported', `Line ${first.line}: the value of ${name} is put together by a shell.`, {
      hint: 'Write it as one value; nothing was changed.',
      detail: { line: first.line },
    });
  return first;
}

const put = (text: string, variable: EnvVariable, raw: string) => text.slice(0, variable.start) + raw + text.slice(variable.end);

/** @throws Problem `bad-input` when a value would not be read back as it is */
function checkSafe(variable: EnvVariable, value: string): void {
  if (SAFE[variable.quote].test(value)) return;
  throw new Problem(
    'bad-input',
    `Line ${variable.line}: the new value of ${variable.name} has characters that not every reader of the file takes as they are.`,
    {
      hint:
        variable.quote === ''
          ? 'Put the value in single quotes in the file, or use a value of letters and digits.'
          : 'Use a value of letters and digits.',
    },
  );
}

/** The file with another value; every other byte is as it was. */
export function setValue(text: string, name: string, value: string): string {
  const variable = variableOf(text, name);
  checkSafe(variable, value);
  return put(text, variable, value);
}

const trimmed = (token: string) => token.replace(/^[ \t]+|[ \t]+$/g, '');
const lead = (token: string) => /^[ \t]*/.exec(token)?.[0] ?? '';

/** The entries of a list value, without the blanks around them. */
export function entriesOf(raw: string, separator: string): string[] {
  return raw
    .split(separator)
    .map(trimmed)
    .filter((entry) => entry !== '');
}

/** The file with one more entry at the end of a list; unchanged when it is there. */
export function addEntry(text: string, name: string, entry: string, separator: string): string {
  const variable = variableOf(text, name);
  const tokens = variable.raw.split(separator);
  if (tokens.some((token) => trimmed(token) === entry)) return text;
  checkSafe(variable, entry);
  if (entry.includes(separator))
    throw new Problem('bad-input', `The new entry of ${name} holds what separates the entries.`, { hint: 'Use another value.' });
  const last = tokens.findLastIndex((token) => trimmed(token) !== '');
  if (last < 0) return put(text, variable, entry + variable.raw);
  tokens.splice(last + 1, 0, (last > 0 ? lead(tokens[last] as string) : '') + entry);
  return put(text, variable, tokens.join(separator));
}

/** Where and how an entry stood in its list, so that it can be put back to the byte. Tells nothing of the entry. */
export interface EntryShape {
  readonly index: number;
  readonly before: string;
  readonly after: string;
  /** Blanks that were taken off the entry that came first then. */
  readonly gap: string;
  /** There was no other, not even an empty one after a separator. */
  readonly alone: boolean;
}

/** The file without an entry of a list; undefined when it is not there. @throws Problem `conflict` when it is there twice */
export function removeEntry(text: string, name: string, entry: string, separator: string): { text: string; shape: EntryShape } | undefined {
  const variable = variableOf(text, name);
  const tokens = variable.raw.split(separator);
  const places = tokens.flatMap((token, index) => (trimmed(token) === entry ? [index] : []));
  const [index] = places;
  if (index === undefined) return undefined;
  if (places.length > 1)
    throw new Problem('conflict', `Line ${variable.line}: the entry stands ${places.length} times in ${name}.`, {
      hint: 'Leave one of them; nothing was changed.',
    });
  const token = tokens[index] as string;
  const before = lead(token);
  const after = token.slice(before.length + entry.length);
  tokens.splice(index, 1);
  const gap = index === 0 && tokens[0] !== undefined ? lead(tokens[0]) : '';
  if (gap !== '') tokens[0] = (tokens[0] as string).slice(gap.length);
  return { text: put(text, variable, tokens.join(separator)), shape: { index, before, after, gap, alone: tokens.length === 0 } };
}

/** Undoes {@link removeEntry}. */
export function restoreEntry(text: string, name: string, entry: string, separator: string, shape: EntryShape): string {
  const variable = variableOf(text, name);
  const tokens = shape.alone ? [] : variable.raw.split(separator);
  if (shape.index === 0 && tokens[0] !== undefined) tokens[0] = shape.gap + tokens[0];
  tokens.splice(shape.index, 0, shape.before + entry + shape.after);
  return put(text, variable, tokens.join(separator));
}

/** Names and lines of other variables in whose values a text stands. */
export function alsoIn(text: string, name: string, value: string): { name: string; line: number }[] {
  return parseEnvFile(text)
    .filter((one) => one.name !== name && one.raw.includes(value))
    .map((one) => ({ name: one.name, line: one.line }));
}
