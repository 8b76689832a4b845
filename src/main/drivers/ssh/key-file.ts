import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ParsedKey } from 'ssh2';
import ssh2 from 'ssh2';
import { Problem } from '../../../contract/problem.ts';
import { cleanText } from '../text.ts';
import { keyTypeOf } from './fingerprint.ts';
import { reasonOf } from './problems.ts';

/** A private key, read: usable as it is, or in want of its passphrase. */
export type KeyFile =
  | { readonly state: 'ready'; readonly key: ParsedKey }
  | { readonly state: 'locked'; unlock(passphrase: string): ParsedKey | undefined };

/** A key of 16384 bits is 13 kB; nothing near this is a key. */
const longest = 1024 * 1024;

/**
 * Reads a private key (OpenSSH's format or PEM). Throws `key-file-unreadable` for a file that is absent or no private
 * key, and for kinds that are not supported (hardware keys `sk-…`, certificates), saying what to do instead. `unlock`
 * answers undefined for a wrong passphrase.
 */
export async function readKeyFile(path: string): Promise<KeyFile> {
  const file = path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
  const shown = cleanText(path, { maxLength: 500 });
  const unusable = (why: string, hint: string, cause?: unknown): Problem =>
    new Problem('key-file-unreadable', `The key file ${shown} ${why}.`, {
      hint,
      detail: { path: shown },
      ...(cause === undefined ? {} : { cause }),
    });
  let data: Buffer;
  try {
    // The path may come from a profile somebody sent: a pipe would be waited for, a device read without end.
    const facts = await stat(file);
    if (!facts.isFile()) throw unusable('is no regular file', 'Choose the private key file.');
    if (facts.size > longest) throw unusable('is too large for a key', 'Choose the private key file.');
    data = await readFile(file);
  } catch (error) {
    if (error instanceof Problem) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw unusable(code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`, 'Check the path and its permissions.', error);
  }
  const text = data.toString('latin1');
  const facts = openSshFacts(text);
  const publicType = /^([a-z0-9@.-]+) AAAA/.exec(text)?.[1];
  if ((facts?.type ?? publicType)?.startsWith('sk-') === true)
    throw unusable(
      'belongs to a hardware security key (sk-…), which is not supported directly',
      'Add it to your SSH agent (ssh-add) and choose the agent, or use another key.',
    );
  if ((facts?.type ?? publicType)?.includes('-cert-v0') === true)
    throw unusable('is an SSH certificate, and certificates are not supported', 'Use a plain key that the host lists in authorized_keys.');
  if (publicType !== undefined) throw unusable('holds the public half of the key', 'Choose the file without “.pub”.');
  const parse = (passphrase?: string): ParsedKey | Error => {
    const parsed = ssh2.utils.parseKey(data, passphrase);
    return Array.isArray(parsed) ? (parsed[0] ?? new Error('it holds no key')) : parsed;
  };
  if (facts?.encrypted === true || /ENCRYPTED/.test(text.slice(0, 400))) {
    return {
      state: 'locked',
      unlock: (passphrase) => {
        const key = parse(passphrase);
        return key instanceof Error ? undefined : key;
      },
    };
  }
  const key = parse();
  if (key instanceof Error)
    throw unusable(`is not a usable private key (${reasonOf(key)})`, 'Convert it with: ssh-keygen -p -f <copy of the key>', key);
  if (!key.isPrivateKey()) throw unusable('holds no private key', 'Choose the private key file.');
  return { state: 'ready', key };
}

/** Reads what OpenSSH's private key format says in the clear: whether it is encrypted, and the type of the key. */
function openSshFacts(text: string): { encrypted: boolean; type: string } | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(text)?.[1];
  if (body === undefined) return undefined;
  const blob = Buffer.from(body, 'base64');
  const magic = 'openssh-key-v1\0';
  if (blob.toString('latin1', 0, magic.length) !== magic) return undefined;
  let at = magic.length;
  const next = (): Buffer => {
    const length = at + 4 <= blob.length ? blob.readUInt32BE(at) : 0;
    const value = blob.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    return value;
  };
  const cipher = next().toString('latin1');
  next();
  next();
  at += 4;
  return { encrypted: cipher !== 'none', type: keyTypeOf(next()) };
}
