import type { SshConfigHost, SshRoute } from '../../contract/environments.ts';
import { SshHop } from '../../contract/environments.ts';
import { cleanText } from '../drivers/text.ts';
import type { ConfigNode } from './ssh-config.ts';
import type { AuthSurroundings } from './ssh-config-auth.ts';
import { authOf } from './ssh-config-auth.ts';
import type { Given } from './ssh-config-resolve.ts';
import { expandHost, resolveOptions } from './ssh-config-resolve.ts';

const MAX_JUMPS = 8;

/** What a configuration refers to without naming it. */
export interface ConfigSurroundings extends AuthSurroundings {
  /** The name of the local user: the login name when none is given. */
  readonly user: string;
}

/** One alias as an environment's route, with what could not be taken over. No route when it would not be the one ssh takes. */
export async function hostOf(alias: string, nodes: readonly ConfigNode[], surroundings: ConfigSurroundings): Promise<SshConfigHost> {
  const warnings: string[] = [];
  const walker = createWalker(nodes, surroundings, (warning) => void warnings.push(cleanText(warning, { maxLength: 500 })));
  const hops = await walker.hops(alias, {}, []);
  const target = hops?.at(-1);
  const jumps = hops?.slice(0, -1) ?? [];
  if (jumps.length > MAX_JUMPS) warnings.push(`The way has ${jumps.length} jump hosts; ${MAX_JUMPS} are supported.`);
  const route: SshRoute | undefined = target === undefined || jumps.length > MAX_JUMPS ? undefined : { target, jumps };
  return { alias: cleanText(alias, { maxLength: 255 }), ...(route === undefined ? {} : { route }), warnings: [...new Set(warnings)] };
}

function createWalker(nodes: readonly ConfigNode[], surroundings: ConfigSurroundings, warn: (warning: string) => void) {
  /** The way to a host, its own hop last; undefined when it can't be told. `above` are the names being resolved. */
  const hops = async (alias: string, given: Given, above: readonly string[], jumpsGiven = false): Promise<SshHop[] | undefined> => {
    if (above.includes(alias)) {
      warn(`ProxyJump goes in a circle: ${[...above, alias].join(' → ')}. Write “ProxyJump none” for the first host on the way.`);
      return undefined;
    }
    const options = resolveOptions(alias, nodes, surroundings.user, given);
    for (const warning of options.warnings) warn(warning);
    for (const [keyword, words] of Object.entries(unsupported))
      if (isOn(options.first.get(keyword)?.[0])) warn(`${words} is not supported.`);
    const host = expandHost(options.first.get('hostname')?.[0], alias);
    const user = options.first.get('user')?.[0] ?? surroundings.user;
    const port = portOf(options.first.get('port')?.[0]);
    const hop = SshHop.safeParse({
      host,
      user,
      port,
      auth: await authOf(options, { alias, host, user, port: port ?? 22 }, surroundings, warn),
    });
    if (!hop.success) {
      warn(
        `${alias} can’t be taken over: ${hop.error.issues.map((issue) => `${issue.path.join('.')} is not ${issue.path[0] === 'port' ? 'a port' : (issue.message ?? 'usable')}`).join('; ')}.`,
      );
      return undefined;
    }
    if (jumpsGiven || options.proxy === undefined || options.proxy.value.toLowerCase() === 'none') return [hop.data];
    if (options.proxy.kind === 'command') {
      warn('ProxyCommand is not supported. Use ProxyJump, or add jump hosts to the environment by hand.');
      return undefined;
    }
    const before = await chain(options.proxy.value, [...above, alias]);
    return before === undefined ? undefined : [...before, hop.data];
  };

  /** `ProxyJump a,b`: a with the jumps of its own, then b, whose own jumps ssh replaces by the chain. */
  const chain = async (value: string, above: readonly string[]): Promise<SshHop[] | undefined> => {
    const way: SshHop[] = [];
    for (const [index, text] of value.split(',').entries()) {
      const jump = parseJump(text.trim());
      if (jump === undefined) {
        warn(`The jump host “${text.trim()}” can’t be read.`);
        return undefined;
      }
      const found = await hops(jump.host, jump.given, above, index > 0);
      if (found === undefined) return undefined;
      way.push(...found);
    }
    return way;
  };
  return { hops };
}

/** Options that change where or how ssh connects, and that are not taken over. */
const unsupported: Readonly<Record<string, string>> = {
  canonicalizehostname: 'CanonicalizeHostname',
  certificatefile: 'CertificateFile (SSH certificates)',
  pkcs11provider: 'PKCS11Provider',
  securitykeyprovider: 'SecurityKeyProvider',
  hostkeyalias: 'HostKeyAlias (the host key is looked up by the host’s own name)',
  userknownhostsfile: 'UserKnownHostsFile (the usual files and the app’s own store are read)',
  bindaddress: 'BindAddress',
  bindinterface: 'BindInterface',
};

function isOn(value: string | undefined): boolean {
  return value !== undefined && !['no', 'none', 'internal', '$SECURITY_KEY_PROVIDER'.toLowerCase()].includes(value.toLowerCase());
}

function portOf(value: string | undefined): number | undefined {
  if (value === undefined) return 22;
  return /^\d{1,5}$/.test(value) ? Number(value) : undefined;
}

/** `[user@]host[:port]`, `[user@][v6]:port`, or an `ssh://` address. */
function parseJump(text: string): { host: string; given: Given } | undefined {
  const plain = text.replace(/^ssh:\/\//, '').replace(/\/$/, '');
  const at = plain.lastIndexOf('@');
  const user = at < 0 ? undefined : plain.slice(0, at);
  const rest = plain.slice(at + 1);
  const parts = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(rest) ?? /^([^:[\]]+)(?::(\d{1,5}))?$/.exec(rest) ?? /^([0-9A-Fa-f:]+)$/.exec(rest);
  if (parts?.[1] === undefined || user === '') return undefined;
  return { host: parts[1], given: { ...(user === undefined ? {} : { user }), ...(parts[2] === undefined ? {} : { port: parts[2] }) } };
}
