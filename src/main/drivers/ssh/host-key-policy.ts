import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { HostKeyQuestion, KnownHostKey } from '../../../contract/connections.ts';
import type { ProblemCode } from '../../../contract/problem.ts';
import { Problem } from '../../../contract/problem.ts';
import { cleanText } from '../text.ts';
import { fingerprintOf, keyTypeOf } from './fingerprint.ts';
import type { KnownHostsEntry } from './known-hosts.ts';
import { knownHostsName, parseKnownHosts } from './known-hosts.ts';
import type { HostKeyDecision, HostKeyPolicy } from './types.ts';

/** A key the user accepted in the app. `host` is compared without regard to case. */
export interface AppHostKey {
  readonly host: string;
  readonly port: number;
  readonly type: string;
  readonly fingerprint: string;
}

/** What {@link createHostKeyPolicy} reads. */
export interface HostKeyPolicyOptions {
  /** known_hosts files; one that does not exist is empty. Default {@link systemKnownHosts}. */
  readonly files?: readonly string[];
  /** The app's own keys; asked at every decision, so that a forgotten key is forgotten at once. */
  readonly stored: () => readonly AppHostKey[];
}

/** A {@link HostKeyPolicy} and what was wrong with its files. */
export interface LoadedHostKeyPolicy extends HostKeyPolicy {
  /** Lines that were skipped and files that could not be read, in words. */
  readonly warnings: readonly string[];
}

/** The user's and the machine's known_hosts files, as OpenSSH reads them. */
export function systemKnownHosts(): string[] {
  const home = homedir();
  return [join(home, '.ssh', 'known_hosts'), join(home, '.ssh', 'known_hosts2'), '/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];
}

/**
 * Loads the known hosts and answers for them. Rules, in this order: a key revoked anywhere is refused; a recorded key is
 * accepted; other recorded keys mean *changed*; only certificate authorities on record mean *unsupported* (ssh2 knows
 * no certificates); nothing on record means *unknown*. A file that exists and cannot be read makes the load fail, because
 * it may hold the revocation that matters.
 */
export async function createHostKeyPolicy(options: HostKeyPolicyOptions): Promise<LoadedHostKeyPolicy> {
  const warnings: string[] = [];
  const entries: KnownHostsEntry[] = [];
  for (const path of options.files ?? systemKnownHosts()) {
    const text = await readIfThere(path);
    if (text === undefined) continue;
    const file = parseKnownHosts(text, path);
    entries.push(...file.entries);
    warnings.push(...file.warnings);
  }
  const onRecord = (host: string, port: number): { known: KnownHostKey[]; authorities: KnownHostKey[] } => {
    const name = knownHostsName(host, port);
    const matching = entries.filter((entry) => entry.marker !== 'revoked' && entry.matches(name));
    const stored = options.stored().filter((key) => key.host.toLowerCase() === host.toLowerCase() && key.port === port);
    return {
      known: [
        ...stored.map(({ type, fingerprint }) => ({ type, fingerprint, source: 'app' })),
        ...matching.filter((entry) => entry.marker === 'none').map(asKnown),
      ],
      authorities: matching.filter((entry) => entry.marker === 'cert-authority').map(asKnown),
    };
  };
  return {
    warnings,
    knownTypes: (host, port) => [...new Set(onRecord(host, port).known.map((key) => key.type))],
    decide(hop, key) {
      const offered = { type: keyTypeOf(key), fingerprint: fingerprintOf(key) };
      const { known, authorities } = onRecord(hop.host, hop.port);
      const refuse = (verdict: HostKeyQuestion['verdict'], on: readonly KnownHostKey[]) =>
        refusal({ verdict, hop: { index: hop.index, host: hop.host, port: hop.port }, offered, known: [...on] });
      // OpenSSH honours a revocation under the names of its line only; asking of any name costs nothing and fails safe.
      const revoked = entries.filter((entry) => entry.marker === 'revoked' && entry.key.equals(key));
      if (revoked.length > 0) return refuse('revoked', revoked.map(asKnown));
      if (known.some((one) => one.fingerprint === offered.fingerprint)) return { verdict: 'accept' };
      if (known.length > 0) return refuse('changed', known);
      if (authorities.length > 0) return refuse('certificate-authority', authorities);
      return refuse('unknown', []);
    },
  };
}

function asKnown(entry: KnownHostsEntry): KnownHostKey {
  return { type: entry.type, fingerprint: entry.fingerprint, source: entry.source };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new Problem('key-file-unreadable', `The known hosts file ${path} exists but cannot be read (${code ?? 'unknown error'}).`, {
      hint: 'Make it readable for your user: it may hold the key, or the revocation, of the host you are connecting to.',
      cause: error,
    });
  }
}

const words: Record<HostKeyQuestion['verdict'], { code: ProblemCode; what: string; hint: string }> = {
  unknown: {
    code: 'host-key-unknown',
    what: 'is not known yet',
    hint: 'Compare the fingerprint with one from a trusted source (the provider’s console, a colleague) and accept it only if they are equal.',
  },
  changed: {
    code: 'host-key-changed',
    what: 'is not the one on record. Somebody may be intercepting the connection, or the host was reinstalled',
    hint: 'Find out why the key changed before anything else. If the new key is right, forget the old one and accept the new one by its fingerprint.',
  },
  revoked: {
    code: 'host-key-revoked',
    what: 'is marked @revoked',
    hint: 'Do not connect. The key is known to be compromised; the host needs a new one.',
  },
  'certificate-authority': {
    code: 'host-key-unsupported',
    what: 'is vouched for by a certificate authority only (@cert-authority), and SSH certificates are not supported here',
    hint: 'Accept the host’s own key by its fingerprint, or add its plain key to known_hosts.',
  },
};

function refusal(question: HostKeyQuestion): HostKeyDecision {
  const { code, what, hint } = words[question.verdict];
  const host = `${cleanText(question.hop.host, { maxLength: 255 })}:${question.hop.port}`;
  const old =
    question.verdict === 'changed'
      ? ` On record: ${question.known
          .slice(0, 4)
          .map((key) => `${key.fingerprint} (${key.type}, ${cleanText(key.source, { maxLength: 200 })})`)
          .join(', ')}.`
      : '';
  const message = `The key of ${host} ${what}. It offers ${question.offered.fingerprint} (${question.offered.type}).${old}`;
  return { verdict: 'refuse', question, problem: new Problem(code, message, { hint, detail: { question } }).data };
}
