import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { HealthSnapshot } from '../../contract/health.ts';
import type { LogFilter, LogLine } from '../../contract/logs.ts';
import { Problem } from '../../contract/problem.ts';
import { connect, findEnvironment } from './client.ts';
import { ExitWith, exitCodes, exitOfHealth } from './exit.ts';
import { table, time } from './output.ts';
import type { CommandRunner } from './runner.ts';

/** `check` and `logs`: looking, never touching. */
export function watchCommands(program: Command, run: CommandRunner): void {
  program
    .command('check')
    .argument('<env>')
    .description('look at every probe once; exit 0 healthy, 1 not, 3 could not look')
    .action((name: string) =>
      run(async ({ client, output, signal }) => {
        const environment = await findEnvironment(client, name);
        try {
          await connect(client, environment, signal);
        } catch (error) {
          if (!(error instanceof Problem)) throw error;
          // Whatever kept it from looking says nothing of the deployment.
          output.problem(error);
          throw new ExitWith(exitCodes.unknown);
        }
        const snapshot = await client.health.check({ environmentId: environment.id }, { signal });
        output.answer(snapshot, () => describeHealth(environment.name, snapshot));
        const code = exitOfHealth(snapshot.overall);
        if (code !== exitCodes.done) throw new ExitWith(code);
      }),
    );

  program
    .command('logs')
    .argument('<env>')
    .argument('[source]', 'a log source; without it they are listed')
    .description('lines of a log source, parsed')
    .option('--follow', 'go on as lines come')
    .option('--since <time>', 'a duration such as 10m or 2h, or an ISO time', parseSince)
    .option('--grep <text>', 'only lines holding this text, any case')
    .option('--request-id <id>', 'only lines of this request')
    .option('--tail <n>', 'lines to begin with', (text) => parseCount(text, 50_000), 200)
    .action(
      (
        name: string,
        sourceId: string | undefined,
        options: { follow?: boolean; since?: number; grep?: string; requestId?: string; tail: number },
      ) =>
        run(async ({ client, output, signal }) => {
          const environment = await findEnvironment(client, name);
          const sources = await client.logs.sources({ environmentId: environment.id });
          if (sourceId === undefined) {
            output.answer(sources, () =>
              table([['SOURCE', 'KIND', 'FROM', ''], ...sources.map(({ id, kind, location, title }) => [id, kind, location, title])]),
            );
            return;
          }
          if (!sources.some(({ id }) => id === sourceId)) {
            throw new Problem('not-found', `${environment.name} has no log source "${sourceId}".`, {
              hint: `There are: ${sources.map(({ id }) => id).join(', ')}.`,
            });
          }
          const filter: LogFilter = {
            ...(options.grep === undefined ? {} : { text: options.grep }),
            ...(options.requestId === undefined ? {} : { requestId: options.requestId }),
            ...(options.since === undefined ? {} : { since: options.since }),
          };
          await connect(client, environment, signal);
          const print = (line: LogLine): void => output.answer(line, () => describeLine(line));
          if (options.follow !== true) {
            const { lines, complete } = await client.logs.search(
              { environmentId: environment.id, sourceId, filter, limit: Math.max(1, Math.min(options.tail, 10_000)) },
              { signal },
            );
            for (const line of lines) print(line);
            if (!complete) output.say(`(the last ${lines.length} lines that match; --tail N shows more)`);
            return;
          }
          try {
            for await (const item of await client.logs.follow(
              { environmentId: environment.id, sourceId, tail: options.tail, filter },
              { signal },
            )) {
              if (item.kind === 'lines') for (const line of item.lines) print(line);
              else if (item.kind === 'gap') output.say(`--- gap: ${item.reason}`);
              else if (item.kind === 'dropped') output.say(`--- ${item.count} lines were not shown: this terminal is too slow`);
              else if (item.state === 'reconnecting') output.say(`--- reconnecting${item.detail === undefined ? '' : `: ${item.detail}`}`);
            }
          } catch (error) {
            // Ctrl-C is how following ends.
            if (!signal.aborted) throw error;
          }
        }),
    );
}

function describeHealth(name: string, snapshot: HealthSnapshot): string {
  const probes = snapshot.probes.map(({ title, state, last, summary }) => [
    `  ${title}`,
    state,
    last?.latencyMs === undefined ? '-' : `${Math.round(last.latencyMs)} ms`,
    summary,
  ]);
  const alerts = snapshot.alerts
    .filter(({ state }) => state === 'firing')
    .map(({ severity, title, detail }) => `  ${severity.toUpperCase()}  ${title}: ${detail}`);
  return [`${name}: ${snapshot.overall}. ${snapshot.summary}`, table(probes), ...alerts].filter((part) => part !== '').join('\n');
}

function describeLine({ at, level, message, requestId, raw }: LogLine): string {
  if (at === null && level === null) return raw;
  return [time(at), (level ?? '').padEnd(8), message, requestId === null ? '' : `[${requestId}]`].filter((part) => part !== '').join('  ');
}

function parseSince(text: string): number {
  const span = /^(\d{1,6})(s|m|h|d)$/.exec(text);
  if (span?.[1] !== undefined)
    return Date.now() - Number(span[1]) * { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[span[2] as 's' | 'm' | 'h' | 'd'];
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new InvalidArgumentError('Give a duration such as 10m, 2h, 1d, or a time such as 2026-11-21T03:00:00Z.');
  return at;
}

function parseCount(text: string, most: number): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0 || count > most) throw new InvalidArgumentError(`Give a whole number up to ${most}.`);
  return count;
}
