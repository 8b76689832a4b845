import { access, constants } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { SshAuth } from '../../contract/environments.ts';
import type { ResolvedOptions } from './ssh-config-resolve.ts';

const MAX_METHODS = 6;

/** What ssh tries by itself when no key file is named. Hardware keys are left out: they work through the agent. */
const DEFAULT_KEYS = ['id_rsa', 'id_ecdsa', 'id_ed25519'];

/** What key files and tokens refer to. */
export interface AuthSurroundings {
  readonly home: string;
  readonly user: string;
  /** The local machine's name. */
  readonly machine: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface Hop {
  readonly alias: string;
  readonly host: string;
  readonly user: string;
  readonly port: number;
}

/**
 * How a host is signed in to: named key files, then the agent, then a password; without named key files the agent, then the
 * usual key files that exist. `PreferredAuthentications` chooses and orders, the `…Authentication no` options take away.
 */
export async function authOf(
  options: ResolvedOptions,
  hop: Hop,
  surroundings: AuthSurroundings,
  warn: (warning: string) => void,
): Promise<SshAuth[]> {
  const value = (keyword: string): string | undefined => options.first.get(keyword)?.[0]?.toLowerCase();
  const named = options.identityFiles.filter((file) => file.toLowerCase() !== 'none');
  const keys = named.flatMap((file) => {
    const path = expandPath(file, hop, surroundings);
    if (path === undefined) warn(`The key file ${file} can’t be told (an unknown token or variable); it is left out.`);
    return path === undefined ? [] : [{ kind: 'key' as const, path }];
  });
  const agent = agentOf(value('identityagent'), value('identitiesonly') === 'yes' && keys.length > 0, warn);
  const usual = options.identityFiles.length === 0 ? await existingDefaults(surroundings.home) : [];
  const publicKey: SshAuth[] = keys.length > 0 ? [...keys, ...agent] : [...agent, ...usual];
  const wanted = (value('preferredauthentications') ?? 'publickey,password').split(',');
  const allowed = (keyword: string): boolean => value(keyword) !== 'no';
  const methods = wanted.flatMap((method): SshAuth[] => {
    if (method === 'publickey') return allowed('pubkeyauthentication') ? publicKey : [];
    if (method === 'password') return allowed('passwordauthentication') ? [{ kind: 'password' }] : [];
    if (method === 'keyboard-interactive')
      return allowed('kbdinteractiveauthentication') && allowed('challengeresponseauthentication')
        ? [{ kind: 'keyboard-interactive' }]
        : [];
    warn(`The sign-in method ${method.slice(0, 40)} is not supported.`);
    return [];
  });
  if (methods.length > MAX_METHODS) warn(`More than ${MAX_METHODS} ways to sign in; the last ones are left out.`);
  // A hop needs one; with everything taken away a password is the least surprising question.
  return methods.length === 0 ? [{ kind: 'password' }] : methods.slice(0, MAX_METHODS);
}

function agentOf(identityAgent: string | undefined, identitiesOnly: boolean, warn: (warning: string) => void): SshAuth[] {
  if (identityAgent === 'none') return [];
  if (identitiesOnly) {
    // The agent would offer all of its keys, which is what this option forbids.
    warn('IdentitiesOnly is set: the agent is left out, and only the named key files are used.');
    return [];
  }
  if (identityAgent !== undefined && identityAgent !== 'ssh_auth_sock')
    warn('IdentityAgent names a socket of its own; the agent at SSH_AUTH_SOCK is used instead.');
  return [{ kind: 'agent' }];
}

async function existingDefaults(home: string): Promise<SshAuth[]> {
  const found: SshAuth[] = [];
  for (const name of DEFAULT_KEYS) {
    const path = join(home, '.ssh', name);
    const readable = await access(path, constants.R_OK).then(
      () => true,
      () => false,
    );
    if (readable) found.push({ kind: 'key', path });
  }
  return found;
}

/** A key file's path: `~`, `${VARIABLE}`, and the tokens of ssh_config(5). Undefined when something in it is unknown. */
function expandPath(file: string, hop: Hop, surroundings: AuthSurroundings): string | undefined {
  const tokens: Record<string, string> = {
    '%': '%',
    d: surroundings.home,
    h: hop.host,
    k: hop.alias,
    L: surroundings.machine.split('.')[0] ?? '',
    l: surroundings.machine,
    n: hop.alias,
    p: String(hop.port),
    r: hop.user,
    u: surroundings.user,
  };
  let unknown = false;
  const text = file
    .replace(/%(.)/gs, (_, token: string) => {
      if (!Object.hasOwn(tokens, token)) unknown = true;
      return tokens[token] ?? '';
    })
    .replace(/\$\{([^}]*)\}/g, (_, name: string) => {
      const value = surroundings.env[name];
      if (value === undefined) unknown = true;
      return value ?? '';
    });
  if (unknown || /\p{Cc}/u.test(text)) return undefined;
  if (text.startsWith('~/')) return join(surroundings.home, text.slice(2));
  // ssh takes it from the folder it is started in, which for a window means nothing: the home folder, as in a login shell.
  return isAbsolute(text) ? text : join(surroundings.home, text);
}
