import type { Command } from 'commander';
import { formatDuration } from '../../contract/duration.ts';
import type { RehearsalList } from '../../contract/rehearsals.ts';
import { findEnvironment } from './client.ts';
import { ExitWith, exitCodes } from './exit.ts';
import { table, time } from './output.ts';
import type { CommandRunner } from './runner.ts';

/** `rehearsals`: the ledger of restores that were tried, and what is due. */
export function rehearsalCommands(program: Command, run: CommandRunner): void {
  program
    .command('rehearsals')
    .argument('<env>')
    .description('rehearsed restores against their targets; exit 1 when one is stale, was never done or went wrong')
    .action((name: string) =>
      run(async ({ client, output }) => {
        const environment = await findEnvironment(client, name);
        const list = await client.rehearsals.list({ environmentId: environment.id });
        output.answer(list, () => describe(environment.name, list));
        if (list.states.some(({ state, last }) => state !== 'fresh' || last?.verdict !== 'met')) throw new ExitWith(exitCodes.failed);
      }),
    );
}

const span = (ms: number | null, target: number): string => `${ms === null ? '-' : formatDuration(ms)} / ${formatDuration(target)}`;

function describe(name: string, { states, ledger }: RehearsalList): string {
  if (states.length === 0) return `The stack of ${name} has no rehearsals.`;
  return [
    table([
      ['RUNBOOK', 'REHEARSES', 'STATE', 'LAST GOOD', 'DUE'],
      ...states.map(({ runbook, of, state, lastGoodAt, dueAt }) => [
        runbook,
        of,
        state,
        lastGoodAt === null ? 'never' : time(lastGoodAt),
        dueAt === null ? 'now' : time(dueAt),
      ]),
    ]),
    ledger.length === 0
      ? 'The ledger is empty.'
      : table([
          ['STARTED', 'RUNBOOK', 'VERDICT', 'RTO / TARGET', 'RPO / TARGET', 'OPERATOR', 'RUN'],
          ...ledger.map((row) => [
            time(row.startedAt),
            row.runbook,
            row.verdict.toUpperCase(),
            span(row.rtoMs, row.rtoTargetMs),
            span(row.rpoMs, row.rpoTargetMs),
            row.operator,
            row.runId,
          ]),
        ]),
  ].join('\n\n');
}
