import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { ActionContext, ActionOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { jobState } from '../job.ts';
import { control, serviceStatus } from '../service/control.ts';
import { controlCommands, controlPreflight } from '../service/start-stop.ts';
import { done, failed, pause, RemotePath, unknown } from '../tools.ts';
import { ApiInput, friendlyFace } from './input.ts';

/** `times` good looks in a row, `every_ms` apart, by one and the same process: that is what healthy means here. */
const Input = z.strictObject({
  ...ApiInput,
  control: RemotePath,
  times: z.int().min(1).max(20).default(3),
  every_ms: z.int().min(1).max(60_000).default(400),
  within_ms: z.int().min(1000).max(600_000).default(60_000),
});
export type RestartInput = z.infer<typeof Input>;

/** The input of a restart that belongs to another action. */
export const restartDefaults = { times: 3, every_ms: 400, within_ms: 60_000 };

async function stable(context: ActionContext, input: RestartInput): Promise<{ pid: string } | Problem> {
  const begun = performance.now();
  let pid = '';
  let good = 0;
  let last = 'it did not answer';
  while (performance.now() - begun < input.within_ms) {
    const status = await serviceStatus(await context.session(), input.control);
    if (status.state === 'stopped')
      return new Problem('verification-failed', 'The service was started, and stopped by itself.', { hint: 'Look at the end of its log.' });
    if (pid !== '' && status.pid !== pid)
      return new Problem('verification-failed', `The service restarts by itself (process ${pid}, then ${status.pid}).`, {
        hint: 'Look at the end of its log.',
      });
    pid = status.pid;
    try {
      const { status: word } = await friendlyFace(context, input).health();
      good = word === 'ok' ? good + 1 : 0;
      last = `/health says ${word}`;
    } catch (error) {
      good = 0;
      last = toProblem(error).message;
    }
    if (good >= input.times) return { pid };
    await pause(input.every_ms);
  }
  return new Problem('verification-failed', `The service runs and is not healthy after ${Math.round(input.within_ms / 1000)} s: ${last}.`, {
    hint: 'Look at its log, or go back.',
  });
}

/**
 * Stops, sees it stopped, starts, sees it running and steadily healthy. Also part of undoing a restore: `name` tells two restarts of
 * one step apart, without it the second would only find the first.
 */
export async function restartService(context: ActionContext, input: RestartInput, name = 'restart'): Promise<ActionOutcome> {
  let old = '';
  try {
    const before = await serviceStatus(await context.session(), input.control);
    old = before.state === 'running' ? `${before.pid} ${before.started}` : '';
    context.record({ process_before: old });
  } catch (error) {
    return failed(toProblem(error));
  }
  const trouble = await control(context, input.control, 'restart', name);
  if (trouble !== undefined) return trouble;
  try {
    const result = await stable(context, input);
    if (result instanceof Problem) return failed(result);
    return done(
      `Restarted: process ${old === '' ? 'none' : old.split(' ')[0]} is gone, ${result.pid} is healthy ${input.times} times in a row.`,
      { pid: result.pid },
    );
  } catch (error) {
    return unknown(toProblem(error));
  }
}

/** `friendlyface.restart@1`. */
export const restartAction = defineAction<RestartInput>({
  id: 'friendlyface.restart@1',
  title: 'Restart the service',
  effect: 'write',
  input: Input,
  outputs: ['pid'],
  describe: ({ control: path, base_url, times }) => [
    ...controlCommands(path, 'status', 'stop', 'status', 'start', 'status'),
    { kind: 'http', text: `GET ${base_url}/health  (${times} times in a row, same process)` },
  ],
  preflight: async (context, { control: path }) => [await controlPreflight(context, path)],
  execute: (context, input) => restartService(context, input),
  async probe(context, input) {
    const { state: job } = await jobState(context, 'restart');
    if (job === 'running') return { found: 'unknown', observed: 'The host is still restarting it.' };
    if (job === 'absent') return { found: 'not-done', observed: 'The restart was never begun.' };
    const status = await serviceStatus(await context.session(), input.control);
    if (status.state === 'stopped') return { found: 'not-done', observed: 'The service is stopped.' };
    if (`${status.pid} ${status.started}` === context.recorded['process_before'])
      return { found: 'not-done', observed: `The same process (${status.pid}) still runs.` };
    const { status: word } = await friendlyFace(context, input).health();
    return word === 'ok'
      ? { found: 'done', observed: `It was restarted: process ${status.pid} is healthy.`, output: { pid: status.pid } }
      : { found: 'not-done', observed: `It was restarted and /health says ${word}.` };
  },
  undo: { kept: 'The service runs afterwards as before; there is no older process to go back to.' },
});
