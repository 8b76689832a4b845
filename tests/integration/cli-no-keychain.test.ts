import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { createCli } from '../support/cli.ts';

const home = mkdtempSync(join(tmpdir(), 'quarterdeck-no-keychain-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

it('without a keychain a secret that is gone when the command ends is not called stored', async () => {
  // Nothing listens there, so there is no Secret Service whatever this machine runs.
  const cli = createCli({ home, env: { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' } });
  const target = { host: '127.0.0.1', port: 22, user: 'u', auth: [{ kind: 'password' }] };
  const profile = {
    name: 'Shop',
    tier: 'development',
    ssh: { target },
    stack: 'friendlyface',
    inputs: { base_url: 'http://127.0.0.1:1', service_control: '/x', db_path: '/x', backup_dir: '/x', log_file: '/x', env_file: '/x' },
  };
  const added = await cli(['env', 'add', '-f', '-'], JSON.stringify(profile));
  expect(added.stderr).toBe('');
  const set = await cli(['secret', 'set', 'Shop', 'ssh-password'], 'hunter22\n');
  expect(set.code).toBe(1);
  expect(set.stderr).toContain('--secret');
  expect(set.stdout + set.stderr).not.toContain('hunter22');
});
