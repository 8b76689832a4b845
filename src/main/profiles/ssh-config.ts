/**
 * Reads OpenSSH client configuration text into a tree, by the rules of ssh_config(5) and readconf.c. Nothing is resolved
 * here: see `ssh-config-resolve.ts`.
 */

/** Where a line stands, for warnings: `file:line`. */
export type SourceLine = string;

/** `Keyword argument…`; the keyword is in lower case. */
export interface ConfigOption {
  readonly kind: 'option';
  readonly keyword: string;
  readonly args: readonly string[];
  readonly at: SourceLine;
}

/** `Host pattern…`: what follows counts for hosts that match. */
export interface ConfigHost {
  readonly kind: 'host';
  readonly patterns: readonly string[];
  readonly at: SourceLine;
}

/** `Match criterion…`. */
export interface ConfigMatch {
  readonly kind: 'match';
  readonly args: readonly string[];
  readonly at: SourceLine;
}

/** `Include`: the files' own nodes, in order, already read. */
export interface ConfigInclude {
  readonly kind: 'include';
  readonly files: readonly (readonly ConfigNode[])[];
  readonly at: SourceLine;
}

export type ConfigNode = ConfigOption | ConfigHost | ConfigMatch | ConfigInclude;

/** A line of configuration, split. */
export interface ConfigLine {
  readonly keyword: string;
  readonly args: readonly string[];
  readonly at: SourceLine;
}

/**
 * Splits text into lines of keyword and arguments: comments and empty lines left out, quotes taken off, `Keyword=value` read
 * as `Keyword value`. `warn` is told of lines that can't be read; ssh would refuse the whole file.
 */
export function splitConfig(text: string, file: string, warn: (warning: string) => void): ConfigLine[] {
  const lines: ConfigLine[] = [];
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const at = `${file}:${index + 1}`;
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    // strdelim(): the keyword ends at white space or the first `=`; it may itself be quoted.
    const head = /^(?:"([^"]*)"|([^\s="]+))[\s]*=?[\s]*(.*)$/s.exec(line);
    const keyword = (head?.[1] ?? head?.[2] ?? '').toLowerCase();
    const args = splitArguments(head?.[3] ?? '');
    if (keyword === '' || args === undefined) warn(`${at}: the line can’t be read (unbalanced quotes?); it is ignored`);
    else if (args.length === 0) warn(`${at}: ${shown(keyword)} has no argument; the line is ignored`);
    else lines.push({ keyword, args, at });
  }
  return lines;
}

/** As `argv_split` does: white space parts, both kinds of quotes, a backslash before a quote or itself, `#` begins a comment. */
export function splitArguments(text: string): string[] | undefined {
  const args: string[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at] as string;
    if (/\s/.test(char)) at += 1;
    else if (char === '#') break;
    else {
      const word = takeWord(text, at);
      if (word === undefined) return undefined;
      args.push(word.value);
      at = word.end;
    }
  }
  return args;
}

function takeWord(text: string, start: number): { value: string; end: number } | undefined {
  let value = '';
  let quote = '';
  let at = start;
  for (; at < text.length; at += 1) {
    const char = text[at] as string;
    const next = text[at + 1];
    if (char === '\\' && next !== undefined && (next === '"' || next === "'" || next === '\\' || (quote === '' && next === ' '))) {
      value += next;
      at += 1;
    } else if (quote === '' && /\s/.test(char)) break;
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else if (quote !== '' && char === quote) quote = '';
    else value += char;
  }
  return quote === '' ? { value, end: at } : undefined;
}

/** A keyword as it may stand in a warning. */
export function shown(keyword: string): string {
  return keyword.replace(/[^\x21-\x7e]/g, '?').slice(0, 40);
}

/** The `Host` aliases that name one host: no wildcard, no negation. In order, without doubles. */
export function concreteAliases(nodes: readonly ConfigNode[]): string[] {
  const found = new Set<string>();
  const walk = (list: readonly ConfigNode[]): void => {
    for (const node of list) {
      if (node.kind === 'include') for (const file of node.files) walk(file);
      else if (node.kind === 'host')
        for (const pattern of node.patterns) if (!/[*?]/.test(pattern) && !pattern.startsWith('!')) found.add(pattern);
    }
  };
  walk(nodes);
  return [...found];
}
