import { createHmac, timingSafeEqual } from 'node:crypto';
import { fingerprintOf, keyTypeOf } from './fingerprint.ts';

/** One usable line of a known_hosts file. */
export interface KnownHostsEntry {
  readonly marker: 'none' | 'revoked' | 'cert-authority';
  readonly type: string;
  readonly key: Buffer;
  readonly fingerprint: string;
  /** `path:line`. */
  readonly source: string;
  /** Whether the line speaks of this host. `name` is the lower-cased host, or `[host]:port` off port 22. */
  matches(name: string): boolean;
}

/** A parsed known_hosts file. `warnings` name the lines that were skipped and why. */
export interface KnownHostsFile {
  readonly entries: readonly KnownHostsEntry[];
  readonly warnings: readonly string[];
}

/** The name under which OpenSSH records a host: bare on port 22, `[host]:port` elsewhere; always lower case. */
export function knownHostsName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/** Parses known_hosts text by the rules of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". Never throws: a bad line is a warning. */
export function parseKnownHosts(text: string, path: string): KnownHostsFile {
  const entries: KnownHostsEntry[] = [];
  const warnings: string[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const source = `${path}:${index + 1}`;
    const parsed = parseLine(line, source);
    if (typeof parsed === 'string') warnings.push(`${source}: ${parsed}; the line is ignored`);
    else entries.push(parsed);
  }
  return { entries, warnings };
}

function parseLine(line: string, source: string): KnownHostsEntry | string {
  const fields = line.split(/[ \t]+/);
  let marker: KnownHostsEntry['marker'] = 'none';
  if (fields[0]?.startsWith('@')) {
    const word = fields.shift();
    if (word === '@revoked') marker = 'revoked';
    else if (word === '@cert-authority') marker = 'cert-authority';
    else return 'its marker is not known';
  }
  const [hosts, type, encoded] = fields;
  if (hosts === undefined || type === undefined || encoded === undefined) return 'it has too few fields';
  if (/^\d+$/.test(type)) return 'it is a key of the SSH 1 protocol';
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return 'its key is not base64';
  const key = Buffer.from(encoded, 'base64');
  // A key whose own type differs from the one written beside it is refused by OpenSSH, too.
  if (keyTypeOf(key) !== type) return `its key is not of the type ${JSON.stringify(type.slice(0, 60))} it claims`;
  const matches = hosts.startsWith('|') ? hashedMatcher(hosts) : patternMatcher(hosts);
  if (matches === undefined) return 'its host name is not readable';
  return { marker, type, key, fingerprint: fingerprintOf(key), source, matches };
}

/** `|1|salt|hash`: HMAC-SHA1 of the name under the salt. One host per line; no lists, no wildcards. */
function hashedMatcher(field: string): ((name: string) => boolean) | undefined {
  const [empty, magic, saltText, hashText, ...rest] = field.split('|');
  if (empty !== '' || magic !== '1' || saltText === undefined || hashText === undefined || rest.length > 0) return undefined;
  const salt = Buffer.from(saltText, 'base64');
  const hash = Buffer.from(hashText, 'base64');
  if (salt.length !== 20 || hash.length !== 20) return undefined;
  return (name) => timingSafeEqual(createHmac('sha1', salt).update(name).digest(), hash);
}

/** A comma-separated pattern list: some pattern must match, and no negated one may. */
function patternMatcher(field: string): ((name: string) => boolean) | undefined {
  const patterns = field.split(',').filter((pattern) => pattern !== '');
  if (patterns.length === 0) return undefined;
  const compiled = patterns.map((pattern) => {
    const negated = pattern.startsWith('!');
    return { negated, match: (negated ? pattern.slice(1) : pattern).toLowerCase() };
  });
  return (name) =>
    compiled.some((p) => !p.negated && wildcardMatch(p.match, name)) && !compiled.some((p) => p.negated && wildcardMatch(p.match, name));
}

/** `*` is any run and `?` any one character; everything else is literal. Linear with one backtrack point, so no pattern can stall it. */
export function wildcardMatch(pattern: string, name: string): boolean {
  let p = 0;
  let n = 0;
  let star = -1;
  let mark = 0;
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++;
      mark = n;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++mark;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
