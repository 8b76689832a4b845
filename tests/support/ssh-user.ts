import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

/** A throw-away account with a password. */
export interface TestUser {
  readonly name: string;
  readonly password: string;
  remove(): void;
}

/** Why no account can be made here, or undefined. */
export function testUserUnavailable(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root: no throw-away account for passwords';
  if (spawnSync('useradd', ['--help']).status !== 0 || spawnSync('chpasswd', ['--help']).status !== 0)
    return 'useradd or chpasswd is not installed';
  return undefined;
}

/** Makes an account with a random name, and touches no other. */
export function makeTestUser(): TestUser {
  const name = `qd${randomBytes(6).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  execFileSync('useradd', ['--no-create-home', '--home-dir', '/tmp', '--shell', '/bin/sh', name], { stdio: 'pipe' });
  execFileSync('chpasswd', { input: `${name}:${password}\n`, stdio: 'pipe' });
  return { name, password, remove: () => void spawnSync('userdel', ['--force', name]) };
}
