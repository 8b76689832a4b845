import { getCiphers } from 'node:crypto';
import type { Algorithms } from 'ssh2';

/** Signature algorithms for a host key type. RSA signs with SHA-2 only; SHA-1 (`ssh-rsa`) is not offered. */
function signatures(type: string): string[] {
  if (type === 'ssh-rsa') return ['rsa-sha2-512', 'rsa-sha2-256'];
  return hostKeyTypes.includes(type) ? [type] : [];
}

const hostKeyTypes = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'];

/**
 * What is offered in the handshake, in order. Measured: curve25519 and nistp256 cost milliseconds where
 * dh-group-exchange costs seconds of CPU; aes128-gcm is the fastest cipher without a native part. Key types already known
 * for the host come first, so that a host with several keys presents the one on record.
 */
export function algorithmsFor(knownTypes: readonly string[]): Algorithms {
  const known = knownTypes.flatMap(signatures);
  const serverHostKey = [...new Set([...known, ...hostKeyTypes.flatMap(signatures)])];
  const cipher = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes256-ctr'];
  // Electron's crypto library has no chacha20 of its own.
  if (getCiphers().includes('chacha20')) cipher.push('chacha20-poly1305@openssh.com');
  return {
    kex: [
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'ecdh-sha2-nistp256',
      'ecdh-sha2-nistp384',
      'ecdh-sha2-nistp521',
      'diffie-hellman-group14-sha256',
      'diffie-hellman-group16-sha512',
    ],
    serverHostKey,
    cipher,
    hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
    compress: ['none'],
  } as Algorithms;
}
