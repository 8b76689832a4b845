import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CliResult } from './cli.ts';
import { createCli } from './cli.ts';
import type { Sshd } from './sshd.ts';

/** A data folder with a stack of its own and one environment behind a real sshd whose key is trusted; made by the command line. */
export async function furnish(options: {
  readonly dataFolder: string;
  readonly name: string;
  readonly tier: 'production' | 'staging' | 'development';
  readonly stackId: string;
  readonly stackText: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly sshd: Sshd;
}): Promise<(args: readonly string[], input?: string) => Promise<CliResult>> {
  const { dataFolder, name, tier, stackId, sshd } = options;
  mkdirSync(join(dataFolder, 'stacks'), { recursive: true });
  writeFileSync(join(dataFolder, 'stacks', `${stackId}.yaml`), options.stackText);
  const cli = createCli({ home: dataFolder });
  const target = { host: sshd.host, port: sshd.port, user: sshd.user, auth: [{ kind: 'key', path: sshd.clientKey.path }] };
  const profile = JSON.stringify({ name, tier, ssh: { target }, stack: stackId, inputs: options.inputs });
  for (const [args, input] of [
    [['env', 'add', '-f', '-'], profile],
    [['env', 'trust', name, '--fingerprint', sshd.hostKeys[0]?.fingerprint ?? ''], ''],
  ] as const) {
    const { code, stderr } = await cli(args, input);
    if (code !== 0) throw new Error(`quarterdeck ${args.join(' ')} ended with ${code}: ${stderr}`);
  }
  return cli;
}
