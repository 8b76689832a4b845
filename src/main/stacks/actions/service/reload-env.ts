import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PlanCommand, PreflightItem } from '../../../../contract/runs.ts';
import type { ActionContext, ActionOutcome, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { jobState, mustRun } from '../job.ts';
import { done, failed, RemotePath, unknown } from '../tools.ts';
import { allRun, Name, observed, runningFacts, servicePreflight, settled, viewWords, wantedServices } from './common.ts';
import { environmentState } from './environment.ts';
import { isDown } from './life.ts';
import type { ServiceView } from './observe.ts';
import { checkRef, composeCommand, serviceShape } from './ref.ts';
import { composePrelude, meanings, processRestart, unitRestart } from './scripts.ts';
import { startCommands, stopCommands } from './start-stop.ts';

const Input = z
  .strictObject({
    ...serviceShape,
    grace_seconds: z.int().min(1).max(3600).default(30),
    env_file: RemotePath,
    variable: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'the name of a variable'),
    /** `instance`: for a service that reads the file itself when it starts, so that nothing of it is in its process. */
    proof: z.enum(['environment', 'instance']).default('environment'),
  })
  .superRefine((input, context) => {
    checkRef(input, context);
    if (input.kind === 'container')
      context.addIssue({
        code: 'custom',
        path: ['kind'],
        message: 'a container keeps the environment it was made with, and a plain one can not be made again from here: use compose',
      });
  });
type Input = z.infer<typeof Input>;

/** `$1` folder, `$2` file, `$3` service or nothing, then images that must be there: made anew, for a restart does not load the file. */
const composeAnew = `${composePrelude}
service=$1
shift
for image; do docker image inspect --format '{{.Id}}' -- "$image" >/dev/null || exit 35; done
if [ -n "$service" ]; then compose up -d --no-build --no-deps --force-recreate "$service" || exit 34
else compose up -d --no-build --force-recreate || exit 34
fi
`;

const instances = (view: ServiceView) => view.lives.filter((life) => !isDown(life)).map(({ instance }) => instance.trim());
const hint = 'Look at the end of the service’s log.';

/** Why what runs does not have what the file says; undefined when it is proven to. */
async function stale(context: ActionContext, input: Input, view: ServiceView): Promise<Problem | undefined> {
  if (input.proof === 'instance') return undefined;
  for (const life of view.lives.filter(({ oneShot }) => oneShot !== true)) {
    const state = await environmentState(context, input, life, { path: input.env_file, variable: input.variable });
    if (state === 'same') continue;
    return new Problem(
      'verification-failed',
      state === 'absent'
        ? `${life.name} was started anew and has no ${input.variable} in its environment.`
        : `${life.name} was started anew and still has another ${input.variable} than ${input.env_file}.`,
      {
        hint:
          state === 'absent'
            ? 'Does it read the file itself? Then `proof: instance` is what can be seen.'
            : 'It gets its environment from somewhere else than this file.',
      },
    );
  }
  return undefined;
}

async function startAnew(context: ActionContext, input: Input, view: ServiceView): Promise<ActionOutcome | undefined> {
  const [pid = '', ticks = ''] = view.lives[0]?.instance.split(' ') ?? [];
  const job = { name: 'reload', meanings, hint };
  const images = view.project === undefined ? [] : wantedServices(view.project, input).flatMap(({ image }) => image ?? []);
  const result = await mustRun(
    context,
    input.kind === 'systemd'
      ? { ...job, script: unitRestart, args: [input.unit] }
      : input.kind === 'process'
        ? { ...job, script: processRestart, args: [input.control, String(input.grace_seconds), pid, ticks, ''] }
        : { ...job, script: composeAnew, args: [input.project_dir, input.compose_file, input.service, ...images] },
  );
  return 'outcome' in result ? result.outcome : undefined;
}

async function reload(context: ActionContext, input: Input): Promise<ActionOutcome> {
  let before: ServiceView;
  try {
    before = await observed(context, input);
    context.record({ before: instances(before).join('|') });
  } catch (error) {
    return failed(toProblem(error));
  }
  const old = new Set(instances(before));
  const trouble = await startAnew(context, input, before);
  if (trouble !== undefined) return trouble;
  try {
    const after = await settled(context, input);
    if (after instanceof Problem) return failed(after);
    const same = after.lives.filter(({ state, instance }) => state === 'running' && old.has(instance.trim()));
    if (same.length > 0)
      return failed(
        new Problem(
          'verification-failed',
          `It was told to load its environment, and the same instance still runs: ${same.map(({ name }) => name).join(', ')}.`,
          { hint },
        ),
      );
    const problem = await stale(context, input, after);
    if (problem !== undefined) return failed(problem);
    const proven =
      input.proof === 'environment' ? `has the ${input.variable} of ${input.env_file}` : `was started after ${input.env_file} was written`;
    return done(`${Name(input)} ${proven}: ${viewWords(after)}`, runningFacts(after));
  } catch (error) {
    return unknown(toProblem(error));
  }
}

async function probe(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  if ((await jobState(context, 'reload')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const { before } = context.recorded;
  const view = await observed(context, input);
  if (before === undefined) return { found: 'not-done', observed: `It was never begun. ${viewWords(view)}` };
  const old = new Set(before.split('|'));
  const same = view.lives.filter(({ state, instance }) => state === 'running' && old.has(instance.trim()));
  if (!allRun(view) || same.length > 0) return { found: 'not-done', observed: viewWords(view) };
  const problem = await stale(context, input, view);
  return problem === undefined
    ? { found: 'done', observed: `It was started anew: ${viewWords(view)}`, output: runningFacts(view) }
    : { found: 'not-done', observed: problem.message };
}

const commands = (input: Input): PlanCommand[] => [
  ...(input.kind === 'compose'
    ? [{ kind: 'ssh' as const, text: composeCommand(input, 'up', '-d', '--no-build', '--force-recreate') }]
    : [...stopCommands(input, input.grace_seconds), ...startCommands(input)]),
  {
    kind: 'ssh',
    text:
      input.proof === 'instance'
        ? 'another process must run'
        : `${input.kind === 'compose' ? 'docker inspect' : '/proc/<pid>/environ'}: ${input.variable} must be that of ${input.env_file}  (compared by hash on the host)`,
  },
];

async function preflight(context: ActionContext, input: Input): Promise<readonly PreflightItem[]> {
  const { items, view } = await servicePreflight(context, input, { stops: true, makes: input.kind === 'compose' });
  if (input.proof === 'instance' || !allRun(view)) return items;
  const item = (verdict: PreflightItem['verdict'], detail: string): PreflightItem => ({
    id: 'environment',
    title: 'Environment',
    verdict,
    detail,
  });
  try {
    const states = await Promise.all(
      view.lives
        .filter(({ oneShot }) => oneShot !== true)
        .map((life) => environmentState(context, input, life, { path: input.env_file, variable: input.variable })),
    );
    if (states.includes('absent'))
      return [
        ...items,
        item('block', `${input.variable} is not in its environment, so a new one could not be proven. Does it read the file itself?`),
      ];
    return [
      ...items,
      states.includes('different')
        ? item('warn', `It runs with another ${input.variable} than the file has now: it was not started since the file was changed.`)
        : item('pass', `It runs with the ${input.variable} of ${input.env_file}.`),
    ];
  } catch (error) {
    return [...items, item('block', toProblem(error).message)];
  }
}

/** `service.reload-env@1`: started anew, and its environment proven to be the file's. */
export const reloadEnvAction = defineAction<Input>({
  id: 'service.reload-env@1',
  title: 'Load the environment file',
  effect: 'destructive',
  input: Input,
  outputs: ['pid', 'instance', 'image'],
  describe: commands,
  preflight,
  execute: reload,
  probe,
  undo: { kept: 'It is started anew once more when the file is as it was: at the step that is ready for that.' },
});

/** `service.reload-on-return@1`: does nothing on the way there; on the way back it loads the file that was put back by then. */
export const reloadOnReturnAction = defineAction<Input>({
  id: 'service.reload-on-return@1',
  title: 'Be ready to load the old environment again',
  effect: 'write',
  input: Input,
  outputs: ['before'],
  describe: (input) => [{ kind: 'ssh', text: `look how it runs; on the way back: ${commands(input)[0]?.text ?? ''}` }],
  async execute(context, input) {
    try {
      const view = await observed(context, input);
      return done(viewWords(view), { before: instances(view).join('|') });
    } catch (error) {
      return failed(toProblem(error));
    }
  },
  async probe(context, input) {
    const view = await observed(context, input);
    return { found: 'not-done', observed: viewWords(view) };
  },
  undo: {
    title: 'Load the environment file that is there again',
    describe: commands,
    async execute(context, input, output) {
      try {
        const view = await observed(context, input);
        // The very instance that ran before all of it was never started anew, so it has what it had.
        if (allRun(view) && instances(view).join('|') === output['before'] && output['before'] !== '')
          return done(`It was never started anew. ${viewWords(view)}`);
      } catch (error) {
        return failed(toProblem(error));
      }
      return reload(context, input);
    },
    async probe(context, input, output) {
      if ((await jobState(context, 'reload')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
      const view = await observed(context, input);
      if (allRun(view) && instances(view).join('|') === output['before'] && output['before'] !== '')
        return { found: 'done', observed: `It was never started anew. ${viewWords(view)}` };
      return probe(context, input);
    },
  },
});
