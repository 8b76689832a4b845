import { wildcardMatch } from '../drivers/ssh/known-hosts.ts';
import type { ConfigNode } from './ssh-config.ts';
import { shown } from './ssh-config.ts';

/** What ssh would know of a host: the first value of each keyword, and all of those that add up. */
export interface ResolvedOptions {
  /** Lower-case keyword → first value. */
  readonly first: ReadonlyMap<string, readonly string[]>;
  readonly identityFiles: readonly string[];
  /** `ProxyJump` and `ProxyCommand` compete; whichever comes first. */
  readonly proxy: { readonly kind: 'jump' | 'command'; readonly value: string } | undefined;
  readonly warnings: readonly string[];
}

/** What is set from outside before the configuration is read (`-l`, `-p` of a jump). */
export interface Given {
  readonly user?: string;
  readonly port?: string;
}

/** Resolves one host name through the tree, as `ssh -G` would. Nothing is run: `Match exec` is skipped. */
export function resolveOptions(alias: string, nodes: readonly ConfigNode[], localUser: string, given: Given = {}): ResolvedOptions {
  const first = new Map<string, readonly string[]>();
  const identityFiles: string[] = [];
  const warnings = new Set<string>();
  let proxy: ResolvedOptions['proxy'];
  if (given.user !== undefined) first.set('user', [given.user]);
  if (given.port !== undefined) first.set('port', [given.port]);

  const option = (keyword: string, args: readonly string[]): void => {
    const value = args[0] ?? '';
    if (keyword === 'identityfile') {
      if (!identityFiles.includes(value)) identityFiles.push(value);
    } else if (keyword === 'proxyjump') proxy ??= { kind: 'jump', value };
    else if (keyword === 'proxycommand') proxy ??= { kind: 'command', value: args.join(' ') };
    else if (!first.has(keyword)) first.set(keyword, args);
  };
  const criteria = {
    alias,
    localUser,
    host: () => expandHost(first.get('hostname')?.[0], alias),
    user: () => first.get('user')?.[0] ?? localUser,
  };

  /** Reads nodes; answers whether what follows counts. A block that `never` counts keeps all within from counting, too. */
  const walk = (list: readonly ConfigNode[], active: boolean, never: boolean): void => {
    let counts = active;
    for (const node of list) {
      switch (node.kind) {
        case 'host':
          counts = !never && hostMatches(node.patterns, alias);
          break;
        case 'match': {
          const answer = matchAnswer(node.args, criteria);
          if (typeof answer === 'string' && !never) warnings.add(`${node.at}: ${answer}; the block is left out`);
          counts = !never && answer === true;
          break;
        }
        case 'include':
          for (const file of node.files) walk(file, counts, never || !counts);
          break;
        case 'option':
          if (counts) option(node.keyword, node.args);
          break;
      }
    }
  };
  walk(nodes, true, false);
  return { first, identityFiles, proxy, warnings: [...warnings] };
}

/** `Host`: some pattern must match, and no negated one may. */
function hostMatches(patterns: readonly string[], alias: string): boolean {
  if (patterns.some((pattern) => pattern.startsWith('!') && wildcardMatch(pattern.slice(1), alias))) return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && wildcardMatch(pattern, alias));
}

/** `HostName` with `%h` and `%%`; the alias itself when there is none. */
export function expandHost(value: string | undefined, alias: string): string {
  return value === undefined ? alias : value.replace(/%([h%])/g, (_, token: string) => (token === 'h' ? alias : '%'));
}

interface Criteria {
  readonly alias: string;
  readonly localUser: string;
  host(): string;
  user(): string;
}

/** Whether a `Match` holds; a text says why that can't be told. Every criterion must hold. */
function matchAnswer(args: readonly string[], criteria: Criteria): boolean | string {
  let holds = true;
  let unsupported: string | undefined;
  for (let at = 0; at < args.length; at += 1) {
    // `Match host=name` is one word to the reader and two to ssh.
    const [word = '', attached] = splitOnce(args[at] as string);
    const negated = word.startsWith('!');
    const name = (negated ? word.slice(1) : word).toLowerCase();
    if (name === 'all') {
      if (args.length !== 1) return 'Match all stands with other criteria';
      return !negated;
    }
    if (name === 'canonical' || name === 'final') {
      // Those are for a second reading of the file, which is not done here. Negated they hold in the first.
      if (!negated) unsupported ??= `Match ${name} is not supported`;
      continue;
    }
    if (attached === undefined) at += 1;
    const value = attached ?? args[at];
    if (value === undefined) return `Match ${shown(name)} has no argument`;
    const subject = subjectOf(name, criteria);
    if (subject === undefined)
      unsupported ??= `Match ${shown(name)} is not supported${name === 'exec' ? ' (commands in a configuration are never run)' : ''}`;
    else if (listMatches(value.split(','), subject.text, subject.fold) === negated) holds = false;
  }
  // When a criterion that is understood fails, the others make no difference.
  return holds && unsupported !== undefined ? unsupported : holds;
}

function splitOnce(word: string): [string, string | undefined] {
  const at = word.indexOf('=');
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function subjectOf(name: string, criteria: Criteria): { text: string; fold: boolean } | undefined {
  switch (name) {
    case 'host':
      return { text: criteria.host(), fold: true };
    case 'originalhost':
      return { text: criteria.alias, fold: true };
    case 'user':
      return { text: criteria.user(), fold: false };
    case 'localuser':
      return { text: criteria.localUser, fold: false };
    default:
      return undefined;
  }
}

function listMatches(patterns: readonly string[], text: string, fold: boolean): boolean {
  const clean = (value: string): string => (fold ? value.toLowerCase() : value);
  return hostMatches(patterns.map(clean), clean(text));
}
