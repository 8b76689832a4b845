import { expect, test } from 'vitest';
import type { SshHop } from '../../contract/environments.ts';
import { movedSecrets } from './moved.ts';

const hop = (host: string, more: Partial<SshHop> = {}): SshHop => ({ host, port: 22, user: 'ops', auth: [{ kind: 'password' }], ...more });

test('a route that stays the same moves nothing, nor does another port or case', () => {
  const route = { target: hop('a'), jumps: [hop('j')] };
  expect(movedSecrets(route, route)).toEqual([]);
  expect(movedSecrets(route, { target: hop('A', { port: 2222 }), jumps: [hop('j')] })).toEqual([]);
});

test('another host, or another login, never gets the password of the one before', () => {
  expect(movedSecrets({ target: hop('a'), jumps: [] }, { target: hop('b'), jumps: [] })).toEqual(['ssh-password']);
  expect(movedSecrets({ target: hop('a'), jumps: [] }, { target: hop('a', { user: 'root' }), jumps: [] })).toEqual(['ssh-password']);
});

test('removing the first jump does not hand its password to the second', () => {
  const moved = movedSecrets({ target: hop('t'), jumps: [hop('j1'), hop('j2')] }, { target: hop('t'), jumps: [hop('j2')] });
  expect(moved).toContain('jump-1-password');
  expect(moved).toContain('jump-2-password');
  expect(moved).not.toContain('ssh-password');
});

test('a passphrase goes with its key file', () => {
  const key = (path: string) => hop('a', { auth: [{ kind: 'key', path }] });
  expect(movedSecrets({ target: key('/k1'), jumps: [] }, { target: key('/k2'), jumps: [] })).toEqual(['ssh-key-passphrase']);
  expect(movedSecrets({ target: key('/k1'), jumps: [] }, { target: { ...key('/k1'), host: 'b' }, jumps: [] })).not.toContain(
    'ssh-key-passphrase',
  );
});
