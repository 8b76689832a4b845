import type { Command } from 'commander';
import { findEnvironment } from './client.ts';
import { ExitWith, exitCodes } from './exit.ts';
import { table, time } from './output.ts';
import type { CommandRunner } from './runner.ts';

/** `journal …`: what was done, provably. */
export function journalCommands(program: Command, run: CommandRunner): void {
  const journal = program.command('journal').description('the tamper-evident record of what was done');
  journal
    .command('list')
    .option('--env <name>', 'only this environment')
    .option('--limit <n>', 'newest n', '50')
    .action((options: { env?: string; limit: string }) =>
      run(async ({ client, output }) => {
        const environmentId = options.env === undefined ? undefined : (await findEnvironment(client, options.env)).id;
        const { entries } = await client.journal.list({
          limit: Number(options.limit),
          ...(environmentId === undefined ? {} : { environmentId }),
        });
        output.answer(entries, () =>
          table(entries.toReversed().map(({ seq, at, operator, kind, summary }) => [String(seq), time(at), operator, kind, summary])),
        );
      }),
    );
  journal
    .command('verify')
    .description('check every link of the chain; exit 1 names the first broken row')
    .action(() =>
      run(async ({ client, output }) => {
        const result = await client.journal.verify({});
        output.answer(result, () =>
          result.ok
            ? `The journal is whole: ${result.entries} entries, head ${result.headHash ?? '-'}`
            : `BROKEN at entry ${result.firstBroken?.seq ?? '?'}: ${result.firstBroken?.reason ?? ''}`,
        );
        if (!result.ok) throw new ExitWith(exitCodes.failed);
      }),
    );
  journal
    .command('export')
    .description('all of it as JSON Lines, oldest first')
    .option('--env <name>', 'only this environment')
    .action((options: { env?: string }) =>
      run(async ({ client, output, signal }) => {
        const environmentId = options.env === undefined ? undefined : (await findEnvironment(client, options.env)).id;
        for await (const entry of await client.journal.export(environmentId === undefined ? {} : { environmentId }, { signal }))
          output.answer(entry, () => JSON.stringify(entry));
      }),
    );
}
