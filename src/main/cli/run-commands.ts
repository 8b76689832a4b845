import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { Problem } from '../../contract/problem.ts';
import { connect, findEnvironment } from './client.ts';
import { ExitWith, exitOfRun } from './exit.ts';
import { table, time } from './output.ts';
import type { Consent } from './run-execute.ts';
import { carryOut, follow, goOn } from './run-execute.ts';
import { describeLock, describeRun, describeSurvey } from './run-words.ts';
import type { CommandRunner } from './runner.ts';

/** `run`, `runs` and `lock`: guided operations, under the same policy as in the window. */
export function runCommands(program: Command, run: CommandRunner): void {
  program
    .command('run')
    .argument('<env>')
    .argument('[runbook]', 'without it the runbooks are listed')
    .description(
      'show what a guided procedure would do, and do it with --yes (writes) or --confirm NAME; one that only reads is done at once',
    )
    .option('--input <k=v>', 'an input of the runbook (repeatable)', collect, {})
    .option('--plan', 'show the plan and the preflight, do nothing')
    .option('--survey', 'what the host offers for its inputs; reads only')
    .option('--yes', 'do it, when it writes and destroys nothing')
    .option('--confirm <name>', "the environment's name: yes, do this here")
    .action((name: string, runbook: string | undefined, options: Consent & { input: Record<string, string>; survey?: boolean }) =>
      run(async (world) => {
        const environment = await findEnvironment(world.client, name);
        if (runbook === undefined) {
          const runbooks = await world.client.runs.runbooks({ environmentId: environment.id });
          world.output.answer(runbooks, () =>
            table([
              ['RUNBOOK', 'EFFECT', 'INPUTS', ''],
              ...runbooks.map(({ id, effect, inputs, title }) => [
                id,
                effect,
                inputs.map((input) => (input.required ? input.name : `[${input.name}]`)).join(' '),
                title,
              ]),
            ]),
          );
          return;
        }
        await connect(world.client, environment, world.signal);
        if (options.survey === true) {
          const { client, output, signal } = world;
          const found = await client.runs.survey({ environmentId: environment.id, runbook, inputs: options.input }, { signal });
          output.answer(found, () => describeSurvey(found));
          return;
        }
        await carryOut(world, environment, runbook, options.input, options);
      }),
    );

  const runs = program.command('runs').description('what was run, and what can be done with it');
  runs
    .command('list')
    .option('--env <name>', 'only this environment')
    .action((options: { env?: string }) =>
      run(async ({ client, output }) => {
        const environmentId = options.env === undefined ? undefined : (await findEnvironment(client, options.env)).id;
        const list = await client.runs.list({ limit: 100, ...(environmentId === undefined ? {} : { environmentId }) });
        output.answer(list, () =>
          list.length === 0
            ? 'No runs yet.'
            : table([
                ['RUN', 'STATE', 'STARTED', 'ENVIRONMENT', ''],
                ...list.map(({ id, state, startedAt, environmentName, title }) => [id, state, time(startedAt), environmentName, title]),
              ]),
        );
      }),
    );
  runs
    .command('show')
    .argument('<run>')
    .option('--output', 'also what the host said in each step (its end, at most 64 KiB a step)')
    .action((runId: string, options: { output?: boolean }) =>
      run(async ({ client, output }) => {
        const found = await client.runs.get({ runId });
        output.answer(found, () => describeRun(found, options.output === true));
      }),
    );
  for (const verb of ['pause', 'cancel'] as const) {
    runs
      .command(verb)
      .argument('<run>')
      .description(
        verb === 'pause'
          ? 'stop before the next step and keep the host for this run; the step that runs is never killed'
          : 'stop before the next step and give the host back; the step that runs is never killed',
      )
      .action((runId: string) =>
        run(async ({ client, output, signal }) => {
          const before = await client.runs.get({ runId });
          // Ending a paused run gives its lock back, and that is on the host.
          if (before.state === 'paused') await connect(client, await findEnvironment(client, before.plan.environmentId), signal);
          const found = await client.runs[verb]({ runId });
          output.answer(found, () => describeRun(found));
        }),
      );
  }
  for (const verb of ['probe', 'resume', 'revert'] as const) {
    runs
      .command(verb)
      .argument('<run>')
      .description(
        {
          probe: 'look how an unknown step really ended; changes nothing',
          resume: 'go on from the step that is not done',
          revert: 'undo the completed steps, last first',
        }[verb],
      )
      .option('--confirm <name>', "the environment's name (needed on production)")
      .action((runId: string, options: { confirm?: string }) =>
        run(async (world) => {
          const { client } = world;
          const before = await client.runs.get({ runId });
          await connect(client, await findEnvironment(client, before.plan.environmentId), world.signal);
          if (verb === 'probe') {
            const found = await client.runs.probe({ runId }, { signal: world.signal });
            world.output.answer(found, () => describeRun(found));
            throw new ExitWith(exitOfRun(found.state));
          }
          const typed = options.confirm === undefined ? {} : { typedName: options.confirm };
          goOn(world.signal);
          const begun = verb === 'resume' ? await client.runs.resume({ runId, ...typed }) : await client.runs.revert({ runId, ...typed });
          await follow(world, begun);
        }),
      );
  }

  const lock = program.command('lock').description('who changes a host now, and removing a lock that was left behind');
  lock
    .command('show')
    .argument('<env>')
    .action((name: string) =>
      run(async ({ client, output, signal }) => {
        const environment = await findEnvironment(client, name);
        await connect(client, environment, signal);
        const found = await client.runs.hostLock({ environmentId: environment.id }, { signal });
        output.answer(found, () => describeLock(environment.name, found));
      }),
    );
  lock
    .command('break')
    .argument('<env>')
    .description('remove the lock of a run that will not come back; look first: quarterdeck lock show ENV')
    .requiredOption('--run <run>', 'the run that holds it, as `lock show` says')
    .option('--confirm <name>', "the environment's name: without it nothing is done")
    .action((name: string, options: { run: string; confirm?: string }) =>
      run(async ({ client, output, signal }) => {
        const environment = await findEnvironment(client, name);
        await connect(client, environment, signal);
        const before = await client.runs.hostLock({ environmentId: environment.id }, { signal });
        if (options.confirm === undefined) {
          output.say(describeLock(environment.name, before));
          throw new Problem('confirmation-required', 'Nothing was done: whoever holds the lock may still be at work.', {
            hint: `When that run will not come back, add: --confirm "${environment.name}"`,
          });
        }
        if (options.confirm !== environment.name)
          throw new Problem('confirmation-wrong', `"${options.confirm}" is not the name of this environment. Nothing was done.`, {
            hint: `It is "${environment.name}".`,
          });
        goOn(signal);
        const found = await client.runs.breakLock({ environmentId: environment.id, runId: options.run, typedName: options.confirm });
        output.answer(found, () => describeLock(environment.name, found));
      }),
    );
}

function collect(text: string, sofar: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Give it as name=value.');
  return { ...sofar, [text.slice(0, at)]: text.slice(at + 1) };
}
