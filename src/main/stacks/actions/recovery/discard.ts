import { z } from 'zod';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { Action, ActionContext, ActionOutcome, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { jobState, mustRun } from '../job.ts';
import { done, failed } from '../tools.ts';
import { archiveInput, recoveryInput, serverInput } from './input.ts';
import { discardScript } from './recover-scripts.ts';
import { lookAtRecovered, recoveredArgs } from './recovered.ts';
import { recoverMeanings } from './shell.ts';

const Input = z.strictObject({ ...serverInput, ...archiveInput, ...recoveryInput });
type Input = z.infer<typeof Input>;

async function execute(context: ActionContext, input: Input): Promise<ActionOutcome> {
  let key = context.recorded['key'];
  try {
    if (key === undefined) {
      key = (await lookAtRecovered(context, input)).current?.key;
      if (key === undefined) return done('There was no recovered server.', { removed: '' });
      context.record({ key });
    }
  } catch (error) {
    return failed(toProblem(error));
  }
  const result = await mustRun(context, {
    name: 'discard',
    script: discardScript,
    args: recoveredArgs(input, key),
    meanings: { ...recoverMeanings, 47: 'what was copied could not be removed' },
  });
  return 'outcome' in result ? result.outcome : done(`The recovered server ${key} is stopped and its copy removed.`, { removed: key });
}

async function probe(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  if ((await jobState(context, 'discard')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const key = context.recorded['key'];
  if (key === undefined) return { found: 'not-done', observed: 'It had not begun.' };
  const found = await lookAtRecovered(context, input, key);
  return found.folder || found.current?.key === key
    ? { found: 'not-done', observed: 'The recovered server is still there.' }
    : { found: 'done', observed: 'Nothing of the recovered server is left.', output: { removed: key } };
}

async function preflight(context: ActionContext, input: Input): Promise<PreflightItem[]> {
  const { current, promoting } = await lookAtRecovered(context, input);
  const title = 'Recovered server';
  if (current === undefined) return [{ id: 'recovered', title, verdict: 'warn', detail: 'There is none; nothing will be done.' }];
  if (promoting) return [{ id: 'recovered', title, verdict: 'block', detail: 'Its promotion has begun: resume or revert that run.' }];
  return [{ id: 'recovered', title, verdict: 'pass', detail: `${current.key}, from ${current.facts['base']}, target ${current.target}.` }];
}

/** Ends the recovered server and removes its copy. */
export const discardAction: Action = defineAction<Input>({
  id: 'recovery.discard@1',
  title: 'Discard the recovered server',
  effect: 'write',
  input: Input,
  outputs: ['removed'],
  describe: (input) => [
    { kind: 'ssh', text: `${input.bin_dir}/pg_ctl -D ${input.recovery_root}/‹key›/data -m fast stop` },
    { kind: 'ssh', text: `rm -rf ${input.recovery_root}/‹key›` },
  ],
  preflight,
  execute,
  probe,
  undo: { kept: 'Base backup and WAL archive are untouched: the same time can be recovered again from them.' },
});
