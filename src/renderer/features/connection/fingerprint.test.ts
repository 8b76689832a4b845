import { expect, it } from 'vitest';
import { fingerprintIn, inGroups, judgePaste, keyFileOf } from './fingerprint.ts';

const offered = 'SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDiOeWqpVtsjPnrlXk';

it.each([
  ['', 'empty'],
  ['   ', 'empty'],
  [offered, 'equal'],
  [`256 ${offered} root@host (ED25519)`, 'equal'],
  [`${offered}\n`, 'equal'],
  ['SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM', 'different'],
  [offered.toLowerCase(), 'not-a-fingerprint'],
  [offered.slice(0, -1), 'not-a-fingerprint'],
  [`${offered}A`, 'not-a-fingerprint'],
  ['MD5:aa:bb', 'not-a-fingerprint'],
])('%j is %s', (pasted, verdict) => expect(judgePaste(pasted, offered)).toBe(verdict));

it('finds the fingerprint within a line', () => expect(fingerprintIn(`x ${offered} y`)).toBe(offered));
it('shows every character of it', () => expect(inGroups(offered).join('')).toBe(offered));
it('names the file of the key type', () => {
  expect(keyFileOf('ssh-ed25519')).toContain('ed25519');
  expect(keyFileOf('ecdsa-sha2-nistp256')).toContain('ecdsa');
  expect(keyFileOf('rsa-sha2-512')).toContain('rsa');
});
