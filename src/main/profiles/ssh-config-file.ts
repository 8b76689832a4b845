import { glob, readFile, stat } from 'node:fs/promises';
import { homedir, hostname, userInfo } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { SshConfigHost } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import { cleanText } from '../drivers/text.ts';
import type { ConfigNode } from './ssh-config.ts';
import { concreteAliases, shown, splitConfig } from './ssh-config.ts';
import type { ConfigSurroundings } from './ssh-config-hosts.ts';
import { hostOf } from './ssh-config-hosts.ts';

/** As OpenSSH's READCONF_MAX_DEPTH. */
const MAX_DEPTH = 16;
const MAX_FILES = 500;
const MAX_BYTES = 1024 * 1024;
const SYSTEM_CONFIG = '/etc/ssh/ssh_config';

/** What a configuration is read with; everything has a default. */
export interface SshConfigSource {
  /** Default `~/.ssh/config`, followed by the system's own file, as ssh does. */
  readonly path?: string;
  readonly home?: string;
  /** The system's file; only read when `path` is not given. */
  readonly systemFile?: string;
  readonly user?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads a client configuration and resolves each alias it names.
 * @throws Problem `not-found` when a named file does not exist, `bad-input` when it is no configuration file.
 */
export async function readSshConfigHosts(
  source: SshConfigSource = {},
): Promise<{ path: string; hosts: SshConfigHost[]; warnings: string[] }> {
  const home = source.home ?? homedir();
  const path = resolve(
    source.path === undefined
      ? join(home, '.ssh', 'config')
      : source.path.startsWith('~/')
        ? join(home, source.path.slice(2))
        : source.path,
  );
  const warnings: string[] = [];
  const warn = (warning: string): void => void warnings.push(cleanText(warning, { maxLength: 500 }));
  const reader = createReader(home, warn);
  const nodes = await reader.read(path, join(home, '.ssh'));
  if (nodes === undefined) {
    if (source.path !== undefined)
      throw new Problem('not-found', `There is no file ${cleanText(path, { maxLength: 300 })}.`, {
        hint: 'Give the path of an OpenSSH client configuration.',
      });
    warn(`There is no ${path}; ssh has no hosts of its own here.`);
  }
  // ssh reads the system's file after the user's; with a file of one's own (-F) it doesn't.
  const system = source.path === undefined ? await reader.read(source.systemFile ?? SYSTEM_CONFIG, '/etc/ssh') : undefined;
  const surroundings: ConfigSurroundings = {
    home,
    user: source.user ?? userInfo().username,
    machine: hostname(),
    env: source.env ?? process.env,
  };
  const hosts: SshConfigHost[] = [];
  for (const alias of concreteAliases(nodes ?? []).slice(0, MAX_FILES))
    hosts.push(await hostOf(alias, [...(nodes ?? []), ...barrier, ...(system ?? [])], surroundings));
  return { path, hosts, warnings: [...new Set(warnings)] };
}

/** A new file begins outside any `Host` block. */
const barrier: readonly ConfigNode[] = [{ kind: 'match', args: ['all'], at: '' }];

function createReader(home: string, warn: (warning: string) => void) {
  let files = 0;
  const read = async (path: string, base: string, above: readonly string[] = []): Promise<ConfigNode[] | undefined> => {
    const text = await readText(path);
    if (text === undefined) return undefined;
    files += 1;
    const nodes: ConfigNode[] = [];
    for (const line of splitConfig(text, path, warn)) {
      const { keyword, args, at } = line;
      if (keyword === 'host') nodes.push({ kind: 'host', patterns: args, at });
      else if (keyword === 'match') nodes.push({ kind: 'match', args, at });
      else if (keyword === 'include') nodes.push({ kind: 'include', files: await include(args, base, [...above, path], at), at });
      else nodes.push({ kind: 'option', keyword, args, at });
    }
    return nodes;
  };
  const include = async (patterns: readonly string[], base: string, above: readonly string[], at: string): Promise<ConfigNode[][]> => {
    const found: ConfigNode[][] = [];
    if (above.length > MAX_DEPTH) {
      warn(`${at}: Include is nested deeper than ${MAX_DEPTH}; it is ignored`);
      return found;
    }
    for (const pattern of patterns) {
      for (const path of await matches(pattern, base, home)) {
        if (above.includes(path)) warn(`${at}: Include of ${path} goes in a circle; it is ignored`);
        else if (files >= MAX_FILES) warn(`${at}: more than ${MAX_FILES} files are included; the rest is ignored`);
        else found.push((await readIncluded(path, base, above, at)) ?? []);
      }
    }
    return found;
  };
  const readIncluded = async (path: string, base: string, above: readonly string[], at: string): Promise<ConfigNode[] | undefined> => {
    try {
      return await read(path, base, above);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      warn(`${at}: ${shown('Include')}: ${error.message}`);
      return undefined;
    }
  };
  return { read };
}

async function matches(pattern: string, base: string, home: string): Promise<string[]> {
  const absolute =
    pattern === '~' || pattern.startsWith('~/') ? join(home, pattern.slice(1)) : isAbsolute(pattern) ? pattern : join(base, pattern);
  if (!/[*?[]/.test(absolute)) return [resolve(absolute)];
  const found: string[] = [];
  // glob(3) knows no `**`; here it would walk everything below, which may be the whole disk.
  for await (const path of glob(absolute.replace(/\*{2,}/g, '*'))) found.push(resolve(path));
  // glob(3) sorts, and leaves out hidden files unless the dot is written.
  return found
    .filter((path) => !(path.split('/').at(-1) ?? '').startsWith('.') || (pattern.split('/').at(-1) ?? '').startsWith('.'))
    .sort();
}

async function readText(path: string): Promise<string | undefined> {
  try {
    const facts = await stat(path);
    if (!facts.isFile() || facts.size > MAX_BYTES)
      throw new Problem(
        'bad-input',
        `${cleanText(path, { maxLength: 300 })} is not a configuration file (${facts.isFile() ? 'larger than 1 MiB' : 'no regular file'}).`,
      );
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Problem) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new Problem('bad-input', `${cleanText(path, { maxLength: 300 })} can’t be read (${code ?? 'unknown error'}).`, {
      hint: 'Check its permissions.',
      cause: error,
    });
  }
}
