import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PlanCommand, PreflightItem } from '../../../../contract/runs.ts';
import type { ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import type { StepJob } from '../job.ts';
import { jobState, mustRun } from '../job.ts';
import { done, failed, unknown } from '../tools.ts';
import {
  allDown,
  allRun,
  list,
  Name,
  observed,
  runningFacts,
  runningIds,
  servicePreflight,
  settled,
  viewWords,
  wantedServices,
  words,
} from './common.ts';
import { control, serviceStatus } from './control.ts';
import { doesNotStay } from './evidence.ts';
import { endWords, wasKilled } from './life.ts';
import type { ServiceView } from './observe.ts';
import type { ServiceRef } from './ref.ts';
import { checkRef, composeCommand, serviceShape, shown } from './ref.ts';
import { composeStart, meanings, processStop, startContainers, stopContainers, unitVerb } from './scripts.ts';

/** `grace_seconds` is how long it may take to end; only with `force` it is killed after that. */
const StopInput = z
  .strictObject({ ...serviceShape, grace_seconds: z.int().min(1).max(3600).default(30), force: z.boolean().default(false) })
  .superRefine(checkRef);
type StopInput = z.infer<typeof StopInput>;
const StartInput = z.strictObject(serviceShape).superRefine(checkRef);

/** The commands of a control, as a plan shows them. */
export const controlCommands = (path: string, ...verbs: string[]) =>
  verbs.map((verb) => ({ kind: 'ssh' as const, text: `${path} ${verb}` }));

/** Is there a control, and what does it say? */
export async function controlPreflight(context: ActionContext, path: string): Promise<PreflightItem> {
  const status = await serviceStatus(await context.session(), path);
  return {
    id: 'service',
    title: 'Service control',
    verdict: 'pass',
    detail: status.state === 'running' ? `Running as process ${status.pid}.` : 'Stopped.',
  };
}

const hint = 'Look at the end of the service’s log.';

/** How a stop is shown. */
export function stopCommands(ref: ServiceRef, grace: number, force = false): PlanCommand[] {
  const wait = `(up to ${grace} s; ${force ? 'then it is killed' : 'nothing is killed'})`;
  switch (ref.kind) {
    case 'process':
      return controlCommands(ref.control, 'status', 'stop', force ? `status  ${wait}` : 'status');
    case 'systemd':
      return shown(
        `systemctl stop -- ${ref.unit}  (systemd itself kills what outlasts the unit's TimeoutStopSec)`,
        `systemctl show -- ${ref.unit}`,
      );
    case 'container':
      return shown(`docker kill --signal <its stop signal, or SIGTERM> -- ${ref.container}`, `docker inspect -- ${ref.container}  ${wait}`);
    case 'compose':
      return shown(
        composeCommand(ref, 'ps', '-a', '-q'),
        `for each, those that need others first: docker kill --signal <its stop signal, or SIGTERM>; docker inspect  ${wait}`,
      );
  }
}

/** How a start is shown. */
export function startCommands(ref: ServiceRef): PlanCommand[] {
  switch (ref.kind) {
    case 'process':
      return controlCommands(ref.control, 'status', 'start', 'status');
    case 'systemd':
      return shown(`systemctl start -- ${ref.unit}`, `systemctl show -- ${ref.unit}`);
    case 'container':
      return shown(`docker start -- ${ref.container}`, `docker inspect -- ${ref.container}`);
    case 'compose':
      return shown(composeCommand(ref, 'up', '-d', '--no-build', '--no-recreate'), 'docker inspect <its containers>');
  }
}

const run = async (context: ActionContext, job: StepJob): Promise<ActionOutcome | undefined> => {
  const result = await mustRun(context, { meanings, hint, ...job });
  return 'outcome' in result ? result.outcome : undefined;
};

/** Ends what of it runs. `containers`: these only, in the order in which they start. Undefined when the job was seen to end well. */
async function end(
  context: ActionContext,
  ref: ServiceRef,
  view: ServiceView,
  containers: readonly string[],
  input: Pick<StopInput, 'grace_seconds' | 'force'>,
) {
  const force = input.force ? 'force' : '';
  const grace = String(input.grace_seconds);
  if (ref.kind === 'systemd') return run(context, { name: 'stop', script: unitVerb, args: [ref.unit, 'stop'] });
  if (ref.kind === 'process') {
    const [pid = '', ticks = ''] = view.lives[0]?.instance.split(' ') ?? [];
    return run(context, { name: 'stop', script: processStop, args: [ref.control, grace, pid, ticks, force] });
  }
  return run(context, { name: 'stop', script: stopContainers, args: [grace, force, ...[...containers].reverse()] });
}

/** Starts what of it does not run. `containers`: these only, as they are; otherwise a project's missing ones are made. */
export async function begin(
  context: ActionContext,
  ref: ServiceRef,
  view: ServiceView,
  containers?: readonly string[],
): Promise<ActionOutcome | undefined> {
  if (ref.kind === 'systemd') return run(context, { name: 'start', script: unitVerb, args: [ref.unit, 'start'] });
  if (ref.kind === 'process') return control(context, ref.control, 'start');
  if (containers !== undefined || view.project === undefined)
    return run(context, { name: 'start', script: startContainers, args: [...(containers ?? view.lives.map(({ id }) => id))] });
  const images = wantedServices(view.project, ref).flatMap(({ image }) => image ?? []);
  return run(context, { name: 'start', script: composeStart, args: [ref.project_dir, ref.compose_file, ref.service, ...images] });
}

function stoppedOutcome(ref: ServiceRef, view: ServiceView, containers: string, ran: boolean): ActionOutcome {
  const killed = ran ? view.lives.filter(({ end: how }) => wasKilled(how)) : [];
  const output = { pid: '', containers, graceful: !ran ? '' : killed.length > 0 ? 'no' : 'yes' };
  if (!ran) return done(`${Name(ref)} did not run.`, output);
  if (killed.length > 0)
    return done(`Stopped, but not gracefully: ${list(killed.map((life) => `${life.name} was killed, ${endWords(life.end)}`))}.`, output);
  const how = view.lives.flatMap((life) => (life.end === undefined ? [] : [`${life.name} ended with ${endWords(life.end)}`]));
  return done(how.length === 0 ? 'Stopped: its process is gone.' : `Stopped: ${list(how)}.`, output);
}

/** Brings it down gracefully. The facts name what ran, so that the same is started again. */
export async function stopService(context: ActionContext, input: StopInput): Promise<ActionOutcome> {
  let before: ServiceView;
  try {
    before = await observed(context, input);
    // A second try must not take for the former state what the first one left.
    if (context.recorded['containers'] === undefined) context.record({ containers: runningIds(before).join(' ') });
  } catch (error) {
    return failed(toProblem(error));
  }
  const containers = context.recorded['containers'] ?? runningIds(before).join(' ');
  const ran = words(containers).length > 0;
  if (!allDown(before)) {
    const trouble = await end(context, input, before, runningIds(before), input);
    if (trouble !== undefined) return trouble;
  }
  try {
    const after = await observed(context, input, before.project);
    if (!allDown(after)) return failed(new Problem('verification-failed', `It was told to stop. ${viewWords(after)}`, { hint }));
    return stoppedOutcome(input, after, containers, ran);
  } catch (error) {
    return unknown(toProblem(error));
  }
}

/** Brings it up, and looks that it stays up. The facts name what was started by this. */
export async function startService(context: ActionContext, ref: ServiceRef): Promise<ActionOutcome> {
  let before: ServiceView;
  try {
    before = await observed(context, ref);
    if (context.recorded['ran'] === undefined) context.record({ ran: runningIds(before).join(' ') });
  } catch (error) {
    return failed(toProblem(error));
  }
  const ran = words(context.recorded['ran'] ?? runningIds(before).join(' '));
  if (!allRun(before)) {
    const trouble = await begin(context, ref, before);
    if (trouble !== undefined) return trouble;
  }
  try {
    // What a control says of a process is taken at its word here; service.healthy@1 looks whether it stays.
    const after = ref.kind === 'process' ? await observed(context, ref) : await settled(context, ref, before.project);
    if (after instanceof Problem) return failed(after);
    if (!allRun(after)) return failed(await doesNotStay(context, ref, after, 'It was started, and does not run.'));
    const started = runningIds(after).filter((id) => !ran.includes(id));
    return done(startedWords(ref, after), { ...runningFacts(after), containers: started.join(' ') });
  } catch (error) {
    return unknown(toProblem(error));
  }
}

const startedWords = (ref: ServiceRef, view: ServiceView) =>
  ref.kind === 'process' ? `Running as process ${view.lives[0]?.pid ?? ''}.` : `Runs: ${viewWords(view)}`;

const busy = { found: 'unknown', observed: 'The host is still at it.' } as const;

async function probeStopped(context: ActionContext, ref: ServiceRef, containers: string): Promise<ProbeOutcome> {
  if ((await jobState(context, 'stop')).state === 'running') return busy;
  const view = await observed(context, ref);
  if (allDown(view)) {
    const outcome = stoppedOutcome(ref, view, containers, words(containers).length > 0);
    return { found: 'done', observed: viewWords(view), output: (outcome.outcome === 'done' ? outcome.output : undefined) ?? {} };
  }
  const up = runningIds(view);
  const some = words(containers).some((id) => !up.includes(id));
  return some ? { found: 'partly', observed: viewWords(view), output: { containers } } : { found: 'not-done', observed: viewWords(view) };
}

async function probeStarted(context: ActionContext, ref: ServiceRef): Promise<ProbeOutcome> {
  if ((await jobState(context, 'start')).state === 'running') return busy;
  const view = await observed(context, ref);
  const ran = words(context.recorded['ran']);
  const started = runningIds(view).filter((id) => !ran.includes(id));
  const output = { ...runningFacts(view), containers: started.join(' ') };
  if (allRun(view)) return { found: 'done', observed: viewWords(view), output };
  return started.length > 0 ? { found: 'partly', observed: viewWords(view), output } : { found: 'not-done', observed: viewWords(view) };
}

/** Starts again exactly what ran before, as it was. */
async function startAgain(context: ActionContext, ref: ServiceRef, output: Facts): Promise<ActionOutcome> {
  const ids = words(output['containers']);
  if (ids.length === 0) return done('It did not run before.');
  try {
    const before = await observed(context, ref);
    const up = runningIds(before);
    if (ids.some((id) => !up.includes(id))) {
      const trouble = await begin(context, ref, before, ids);
      if (trouble !== undefined) return trouble;
    }
    const after = await observed(context, ref, before.project);
    const missing = after.lives.filter(({ id, state }) => ids.includes(id) && state !== 'running');
    if (missing.length > 0 || ids.some((id) => !after.lives.some((life) => life.id === id)))
      return failed(new Problem('verification-failed', `Not all that ran before runs again. ${viewWords(after)}`, { hint }));
    return done(startedWords(ref, after));
  } catch (error) {
    return unknown(toProblem(error));
  }
}

/** Stops again exactly what was started. */
async function stopAgain(context: ActionContext, ref: ServiceRef, output: Facts): Promise<ActionOutcome> {
  const ids = words(output['containers']);
  if (ids.length === 0) return done('It ran before as well.');
  try {
    const before = await observed(context, ref);
    const up = runningIds(before).filter((id) => ids.includes(id));
    if (up.length > 0) {
      const trouble = await end(context, ref, before, up, { grace_seconds: 60, force: false });
      if (trouble !== undefined) return trouble;
    }
    const after = await observed(context, ref, before.project);
    const left = runningIds(after).filter((id) => ids.includes(id));
    return left.length === 0 ? done(viewWords(after)) : failed(new Problem('verification-failed', `It still runs. ${viewWords(after)}`));
  } catch (error) {
    return unknown(toProblem(error));
  }
}

async function probeAgain(context: ActionContext, ref: ServiceRef, output: Facts, wanted: 'start' | 'stop'): Promise<ProbeOutcome> {
  if ((await jobState(context, wanted)).state === 'running') return busy;
  const view = await observed(context, ref);
  const up = runningIds(view);
  const right = words(output['containers']).every((id) => up.includes(id) === (wanted === 'start'));
  return { found: right ? 'done' : 'not-done', observed: viewWords(view) };
}

/** A stopped service serves nobody: that is as destructive as it gets while it lasts. */
export const stopAction = defineAction<StopInput>({
  id: 'service.stop@1',
  title: 'Stop the service',
  effect: 'destructive',
  input: StopInput,
  outputs: ['pid', 'containers', 'graceful'],
  describe: (input) => stopCommands(input, input.grace_seconds, input.force),
  preflight: async (context, input) => (await servicePreflight(context, input, { stops: true, makes: false })).items,
  execute: stopService,
  probe: (context, input) => probeStopped(context, input, context.recorded['containers'] ?? ''),
  undo: {
    title: 'Start it again',
    describe: (input) => (input.kind === 'compose' ? shown('docker start -- <what ran before>') : startCommands(input)),
    execute: startAgain,
    probe: (context, input, output) => probeAgain(context, input, output, 'start'),
  },
});

/** See {@link startService}. */
export const startAction = defineAction<ServiceRef>({
  id: 'service.start@1',
  title: 'Start the service',
  effect: 'write',
  input: StartInput,
  outputs: ['pid', 'instance', 'image', 'containers'],
  describe: startCommands,
  preflight: async (context, ref) => (await servicePreflight(context, ref, { stops: false, makes: true })).items,
  execute: startService,
  probe: probeStarted,
  undo: {
    title: 'Stop it again',
    describe: (ref) => stopCommands(ref, 60),
    execute: stopAgain,
    probe: (context, ref, output) => probeAgain(context, ref, output, 'stop'),
  },
});
