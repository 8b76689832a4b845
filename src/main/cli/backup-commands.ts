import type { Command } from 'commander';
import { formatBytes } from '../../contract/bytes.ts';
import type { Environment } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import { connect, findEnvironment } from './client.ts';
import { ExitWith, exitCodes } from './exit.ts';
import { table, time } from './output.ts';
import { carryOut } from './run-execute.ts';
import type { CommandRunner, CommandWorld } from './runner.ts';

/** `backups`: what there is of backups, and making one. */
export function backupCommands(program: Command, run: CommandRunner): void {
  const backups = program.command('backups').argument('<env>').description('list, create, verify or download backups');
  backups
    .argument('[verb]', 'list, create, verify or download', 'list')
    .argument('[name]', 'the backup (verify, download)')
    .option('--label <text>', 'create: a label, remembered here')
    .option('--local', 'verify: download it, hash it, open it and check its integrity here')
    .option('--to <folder>', 'download: where to')
    .action((name: string, verb: string, backup: string | undefined, options: { label?: string; local?: boolean; to?: string }) =>
      run(async (world) => {
        const environment = await findEnvironment(world.client, name);
        await connect(world.client, environment, world.signal);
        if (verb === 'list') return listBackups(world, environment);
        if (verb === 'create')
          // The verb says it: making a backup takes nothing away.
          return carryOut(world, environment, 'create-backup', options.label === undefined ? {} : { label: options.label }, { yes: true });
        if (backup === undefined)
          throw new Problem('bad-input', `backups ${verb} needs the name of a backup.`, {
            hint: `quarterdeck backups "${environment.name}" list shows them.`,
          });
        if (verb === 'verify') return verifyBackup(world, environment, backup, options.local === true ? 'local' : 'server');
        if (verb === 'download') return downloadBackup(world, environment, backup, options.to);
        throw new Problem('bad-input', `"${verb}" is none of list, create, verify, download.`);
      }),
    );
}

async function listBackups({ client, output, signal }: CommandWorld, environment: Environment): Promise<void> {
  const list = await client.backups.list({ environmentId: environment.id }, { signal });
  const doomed = new Set(list.retention.removedByNextBackup);
  output.answer(list, () =>
    [
      table([
        ['NAME', 'SIZE', 'MADE', 'LABEL', 'CHECKED', ''],
        ...list.backups.map((backup) => [
          backup.name,
          formatBytes(backup.sizeBytes),
          time(backup.modifiedAt),
          backup.label ?? '-',
          describeVerification(backup.verifications[0]),
          [
            backup.origin?.foreign === true ? `of another environment, ${backup.origin.environmentName}` : '',
            backup.onHost === false ? 'only here' : '',
            backup.protected ? 'protected copy here' : '',
            doomed.has(backup.name) ? 'deleted by the next backup' : '',
          ]
            .filter((note) => note !== '')
            .join(', '),
        ]),
      ]),
      `${list.statistics.count} backups, ${formatBytes(list.statistics.totalBytes)}. Retention: ${list.retention.source}`,
    ].join('\n'),
  );
}

function describeVerification(verification: { method: string; valid: boolean; at: number } | undefined): string {
  return verification === undefined ? 'never' : `${verification.valid ? 'good' : 'BAD'} (${verification.method}, ${time(verification.at)})`;
}

async function verifyBackup(
  { client, output, signal }: CommandWorld,
  environment: Environment,
  name: string,
  method: 'server' | 'local',
): Promise<void> {
  const result = await client.backups.verify({ environmentId: environment.id, name, method }, { signal });
  output.answer(result, () => `${name}: ${result.valid ? 'good' : 'BAD'} (${method}). ${result.detail}`);
  if (!result.valid) throw new ExitWith(exitCodes.failed);
}

async function downloadBackup(
  { client, output, signal }: CommandWorld,
  environment: Environment,
  name: string,
  directory: string | undefined,
): Promise<void> {
  for await (const item of await client.backups.download(
    { environmentId: environment.id, name, ...(directory === undefined ? {} : { directory }) },
    { signal },
  )) {
    if (item.kind === 'failed') throw Problem.from(item.problem);
    if (item.kind === 'done')
      return output.answer(
        item,
        () =>
          `${item.path}\n${formatBytes(item.bytes)}, SHA-256 ${item.sha256}${item.resumedFrom > 0 ? `, resumed from ${formatBytes(item.resumedFrom)}` : ''}`,
      );
  }
  throw new Problem('outcome-unknown', 'The download ended without saying how.');
}
