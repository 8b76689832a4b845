import { z } from 'zod';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { Action, ActionContext, ActionOutcome, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { jobState } from '../job.ts';
import { done, failed, RemotePath, unknown } from '../tools.ts';
import { control, serviceStatus } from './control.ts';

const Input = z.strictObject({ control: RemotePath });
type Input = z.infer<typeof Input>;
type Wanted = 'running' | 'stopped';

/** The commands of a verb, as a plan shows them. */
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

async function reach(context: ActionContext, path: string, wanted: Wanted): Promise<ActionOutcome> {
  let status: Awaited<ReturnType<typeof serviceStatus>>;
  try {
    status = await serviceStatus(await context.session(), path);
  } catch (error) {
    return failed(toProblem(error));
  }
  if (status.state !== wanted) {
    const trouble = await control(context, path, wanted === 'running' ? 'start' : 'stop');
    if (trouble !== undefined) return trouble;
    try {
      status = await serviceStatus(await context.session(), path);
    } catch (error) {
      return unknown(toProblem(error));
    }
  }
  if (status.state !== wanted)
    return failed({ code: 'verification-failed', message: `The service is ${status.state}, not ${wanted}.`, retryable: false });
  return status.state === 'running'
    ? done(`Running as process ${status.pid}.`, { pid: status.pid })
    : done('Stopped: its process is gone.', { pid: '' });
}

async function look(context: ActionContext, path: string, wanted: Wanted): Promise<ProbeOutcome> {
  if ((await jobState(context, wanted === 'running' ? 'start' : 'stop')).state === 'running')
    return { found: 'unknown', observed: 'The host is still at it.' };
  const status = await serviceStatus(await context.session(), path);
  if (status.state !== wanted) return { found: 'not-done', observed: `The service is ${status.state}.` };
  return { found: 'done', observed: `The service is ${status.state}.`, output: { pid: status.state === 'running' ? status.pid : '' } };
}

const make = (id: string, title: string, effect: 'write' | 'destructive', wanted: Wanted): Action => {
  const verb = wanted === 'running' ? 'start' : 'stop';
  const back: Wanted = wanted === 'running' ? 'stopped' : 'running';
  const backVerb = back === 'running' ? 'start' : 'stop';
  return defineAction<Input>({
    id,
    title,
    effect,
    input: Input,
    outputs: ['pid'],
    describe: ({ control: path }) => controlCommands(path, 'status', verb, 'status'),
    preflight: async (context, { control: path }) => [await controlPreflight(context, path)],
    execute: (context, { control: path }) => reach(context, path, wanted),
    probe: (context, { control: path }) => look(context, path, wanted),
    undo: {
      title: back === 'running' ? 'Start it again' : 'Stop it again',
      describe: ({ control: path }) => controlCommands(path, backVerb, 'status'),
      execute: (context, { control: path }) => reach(context, path, back),
      probe: (context, { control: path }) => look(context, path, back),
    },
  });
};

/** A stopped service serves nobody: that is as destructive as it gets while it lasts. */
export const stopAction = make('service.stop@1', 'Stop the service', 'destructive', 'stopped');
export const startAction = make('service.start@1', 'Start the service', 'write', 'running');
