import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { Action, ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { jobState, look, mustRun, runJob, scriptProblem } from '../job.ts';
import { hostSpace } from '../space.ts';
import { done, failed, unknown } from '../tools.ts';
import type { Found } from './find-windows.ts';
import { findWindows } from './find-windows.ts';
import { archiveInput, Instant, recoveryInput, serverInput } from './input.ts';
import { discardScript, recoverScript } from './recover-scripts.ts';
import type { Recovered } from './recovered.ts';
import { keyOf, lookAtRecovered, pastTarget, recoveredArgs } from './recovered.ts';
import { recoverMeanings } from './shell.ts';
import { surveyWindows, windowsText } from './survey.ts';
import type { Micros } from './time.ts';
import { formatInstant, parseInstant, postgresTime } from './time.ts';
import type { Window } from './window.ts';
import { outsideText, windowFor, windowText } from './window.ts';

const Input = z.strictObject({
  ...serverInput,
  ...archiveInput,
  ...recoveryInput,
  target: Instant,
  /** Name of a base backup; empty: the newest one before the target. */
  base: z
    .string()
    .regex(/^([A-Za-z0-9_][A-Za-z0-9_.-]{0,99})?$/, 'the name of a base backup')
    .default(''),
});
type Input = z.infer<typeof Input>;

const targetOf = (input: Pick<Input, 'target'>): Micros => {
  const at = parseInstant(input.target);
  if (at === undefined) throw new Problem('bad-input', 'The target is not a time with a zone.', { hint: 'Such as 2026-11-27T03:00:00Z.' });
  return at;
};

/** The window that holds the target. @throws Problem `policy-refused` with the reason when there is none */
export function chooseWindow(found: Found, base: string, target: Micros): Window {
  const windows = base === '' ? found.windows : found.windows.filter((window) => window.base.name === base);
  const chosen = windowFor(windows, target);
  if (chosen !== undefined) return chosen;
  const refused = found.refused.find(({ name }) => name === base);
  const why = refused === undefined ? outsideText(windows, target) : `The base backup ${base} can’t be used. ${refused.why}`;
  throw new Problem('policy-refused', `The target is outside of what can be recovered. ${why}`, { hint: windowsText(found) });
}

/** What a recovered server was seen to be, in words. */
export function stoodAt(facts: Facts, target: Micros): string {
  const last =
    facts['replayed'] === undefined || facts['replayed'] === '' ? 'none' : formatInstant(parseInstant(facts['replayed']) ?? Number.NaN);
  return `Paused at ${formatInstant(target)}: replayed to ${facts['lsn']}, last transaction ${last}; ${facts['stopped_at']}.`;
}

/** The outcome of a script that recovered to a target, from what it told. */
export function judgeRecovered(facts: Facts, target: Micros, output: Facts): ActionOutcome {
  const past = pastTarget(facts['replayed'] ?? '', target);
  if (past !== undefined)
    return failed(
      new Problem('verification-failed', `The recovered server is not at the target: ${past}.`, {
        hint: 'Discard it and recover anew, from an earlier base backup.',
      }),
    );
  return done(stoodAt(facts, target), output);
}

/** Facts a step about the recovered server puts out. */
export function recoveredOutput(key: string, facts: Facts): Facts {
  const said = (name: string) => facts[name] ?? '';
  return {
    key,
    target: said('target'),
    base: said('base'),
    system: said('system'),
    timeline: said('timeline'),
    lsn: said('lsn'),
    replayed: said('replayed'),
  };
}

async function execute(context: ActionContext, input: Input): Promise<ActionOutcome> {
  const key = keyOf(context);
  const target = targetOf(input);
  let window: Window;
  try {
    window = chooseWindow(await findWindows(context, input), input.base, target);
    context.record({ key });
  } catch (error) {
    return failed(toProblem(error));
  }
  const job = {
    name: 'recover',
    script: recoverScript,
    args: [...recoveredArgs(input, key), window.base.path, window.base.system, postgresTime(target), String(window.timeline)],
    meanings: recoverMeanings,
    hint: 'The live server was not touched. Revert removes what was copied.',
  };
  const result = await runJob(context, job);
  if ('outcome' in result) return result.outcome;
  if (result.ended.exitCode !== 0) return failed(scriptProblem(result.ended, job));
  const found = await lookAtRecovered(context, input, key);
  if (!found.alive || found.current === undefined)
    return unknown(new Problem('outcome-unknown', 'The recovered server stood at the target and is not there any more.'));
  return judgeRecovered(result.ended.facts, target, recoveredOutput(key, { ...found.current.facts, ...result.ended.facts }));
}

/** How the recovered server of a step stands, for a probe. */
export function standing(found: Recovered, key: string, target: Micros): ProbeOutcome {
  if (
    found.current?.key === key &&
    found.current.state === 'paused' &&
    found.current.target === postgresTime(target) &&
    found.atTarget &&
    !found.promoting
  ) {
    const past = pastTarget(found.facts['replayed'] ?? '', target);
    if (past === undefined)
      return {
        found: 'done',
        observed: stoodAt(found.facts, target),
        output: recoveredOutput(key, { ...found.current.facts, ...found.facts }),
      };
  }
  if (!found.folder && found.current?.key !== key) return { found: 'not-done', observed: 'Nothing was copied.' };
  return { found: 'partly', observed: 'A copy is there, and no server that stands at the target.', output: { key } };
}

async function probe(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  if ((await jobState(context, 'recover')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const key = keyOf(context);
  return standing(await lookAtRecovered(context, input, key), key, targetOf(input));
}

const roomScript = `existing=$1
while [ ! -d "$existing" ]; do existing=\${existing%/*}; [ -n "$existing" ] || existing=/; done
echo "folder=$existing"
`;

async function preflight(context: ActionContext, input: Input): Promise<PreflightItem[]> {
  const items: PreflightItem[] = [];
  const found = await findWindows(context, input);
  let window: Window | undefined;
  try {
    window = chooseWindow(found, input.base, targetOf(input));
    items.push({ id: 'window', title: 'Target', verdict: 'pass', detail: windowText(window) });
  } catch (error) {
    const { message, hint } = toProblem(error);
    items.push({ id: 'window', title: 'Target', verdict: 'block', detail: `${message} ${hint ?? ''}`.trim() });
  }
  const { stored } = found;
  const may = stored.account === 'root' || stored.account === input.os_user;
  items.push({
    id: 'account',
    title: 'Login',
    verdict: may ? 'pass' : 'block',
    detail: may ? `Logged in as ${stored.account}.` : `Logged in as ${stored.account}; root or ${input.os_user} is needed.`,
  });
  if (!stored.archiveReadable)
    items.push({ id: 'archive', title: 'Archive', verdict: 'block', detail: `${input.os_user} can’t read ${input.archive_dir}.` });
  const major = window?.base.major;
  if (major !== undefined && stored.toolsMajor !== major)
    items.push({
      id: 'version',
      title: 'Version',
      verdict: 'block',
      detail: `The base backup is of PostgreSQL ${major}, the programs in ${input.bin_dir} are ${stored.toolsMajor ?? 'not there'}.`,
    });
  if (window !== undefined && !window.base.ours)
    items.push({
      id: 'manifest',
      title: 'Base backup',
      verdict: 'warn',
      detail: `${window.base.name} was not made by Quarterdeck; it is checked against its own manifest before it is used.`,
    });
  if (found.liveTrouble !== undefined)
    items.push({
      id: 'live',
      title: 'Live server',
      verdict: 'warn',
      detail: `It does not answer; its files say which cluster it is. ${found.liveTrouble}`,
    });
  else if (found.live?.archiverTrouble !== undefined)
    items.push({ id: 'archiver', title: 'Archiver', verdict: 'warn', detail: found.live.archiverTrouble });
  const socket = `${input.recovery_root}/r00000000/s/.s.PGSQL.5432`;
  if (socket.length > 100)
    items.push({ id: 'socket', title: 'Folder', verdict: 'block', detail: `${input.recovery_root} is too long for a socket in it.` });
  const { current } = await lookAtRecovered(context, input);
  if (current !== undefined)
    items.push({
      id: 'other',
      title: 'Recovered server',
      verdict: 'block',
      detail: `There is one already (${current.key}, target ${current.target}): advance, promote or discard it first.`,
    });
  const session = await context.session();
  const { facts } = await look(session, { script: roomScript, args: [input.recovery_root] });
  const wal = (window?.base.segmentBytes ?? 0) * 64;
  items.push(await hostSpace(session, facts['folder'] ?? '/', (window?.base.bytes ?? 0) + wal));
  return items;
}

async function discard(context: ActionContext, input: Input, key: string): Promise<ActionOutcome> {
  const result = await mustRun(context, {
    name: 'discard',
    script: discardScript,
    args: recoveredArgs(input, key),
    meanings: { ...recoverMeanings, 47: 'what was copied could not be removed' },
  });
  return 'outcome' in result ? result.outcome : done('The recovered server is stopped and its copy removed.');
}

/** Recovers to a time beside the live server, and stops there, readable. */
export const recoverAction: Action = defineAction<Input>({
  id: 'recovery.recover@1',
  title: 'Recover to a time, beside the live server',
  effect: 'write',
  input: Input,
  outputs: ['key', 'target', 'base', 'system', 'timeline', 'lsn', 'replayed'],
  describe: (input) => {
    const target = parseInstant(input.target);
    const dir = `${input.recovery_root}/‹key›`;
    return [
      { kind: 'ssh', text: `${input.bin_dir}/pg_verifybackup -q -n ${input.base_dir}/‹base›` },
      { kind: 'ssh', text: `cp -a --reflink=auto ${input.base_dir}/‹base› ${dir}/data` },
      {
        kind: 'ssh',
        text: `settings: restore_command = 'cp "${input.archive_dir}/%f" "%p"', recovery_target_time = '${target === undefined ? input.target : postgresTime(target)}', recovery_target_inclusive = on, recovery_target_action = pause, archive_mode = off, listen_addresses = ''`,
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
  undo: {
    title: 'Stop the recovered server and remove its copy',
    describe: (input) => [
      { kind: 'ssh', text: `${input.bin_dir}/pg_ctl -D ${input.recovery_root}/‹key›/data -m fast stop` },
      { kind: 'ssh', text: `rm -rf ${input.recovery_root}/‹key›` },
    ],
    execute: (context, input, output) => discard(context, input, output['key'] ?? keyOf(context)),
    probe: async (context, input, output) => {
      if ((await jobState(context, 'discard')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
      const key = output['key'] ?? keyOf(context);
      const found = await lookAtRecovered(context, input, key);
      return found.folder || found.current?.key === key
        ? { found: 'not-done', observed: 'What was copied is still there.' }
        : { found: 'done', observed: 'Nothing of the recovered server is left.' };
    },
  },
});
