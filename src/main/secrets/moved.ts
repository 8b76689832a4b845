import type { SshHop, SshRoute } from '../../contract/environments.ts';
import { passphraseKey, passwordKey } from './wanted.ts';

/**
 * Keys of sign-in secrets that a changed route would give to somebody else. Secrets are named by their place on the way; when
 * another host or login stands in that place, what was kept for the former one must not be sent to it.
 */
export function movedSecrets(before: SshRoute, after: SshRoute): string[] {
  const old = byKey(before);
  const now = byKey(after);
  return [...old].filter(([key, login]) => now.get(key) !== login).map(([key]) => key);
}

function byKey({ target, jumps }: SshRoute): Map<string, string> {
  const login = ({ user, host }: SshHop): string => JSON.stringify([user, host.toLowerCase()]);
  return new Map(
    [...jumps, target].flatMap((hop, index) => [
      [passwordKey(index, jumps.length), login(hop)] as const,
      [passphraseKey(index, jumps.length), keyFiles(hop)] as const,
    ]),
  );
}

/** A passphrase belongs to its key file, whichever host the key is for. */
function keyFiles(hop: SshHop): string {
  return JSON.stringify(hop.auth.flatMap((auth) => (auth.kind === 'key' ? [auth.path] : [])));
}
