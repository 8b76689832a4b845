/** How a pasted text relates to the fingerprint that the server presents. */
export type PasteVerdict = 'empty' | 'equal' | 'different' | 'not-a-fingerprint';

/** Finds the fingerprint in what was pasted: alone, or within the whole line that `ssh-keygen -lf` prints. */
export function fingerprintIn(text: string): string | undefined {
  return /SHA256:[A-Za-z0-9+/]{43}(?![A-Za-z0-9+/])/.exec(text)?.[0];
}

/** Compares what was pasted with what the server presents. */
export function judgePaste(text: string, offered: string): PasteVerdict {
  if (text.trim() === '') return 'empty';
  const found = fingerprintIn(text);
  if (found === undefined) return 'not-a-fingerprint';
  return found === offered ? 'equal' : 'different';
}

/** The file on the server that holds the public half of a key type. */
export function keyFileOf(type: string): string {
  if (type.includes('ed25519')) return '/etc/ssh/ssh_host_ed25519_key.pub';
  if (type.includes('ecdsa')) return '/etc/ssh/ssh_host_ecdsa_key.pub';
  return '/etc/ssh/ssh_host_rsa_key.pub';
}

/** A fingerprint in groups of eight, to be compared by eye. */
export function inGroups(fingerprint: string): string[] {
  const body = fingerprint.replace(/^SHA256:/, '');
  return ['SHA256:', ...(body.match(/.{1,8}/g) ?? [])];
}
