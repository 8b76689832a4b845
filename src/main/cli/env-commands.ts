import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { Argument } from 'commander';
import { parse } from 'yaml';
import { EnvironmentDraft, ProfileFile } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import { connect, findEnvironment } from './client.ts';
import { ExitWith, exitCodes } from './exit.ts';
import { table } from './output.ts';
import type { CommandRunner } from './runner.ts';
import { readSecret, readStdin } from './stdin.ts';

/** `env …` and `secret …`. */
export function environmentCommands(program: Command, run: CommandRunner): void {
  const env = program.command('env').description('connection profiles');

  env
    .command('add')
    .description('add environments from a file (YAML or JSON): one profile, or an exported profile file; - is standard input')
    .requiredOption('-f, --file <file>', 'the file')
    .action((options: { file: string }) =>
      run(async ({ client, output }) => {
        const environments = await client.environments.importProfiles({ file: await readProfiles(options.file) });
        output.answer(environments, () => environments.map(({ name, tier }) => `added ${name} (${tier})`).join('\n'));
      }),
    );

  env
    .command('list')
    .description('all environments')
    .action(() =>
      run(async ({ client, output }) => {
        const environments = await client.environments.list({});
        output.answer(environments, () =>
          environments.length === 0
            ? 'No environments yet.'
            : table([
                ['NAME', 'TIER', 'STACK', 'HOST'],
                ...environments.map(({ name, tier, stack, ssh }) => [
                  name,
                  tier,
                  stack,
                  [...ssh.jumps, ssh.target].map(({ user, host, port }) => `${user}@${host}:${port}`).join(' → '),
                ]),
              ]),
        );
      }),
    );

  env
    .command('trust')
    .argument('<name>')
    .description("accept the host's key by its fingerprint; a changed or revoked key is refused")
    .requiredOption('--fingerprint <sha256>', 'SHA256:… as ssh-keygen -lf prints it')
    .action((name: string, options: { fingerprint: string }) =>
      run(async ({ client, output, signal }) => {
        const environment = await findEnvironment(client, name);
        // The key must be seen before it can be compared; what else stands in the way is told by trust itself.
        await client.connections.connect({ environmentId: environment.id }, { signal });
        await client.connections.trust({ environmentId: environment.id, fingerprint: options.fingerprint });
        const state = await connect(client, environment, signal);
        output.answer(state, () => `${environment.name}: trusted, connected to ${state.server?.ident ?? 'the host'}`);
      }),
    );

  env
    .command('remove')
    .argument('<name>')
    .description('delete a profile and its secrets; the journal keeps its history')
    .option('--confirm <name>', "the environment's name again (needed for production)")
    .action((name: string, options: { confirm?: string }) =>
      run(async ({ client, output }) => {
        const environment = await findEnvironment(client, name);
        const answer = await client.environments.remove({
          environmentId: environment.id,
          ...(options.confirm === undefined ? {} : { typedName: options.confirm }),
        });
        output.answer(answer, () => `removed ${environment.name}`);
      }),
    );

  env
    .command('export')
    .description('all profiles as a file, without secrets')
    .action(() =>
      run(async ({ client, output }) => {
        const file = await client.environments.exportProfiles({});
        output.answer(file, () => JSON.stringify(file, null, 2));
      }),
    );

  const secret = program.command('secret').description('secrets, kept in the OS keychain and never shown');
  secret
    .command('set')
    .argument('<env>')
    .argument('<key>', 'for example ssh-password, ssh-key-passphrase, api-key')
    .description('store a secret read from standard input')
    .option('--pending', 'as the next value, which a rotation will bring into use')
    .action((name: string, key: string, options: { pending?: true }) =>
      run(async ({ client, output }) => {
        const environment = await findEnvironment(client, name);
        const status = await client.secrets.set({
          environmentId: environment.id,
          key,
          value: await readSecret(`${key} for ${environment.name}: `),
          ...(options.pending === true ? { slot: 'pending' as const } : {}),
        });
        output.answer(status, () =>
          options.pending === true ? `${key}: ${status.slots?.pending ?? 'a value'} is pending` : `${key} is set (${status.kept})`,
        );
        if (options.pending === true) return;
        if (status.kept !== 'session') return;
        output.say(
          'There is no keychain to keep it in: it is gone when this command ends. Give it to each command with --secret KEY=FILE instead.',
        );
        throw new ExitWith(exitCodes.failed);
      }),
    );
  secret
    .command('list')
    .argument('<env>')
    .description('which secrets an environment knows, and whether they are set')
    .action((name: string) =>
      run(async ({ client, output }) => {
        const status = await client.secrets.status({ environmentId: (await findEnvironment(client, name)).id });
        output.answer(status, () =>
          table([
            ['KEY', 'SET', 'KEPT IN', 'IN USE', 'PENDING', 'PREVIOUS', ''],
            ...status.secrets.map(({ key, set, kept, label, slots }) => [
              key,
              set ? 'yes' : 'no',
              kept,
              slots?.current ?? '-',
              slots?.pending ?? '-',
              slots?.previous ?? '-',
              label,
            ]),
          ]),
        );
      }),
    );
  secret
    .command('discard')
    .argument('<env>')
    .argument('<key>')
    .addArgument(new Argument('<slot>', 'which value').choices(['pending', 'previous']))
    .description('forget the next or the last value of a secret, for good')
    .action((name: string, key: string, slot: 'pending' | 'previous') =>
      run(async ({ client, output }) => {
        const environment = await findEnvironment(client, name);
        const status = await client.secrets.discard({ environmentId: environment.id, key, slot });
        output.answer(status, () => `${key}: no value is ${slot}`);
      }),
    );
}

async function readProfiles(path: string): Promise<ProfileFile> {
  const text =
    path === '-'
      ? await readStdin()
      : await readFile(path, 'utf8').catch((cause: unknown) => {
          throw new Problem('bad-input', `${path} can't be read.`, {
            cause,
            hint: 'Give the path of a YAML or JSON file, or - for standard input.',
          });
        });
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (cause) {
    throw new Problem(
      'bad-input',
      `${path} is neither YAML nor JSON: ${cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : ''}`,
      { cause },
    );
  }
  const draft = EnvironmentDraft.safeParse(withDefaults(value));
  if (draft.success) return { format: 'quarterdeck-profiles', version: 1, environments: [draft.data] };
  const file = ProfileFile.safeParse(value);
  if (file.success) return file.data;
  const isFile = typeof value === 'object' && value !== null && 'format' in value;
  const issue = (isFile ? file.error : draft.error).issues[0];
  throw new Problem('bad-input', `${path}: ${issue?.path.join('.') || 'the whole file'}: ${issue?.message ?? 'not a profile'}`, {
    hint: 'docs/command-line.md shows a profile file.',
  });
}

/** What a person may leave out of a hand-written profile. */
function withDefaults(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const draft = { notes: '', inputs: {}, ...value } as Record<string, unknown>;
  const ssh = draft['ssh'];
  if (typeof ssh === 'object' && ssh !== null && !Array.isArray(ssh)) draft['ssh'] = { jumps: [], ...ssh };
  return draft;
}
