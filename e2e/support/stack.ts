import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Sshd } from '../../tests/support/sshd.ts';
import type { HostOptions } from './host.ts';

const cli = fileURLToPath(new URL('../../src/main/cli.ts', import.meta.url));

/** A host whose data folder has a user's stack and an environment of it, its key trusted: what the profile journey shows needs no second showing. */
export function furnished(options: {
  readonly sshd: Sshd;
  readonly stackId: string;
  readonly stackText: string;
  readonly name: string;
  readonly tier: 'production' | 'staging' | 'development';
  readonly inputs: Readonly<Record<string, string>>;
}): HostOptions {
  const { sshd, stackId, stackText, name, tier, inputs } = options;
  return {
    furnish(home) {
      const data = join(dirname(home), 'data');
      mkdirSync(join(data, 'stacks'), { recursive: true });
      writeFileSync(join(data, 'stacks', `${stackId}.yaml`), stackText);
      const target = { host: sshd.host, port: sshd.port, user: sshd.user, auth: [{ kind: 'key', path: sshd.clientKey.path }] };
      const run = (args: readonly string[], input = ''): void => {
        execFileSync(process.execPath, [cli, ...args], {
          input,
          env: { PATH: process.env['PATH'] ?? '', HOME: home, QUARTERDECK_HOME: data },
          stdio: ['pipe', 'pipe', 'pipe'],
        });
      };
      run(['env', 'add', '-f', '-'], JSON.stringify({ name, tier, ssh: { target }, stack: stackId, inputs }));
      run(['env', 'trust', name, '--fingerprint', sshd.hostKeys[0]?.fingerprint ?? '']);
    },
  };
}
