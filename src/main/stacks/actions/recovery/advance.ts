import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { Action, ActionContext, ActionOutcome, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { isPlaceholder } from '../../references.ts';
import { jobState, runJob, scriptProblem } from '../job.ts';
import { failed } from '../tools.ts';
import { findWindows } from './find-windows.ts';
import { archiveInput, Instant, KeyFact, recoveryInput, serverInput } from './input.ts';
import { chooseWindow, judgeRecovered, recoveredOutput, standing } from './recover.ts';
import { advanceScript } from './recover-scripts.ts';
import type { Recovered } from './recovered.ts';
import { lookAtRecovered, recoveredArgs } from './recovered.ts';
import { recoverMeanings } from './shell.ts';
import { surveyWindows } from './survey.ts';
import type { Micros } from './time.ts';
import { formatInstant, parseInstant, postgresTime } from './time.ts';

const Input = z.strictObject({
  ...serverInput,
  ...archiveInput,
  ...recoveryInput,
  /** The recovered server; empty: the one there is. */
  key: KeyFact,
  target: Instant,
});
type Input = z.infer<typeof Input>;

/** @throws Problem `policy-refused` when what was replayed lies after the new target, `not-found` when nothing was recovered */
function checkLater(found: Recovered, wanted: string, target: Micros): string {
  const { current } = found;
  if (current === undefined || (wanted !== '' && wanted !== current.key) || found.promoting || !found.data)
    throw new Problem('not-found', 'There is no recovered server that could be advanced.', { hint: 'Recover to a time first.' });
  const before = parseInstant(current.replayed === '' ? current.target : current.replayed);
  if (before !== undefined && target < before)
    throw new Problem(
      'policy-refused',
      `It was replayed to ${formatInstant(before)} already; WAL can’t be taken back to ${formatInstant(target)}.`,
      {
        hint: 'An earlier time means recovering anew: discard the recovered server, then recover to that time.',
      },
    );
  return current.key;
}

const targetOf = (input: Input) => parseInstant(input.target) ?? Number.NaN;

async function execute(context: ActionContext, input: Input): Promise<ActionOutcome> {
  const target = targetOf(input);
  let key: string;
  try {
    const found = await lookAtRecovered(context, input);
    key = checkLater(found, input.key, target);
    chooseWindow(await findWindows(context, input), found.current?.facts['base'] ?? '', target);
    context.record({ key, from: found.current?.target ?? '' });
  } catch (error) {
    return failed(toProblem(error));
  }
  const job = {
    name: 'advance',
    script: advanceScript,
    args: [...recoveredArgs(input, key), postgresTime(target)],
    meanings: recoverMeanings,
    hint: 'The live server was not touched. Discard the recovered server and recover anew.',
  };
  const result = await runJob(context, job);
  if ('outcome' in result) return result.outcome;
  if (result.ended.exitCode !== 0) return failed(scriptProblem(result.ended, job));
  const found = await lookAtRecovered(context, input, key);
  return judgeRecovered(result.ended.facts, target, recoveredOutput(key, { ...found.current?.facts, ...result.ended.facts }));
}

async function probe(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  if ((await jobState(context, 'advance')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const found = await lookAtRecovered(context, input);
  const key = context.recorded['key'] ?? found.current?.key ?? '';
  const state = standing(found, key, targetOf(input));
  // It has no undo, so one that was stopped on its way is simply carried out again.
  return state.found === 'partly' ? { found: 'not-done', observed: 'The recovered server does not stand at the new target.' } : state;
}

async function preflight(context: ActionContext, input: Input): Promise<PreflightItem[]> {
  const title = 'Target';
  try {
    if (isPlaceholder(input.key)) {
      const later = chooseWindow(await findWindows(context, input), '', targetOf(input));
      return [{ id: 'window', title, verdict: 'pass', detail: `An earlier step recovers; the WAL goes to ${formatInstant(later.to)}.` }];
    }
    const found = await lookAtRecovered(context, input);
    checkLater(found, input.key, targetOf(input));
    const window = chooseWindow(await findWindows(context, input), found.current?.facts['base'] ?? '', targetOf(input));
    return [
      { id: 'window', title, verdict: 'pass', detail: `From ${found.current?.target} on; the WAL goes to ${formatInstant(window.to)}.` },
    ];
  } catch (error) {
    const { message, hint } = toProblem(error);
    return [{ id: 'window', title, verdict: 'block', detail: `${message} ${hint ?? ''}`.trim() }];
  }
}

/** Replays the recovered server further. */
export const advanceAction: Action = defineAction<Input>({
  id: 'recovery.advance@1',
  title: 'Advance the recovered server to a later time',
  effect: 'write',
  input: Input,
  outputs: ['key', 'target', 'base', 'system', 'timeline', 'lsn', 'replayed'],
  describe: (input) => {
    const dir = `${input.recovery_root}/‹key›`;
    return [
      { kind: 'ssh', text: `${input.bin_dir}/pg_ctl -D ${dir}/data -m fast stop` },
      {
        kind: 'ssh',
        text: `settings: recovery_target_time = '${postgresTime(targetOf(input) || 0)}', recovery_target_action = pause, archive_mode = off`,
      },
      {
        kind: 'ssh',
        text: `${input.bin_dir}/postgres -D ${dir}/data -c config_file=${dir}/settings.conf -c archive_mode=off -c listen_addresses=`,
      },
    ];
  },
  preflight,
  survey: surveyWindows,
  execute,
  probe,
  undo: { kept: 'WAL can’t be taken back: an earlier time means recovering anew. The live server is not touched by it.' },
});
