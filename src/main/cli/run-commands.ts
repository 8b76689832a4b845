import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { formatBytes } from '../../contract/bytes.ts';
import type { Environment } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import type { Plan, Preflight, Run, RunStep, UndoPlan } from '../../contract/runs.ts';
import { connect, findEnvironment } from './client.ts';
import { ExitWith, exitCodes, exitOfRun } from './exit.ts';
import { table, time } from './output.ts';
import type { CommandRunner, CommandWorld } from './runner.ts';

/** `backups`, `run` and `runs`: guided operations, under the same policy as in the window. */
export function runCommands(program: Command, run: CommandRunner): void {
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
          return execute(world, environment, 'create-backup', options.label === undefined ? {} : { label: options.label }, {});
        if (backup === undefined)
          throw new Problem('bad-input', `backups ${verb} needs the name of a backup.`, {
            hint: `quarterdeck backups "${environment.name}" list shows them.`,
          });
        if (verb === 'verify') return verifyBackup(world, environment, backup, options.local === true ? 'local' : 'server');
        if (verb === 'download') return downloadBackup(world, environment, backup, options.to);
        throw new Problem('bad-input', `"${verb}" is none of list, create, verify, download.`);
      }),
    );

  program
    .command('run')
    .argument('<env>')
    .argument('[runbook]', 'without it the runbooks are listed')
    .description('carry out a guided procedure; a destructive one only with --confirm NAME, else its plan is shown')
    .option('--input <k=v>', 'an input of the runbook (repeatable)', collect, {})
    .option('--plan', 'show the plan and the preflight, do nothing')
    .option('--confirm <name>', "the environment's name: yes, do this here")
    .action((name: string, runbook: string | undefined, options: { input: Record<string, string>; plan?: boolean; confirm?: string }) =>
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
        await execute(world, environment, runbook, options.input, options);
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
    .action((runId: string) =>
      run(async ({ client, output }) => {
        const found = await client.runs.get({ runId });
        output.answer(found, () => describeRun(found));
      }),
    );
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
}

async function execute(
  world: CommandWorld,
  environment: Environment,
  runbook: string,
  inputs: Record<string, string>,
  options: { plan?: boolean; confirm?: string },
): Promise<void> {
  const { client, output, signal } = world;
  const plan = await client.runs.plan({ environmentId: environment.id, runbook, inputs }, { signal });
  const preflight = await client.runs.preflight({ planId: plan.id }, { signal });
  const held = plan.effect === 'destructive' && options.confirm === undefined;
  if (options.plan === true || held) {
    output.answer({ plan, preflight }, () => `${describePlan(plan)}\n\n${describePreflight(preflight)}`);
    if (options.plan === true) {
      if (!preflight.ok) throw new ExitWith(exitCodes.failed);
      return;
    }
    throw new Problem('confirmation-required', 'Nothing was done: this destroys data if it goes wrong.', {
      hint: `When the plan above is what you want, add: --confirm "${environment.name}"`,
    });
  }
  if (!preflight.ok) {
    output.say(describePreflight(preflight));
    throw new Problem('preflight-blocked', `"${plan.title}" can't be carried out on ${environment.name} now. Nothing was done.`, {
      hint: preflight.items.find(({ verdict }) => verdict === 'block' || verdict === 'unknown')?.detail ?? 'See the preflight above.',
    });
  }
  const typed = options.confirm === undefined ? {} : { typedName: options.confirm };
  if (options.confirm !== undefined && options.confirm !== environment.name) {
    throw new Problem('confirmation-wrong', `"${options.confirm}" is not the name of this environment. Nothing was done.`, {
      hint: `It is "${environment.name}".`,
    });
  }
  const { token } = await client.runs.confirm({ planId: plan.id, planHash: plan.hash, ...typed }, { signal });
  goOn(signal);
  await follow(world, await client.runs.start({ planId: plan.id, token }));
}

/** Ctrl-C before the first step means that there is none. @throws Problem `cancelled` */
function goOn(signal: AbortSignal): void {
  if (signal.aborted) throw new Problem('cancelled', 'Stopped before it began. Nothing was done.');
}

/** Prints each step as it ends. Ctrl-C asks the run to stop before its next step; a second one leaves it to the journal. */
async function follow({ client, output, signal }: CommandWorld, begun: Run): Promise<void> {
  const shown = new Set<string>();
  let last = begun;
  const cancel = (): void => {
    output.say('Stopping before the next step; the step that runs is not interrupted.');
    client.runs.cancel({ runId: begun.id }).catch(() => undefined);
  };
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  try {
    for await (const state of await client.runs.watch({ runId: begun.id })) {
      last = state;
      for (const step of state.steps) {
        const key = `${step.id} ${step.state}`;
        if (shown.has(key) || step.state === 'pending') continue;
        shown.add(key);
        output.say(describeStep(state, step));
      }
    }
    last = await client.runs.get({ runId: begun.id });
  } finally {
    signal.removeEventListener('abort', cancel);
  }
  output.answer(
    last,
    () =>
      `${last.plan.title} on ${last.plan.environmentName}: ${last.state}. ${last.summary}\nrun ${last.id}${last.allowed.length === 0 ? '' : ` (can: ${last.allowed.join(', ')})`}`,
  );
  const code = exitOfRun(last.state);
  if (code !== exitCodes.done) throw new ExitWith(code);
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
          [backup.protected ? 'protected copy here' : '', doomed.has(backup.name) ? 'deleted by the next backup' : '']
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

function describePlan(plan: Plan): string {
  const lines = [`${plan.title} on ${plan.environmentName} (${plan.tier}), plan ${plan.hash.slice(0, 12)}`];
  if (plan.blastRadius.length > 0) lines.push('What it touches:', ...plan.blastRadius.map((text) => `  - ${text}`));
  plan.steps.forEach((step, at) => {
    if (step.id === plan.pointOfNoReturn) lines.push('  ── point of no return ──');
    lines.push(
      `${at + 1}. ${step.title}  [${step.effect}]`,
      ...step.commands.map(({ kind, text }) =>
        text
          .split('\n')
          .map((line, n) => `     ${n === 0 ? `${kind}: ` : '     '}${line}`)
          .join('\n'),
      ),
    );
    lines.push(`     undo: ${undoWords(step.undo)}`);
  });
  return lines.join('\n');
}

function undoWords(undo: UndoPlan): string {
  switch (undo.kind) {
    case 'undo':
      return undo.title;
    case 'kept':
      return `kept: ${undo.reason}`;
    case 'irreversible':
      return `none: ${undo.reason}`;
    case 'nothing-to-undo':
      return 'nothing to undo';
  }
}

function describePreflight(preflight: Preflight): string {
  return [
    `Preflight: ${preflight.ok ? 'nothing stands in the way' : 'BLOCKED'}`,
    table(preflight.items.map(({ verdict, title, detail }) => [`  ${verdict.toUpperCase()}`, title, detail])),
  ].join('\n');
}

function describeStep(run: Run, step: RunStep): string {
  const title = run.plan.steps.find(({ id }) => id === step.id)?.title ?? step.id;
  const words = step.problem?.message ?? step.observed ?? '';
  return `  ${step.state.padEnd(9)} ${title}${step.durationMs === null || step.state === 'running' ? '' : ` (${(step.durationMs / 1000).toFixed(1)} s)`}${words === '' ? '' : `: ${words}`}`;
}

function describeRun(run: Run): string {
  return [
    `${run.plan.title} on ${run.plan.environmentName}: ${run.state}. ${run.summary}`,
    `run ${run.id} by ${run.operator}, ${time(run.startedAt)}`,
    ...run.steps.map((step) => describeStep(run, step)),
    run.allowed.length === 0 ? '' : `can: ${run.allowed.join(', ')}`,
  ]
    .filter((line) => line !== '')
    .join('\n');
}

function collect(text: string, sofar: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Give it as name=value.');
  return { ...sofar, [text.slice(0, at)]: text.slice(at + 1) };
}
