import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { ActionContext, ActionOutcome, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { jobState, look, mustRun } from '../job.ts';
import { done, failed, unknown } from '../tools.ts';
import { allRun, Name, observed, runningFacts, runningIds, servicePreflight, settled, viewWords, words } from './common.ts';
import { isDown } from './life.ts';
import type { ServiceView } from './observe.ts';
import type { ServiceRef } from './ref.ts';
import { checkRef, serviceShape } from './ref.ts';
import { meanings, processRestart, restartContainers, unitRestart } from './scripts.ts';
import { begin, startCommands, stopCommands } from './start-stop.ts';

const Input = z.strictObject({ ...serviceShape, grace_seconds: z.int().min(1).max(3600).default(30) }).superRefine(checkRef);
type Input = z.infer<typeof Input>;

const hint = 'Look at the end of the service’s log.';

/** One line for each life that ran, by which a later look tells whether it is another one. */
const livesText = (view: ServiceView) =>
  view.lives
    .filter((life) => !isDown(life))
    .map(({ instance }) => instance.trim())
    .join('|');

/** Names of what still runs as it did before. */
function unchanged(view: ServiceView, before: string): string[] {
  const old = new Set(before.split('|'));
  return view.lives.filter(({ state, instance }) => state === 'running' && old.has(instance.trim())).map(({ name }) => name);
}

const envScript = `created=$2
[ -f "$1/.env" ] || exit 0
changed=$(date -u -r "$1/.env" '+%Y-%m-%dT%H:%M:%S' 2>/dev/null) || exit 0
printf 'changed=%s\\n' "$changed"
`;

/** A restart gives a container the environment it was made with, whatever stands in the files by now. */
async function environmentItem(context: ActionContext, ref: ServiceRef, view: ServiceView): Promise<PreflightItem[]> {
  if (ref.kind !== 'compose') return [];
  const end = await look(await context.session(), { script: envScript, args: [ref.project_dir] });
  const changed = end.facts['changed'] ?? '';
  const stale = view.lives.filter(({ createdAt }) => createdAt !== undefined && changed > createdAt.slice(0, 19));
  return [
    {
      id: 'environment',
      title: 'Environment',
      verdict: stale.length > 0 ? 'warn' : 'pass',
      detail:
        stale.length > 0
          ? `.env was changed after ${stale.map(({ name }) => name).join(', ')} was made. A restart does not load it: re-create the service for that.`
          : 'A restart keeps the environment the containers were made with.',
    },
  ];
}

/** Ends it gracefully, starts it, and proves that another instance runs. */
export async function restartService(context: ActionContext, input: Input): Promise<ActionOutcome> {
  let before: ServiceView;
  try {
    before = await observed(context, input);
    if (context.recorded['before'] === undefined) context.record({ before: livesText(before), containers: runningIds(before).join(' ') });
  } catch (error) {
    return failed(toProblem(error));
  }
  const containers = words(context.recorded['containers'] ?? runningIds(before).join(' '));
  const trouble = await restart(context, input, before, containers);
  if (trouble !== undefined) return trouble;
  try {
    const after = await settled(context, input, before.project);
    if (after instanceof Problem) return failed(after);
    const unseen = after.lives.find((life) => life.unseen);
    if (unseen !== undefined)
      return failed(
        new Problem('verification-failed', `Its control says that it runs as process ${unseen.pid}, and there is no such process.`, {
          hint,
        }),
      );
    const same = unchanged(after, context.recorded['before'] ?? livesText(before));
    if (same.length > 0)
      return failed(
        new Problem('verification-failed', `It was told to restart, and the same instance still runs: ${same.join(', ')}.`, { hint }),
      );
    return done(`${Name(input)} was restarted: ${viewWords(after)}`, runningFacts(after));
  } catch (error) {
    return unknown(toProblem(error));
  }
}

async function restart(
  context: ActionContext,
  input: Input,
  view: ServiceView,
  containers: readonly string[],
): Promise<ActionOutcome | undefined> {
  const grace = String(input.grace_seconds);
  const job = { name: 'restart', meanings, hint };
  const [pid = '', ticks = ''] = view.lives[0]?.instance.split(' ') ?? [];
  // What did not run at all is started; a project's part that has ended on purpose is left alone.
  if (containers.length === 0) return begin(context, input, view);
  const result = await mustRun(
    context,
    input.kind === 'systemd'
      ? { ...job, script: unitRestart, args: [input.unit] }
      : input.kind === 'process'
        ? { ...job, script: processRestart, args: [input.control, grace, pid, ticks, ''] }
        : { ...job, script: restartContainers, args: [grace, ...containers] },
  );
  return 'outcome' in result ? result.outcome : undefined;
}

async function probe(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  const job = (await jobState(context, 'restart')).state;
  if (job === 'running' || (await jobState(context, 'start')).state === 'running')
    return { found: 'unknown', observed: 'The host is still restarting it.' };
  const view = await observed(context, input);
  const { before } = context.recorded;
  const output = { ...runningFacts(view), containers: context.recorded['containers'] ?? '' };
  if (before === undefined) return { found: 'not-done', observed: `The restart was never begun. ${viewWords(view)}` };
  const same = unchanged(view, before);
  if (allRun(view)) {
    if (same.length === 0) return { found: 'done', observed: `It was restarted: ${viewWords(view)}`, output };
    if (same.length === view.lives.length) return { found: 'not-done', observed: `The same instance still runs. ${viewWords(view)}` };
  }
  return { found: 'partly', observed: viewWords(view), output };
}

/** What was on its way when a restart was cut off is up again; an older instance there is none to go back to. */
async function seeThatItRuns(context: ActionContext, input: Input): Promise<ActionOutcome> {
  try {
    const before = await observed(context, input);
    if (!allRun(before)) {
      const ids = before.project === undefined ? undefined : before.lives.map(({ id }) => id).filter((id) => id !== '');
      const trouble = await begin(context, input, before, ids);
      if (trouble !== undefined) return trouble;
    }
    const after = await settled(context, input, before.project);
    return after instanceof Problem ? failed(after) : done(`It runs. ${viewWords(after)}`);
  } catch (error) {
    return unknown(toProblem(error));
  }
}

/** `service.restart@1`. */
export const restartServiceAction = defineAction<Input>({
  id: 'service.restart@1',
  title: 'Restart the service',
  effect: 'destructive',
  input: Input,
  outputs: ['pid', 'instance', 'image'],
  describe: (input) =>
    input.kind === 'compose'
      ? [
          ...stopCommands(input, input.grace_seconds),
          { kind: 'ssh', text: 'docker start -- <the same containers, in the order of their needs>' },
        ]
      : [...stopCommands(input, input.grace_seconds), ...startCommands(input)],
  preflight: async (context, input) => {
    const { items, view } = await servicePreflight(context, input, { stops: true, makes: false });
    return [...items, ...(await environmentItem(context, input, view))];
  },
  execute: restartService,
  probe,
  undo: {
    title: 'See that it runs',
    describe: startCommands,
    execute: seeThatItRuns,
    async probe(context, input) {
      if ((await jobState(context, 'start')).state === 'running') return { found: 'unknown', observed: 'The host is still starting it.' };
      const view = await observed(context, input);
      return { found: allRun(view) ? 'done' : 'not-done', observed: viewWords(view) };
    },
  },
});
