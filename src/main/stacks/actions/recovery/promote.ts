import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { Action, ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { isPlaceholder } from '../../references.ts';
import { jobState, look, runJob, scriptProblem } from '../job.ts';
import { serviceStatus } from '../service/control.ts';
import { done, failed, unknown } from '../tools.ts';
import { archiveInput, KeyFact, OptionalPath, recoveryInput, serverInput } from './input.ts';
import { lookAtLive } from './look-archive.ts';
import { promoteLook, promoteMeanings, promoteScript, unpromoteScript } from './promote-scripts.ts';
import { lookAtRecovered, recoveredArgs } from './recovered.ts';
import { recoverMeanings } from './shell.ts';

const Input = z.strictObject({
  ...serverInput,
  ...archiveInput,
  ...recoveryInput,
  /** The recovered server; empty: the one there is. */
  key: KeyFact,
  /** Starts and stops the live server (`start stop status`); empty: the server's own programs do. */
  control: OptionalPath,
  /** Configuration file when it does not lie in the data directory. */
  config_file: OptionalPath,
});
type Input = z.infer<typeof Input>;

const meanings = { ...recoverMeanings, ...promoteMeanings };
const argsOf = (input: Input, key: string): string[] => [
  ...recoveredArgs(input, key),
  input.data_dir,
  input.control,
  input.config_file,
  input.pg_host,
  input.pg_port,
];

/** How everything lies on the host. @throws Problem when it could not be looked at */
async function lie(context: ActionContext, input: Input, key: string): Promise<Facts> {
  const end = await look(await context.session(), { script: promoteLook, args: argsOf(input, key) }, { timeoutMs: 60_000 });
  if (end.exitCode !== 0) throw new Problem('remote-command-failed', `The data directories could not be looked at (exit ${end.exitCode}).`);
  return end.facts;
}

async function execute(context: ActionContext, input: Input): Promise<ActionOutcome> {
  let key = context.recorded['key'];
  let lsn = context.recorded['lsn'] ?? '';
  try {
    if (key === undefined) {
      const found = await lookAtRecovered(context, input);
      if (found.current === undefined || (input.key !== '' && input.key !== found.current.key))
        return failed(
          new Problem('not-found', 'There is no recovered server that could be promoted.', { hint: 'Recover to a time first.' }),
        );
      if (found.current.state !== 'paused')
        return failed(
          new Problem('policy-refused', 'The recovered server does not stand at its target.', {
            hint: 'Advance it, or discard it and recover anew.',
          }),
        );
      key = found.current.key;
      lsn = found.current.facts['lsn'] ?? '';
      context.record({ key, lsn, previous: `${input.data_dir}.before-${key}` });
    }
  } catch (error) {
    return failed(toProblem(error));
  }
  const job = {
    name: 'promote',
    script: promoteScript,
    args: [...argsOf(input, key), lsn],
    meanings,
    hint: `Revert takes the previous data directory back; nothing of it is removed (${input.data_dir}.before-${key}).`,
  };
  const result = await runJob(context, job);
  if ('outcome' in result) return result.outcome;
  if (result.ended.exitCode !== 0) return failed(scriptProblem(result.ended, job));
  const found = await stands(context, input, key);
  return found.found === 'done'
    ? done(found.observed, found.output)
    : unknown(new Problem('outcome-unknown', `It was promoted, and is not seen to serve: ${found.observed}`));
}

/** Is the recovered cluster in the live place, promoted and answering? */
async function stands(context: ActionContext, input: Input, key: string): Promise<ProbeOutcome> {
  const facts = await lie(context, input, key);
  const output = { key, previous: `${input.data_dir}.before-${key}` };
  if (facts['swapped'] === 'yes' && facts['away'] === 'yes' && facts['ready'] === 'yes') {
    const live = await lookAtLive(context, input);
    const old = Number(facts['away_timeline']);
    if (!live.recovering && live.timeline > old)
      return {
        found: 'done',
        observed: `The recovered cluster serves on timeline ${live.timeline} (before: ${old}). The previous data directory is kept as ${output.previous}.`,
        output: {
          ...output,
          timeline: String(live.timeline),
          old_timeline: String(old),
          last_commit: facts['last_commit'] ?? '',
          system: live.system,
        },
      };
  }
  const untouched = facts['swapped'] !== 'yes' && facts['data'] === 'yes' && facts['promoting'] !== 'yes' && facts['reverted'] !== 'yes';
  if (untouched && facts['ready'] === 'yes') return { found: 'not-done', observed: 'The live server serves as before.' };
  return { found: 'partly', observed: 'The promotion was begun and is not complete; the previous data directory is whole.', output };
}

async function probe(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  if ((await jobState(context, 'promote')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const key = context.recorded['key'];
  return key === undefined ? { found: 'not-done', observed: 'It had not begun.' } : stands(context, input, key);
}

async function preflight(context: ActionContext, input: Input): Promise<PreflightItem[]> {
  const items: PreflightItem[] = [];
  const add = (id: string, title: string, verdict: PreflightItem['verdict'], detail: string) =>
    void items.push({ id, title, verdict, detail });
  let key = 'r00000000';
  if (!isPlaceholder(input.key)) {
    const { current, promoting } = await lookAtRecovered(context, input);
    if (current === undefined || (input.key !== '' && input.key !== current.key))
      add('recovered', 'Recovered server', 'block', 'There is none: recover to a time first.');
    else if (current.state !== 'paused' || promoting)
      add('recovered', 'Recovered server', 'block', 'It does not stand at its target: advance it, or discard it.');
    else {
      key = current.key;
      add('recovered', 'Recovered server', 'pass', `${key} stands at ${current.target}, position ${current.facts['lsn']}.`);
    }
  }
  const facts = await lie(context, input, key);
  const may = facts['account'] === 'root' || (facts['account'] === input.os_user && facts['writable'] === 'yes');
  if (!may) add('account', 'Login', 'block', `Logged in as ${facts['account']}, who can't move ${input.data_dir}; root is needed.`);
  const [own, parent, root] = (facts['device'] ?? '').split(' ');
  if (own === undefined || own !== parent)
    add('device', 'File system', 'block', `${input.data_dir} is a file system of its own and can't be moved.`);
  else if (root !== undefined && root !== '' && root !== parent)
    add(
      'device',
      'File system',
      'block',
      `${input.recovery_root} lies on another file system than ${input.data_dir}: it could not be moved in one piece.`,
    );
  else add('device', 'File system', 'pass', 'Both directories lie on one file system.');
  if (facts['conf'] !== 'yes' && input.config_file === '' && input.control === '')
    add('config', 'Configuration', 'block', `${input.data_dir} has no postgresql.conf: name the configuration file or a control.`);
  // The promoted server starts with today's settings: a running server may have been left with ones that nobody can start.
  if (facts['settings'] !== undefined)
    add('settings', 'Settings', 'block', `No server would start with the live settings as they are now: ${facts['settings']}`);
  if (facts['tablespaces'] === 'yes')
    add('tablespaces', 'Tablespaces', 'block', 'Tablespaces outside of the data directory are not supported.');
  if (facts['wal_link'] === 'yes')
    add('wal', 'WAL directory', 'warn', 'pg_wal is a link; after the promotion the WAL lies in the data directory.');
  if (input.control !== '') {
    const status = await serviceStatus(await context.session(), input.control);
    add('control', 'Control', 'pass', status.state === 'running' ? `Running as process ${status.pid}.` : 'Stopped.');
  }
  return items;
}

/** Puts the recovered cluster in the place of the live one. */
export const promoteAction: Action = defineAction<Input>({
  id: 'recovery.promote@1',
  title: 'Promote the recovered server into the live place',
  effect: 'destructive',
  input: Input,
  outputs: ['key', 'previous', 'timeline', 'old_timeline', 'last_commit', 'system'],
  describe: (input) => {
    const dir = `${input.recovery_root}/‹key›/data`;
    const stop = input.control === '' ? `${input.bin_dir}/pg_ctl -D ${input.data_dir} -m fast stop` : `${input.control} stop`;
    const start =
      input.control === ''
        ? `${input.bin_dir}/postgres -D ${input.data_dir}${input.config_file === '' ? '' : ` -c config_file=${input.config_file}`}`
        : `${input.control} start`;
    return [
      { kind: 'ssh', text: `${input.bin_dir}/pg_ctl -D ${dir} promote` },
      { kind: 'ssh', text: `${input.bin_dir}/pg_ctl -D ${dir} -m fast stop` },
      { kind: 'ssh', text: `cp -p ${input.data_dir}/{postgresql.conf,postgresql.auto.conf,pg_hba.conf,pg_ident.conf} ${dir}/` },
      { kind: 'ssh', text: stop },
      { kind: 'ssh', text: `mv ${input.data_dir} ${input.data_dir}.before-‹key›` },
      { kind: 'ssh', text: `mv ${dir} ${input.data_dir}` },
      { kind: 'ssh', text: start },
    ];
  },
  preflight,
  execute,
  probe,
  undo: {
    title: 'Put the previous data directory back and start it',
    describe: (input) => [
      { kind: 'ssh', text: input.control === '' ? `${input.bin_dir}/pg_ctl -D ${input.data_dir} -m fast stop` : `${input.control} stop` },
      { kind: 'ssh', text: `mv ${input.data_dir} ${input.recovery_root}/reverted-‹key›` },
      { kind: 'ssh', text: `mv ${input.data_dir}.before-‹key› ${input.data_dir}` },
      { kind: 'ssh', text: input.control === '' ? `${input.bin_dir}/postgres -D ${input.data_dir}` : `${input.control} start` },
    ],
    async execute(context, input, output) {
      const key = output['key'] ?? '';
      const job = { name: 'unpromote', script: unpromoteScript, args: argsOf(input, key), meanings };
      const result = await runJob(context, job);
      if ('outcome' in result) return result.outcome;
      if (result.ended.exitCode !== 0) return failed(scriptProblem(result.ended, job));
      const found = await back(context, input, key);
      return found.found === 'done' ? done(found.observed) : unknown(new Problem('outcome-unknown', found.observed));
    },
    async probe(context, input, output) {
      if ((await jobState(context, 'unpromote')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
      return back(context, input, output['key'] ?? '');
    },
  },
});

async function back(context: ActionContext, input: Input, key: string): Promise<ProbeOutcome> {
  const facts = await lie(context, input, key);
  if (facts['swapped'] === 'yes' || facts['data'] !== 'yes' || facts['away'] === 'yes' || facts['ready'] !== 'yes')
    return { found: 'not-done', observed: 'The previous data directory does not serve yet.' };
  const live = await lookAtLive(context, input);
  const kept = facts['reverted'] === 'yes' ? ` What had been promoted is kept as ${input.recovery_root}/reverted-${key}.` : '';
  return { found: 'done', observed: `The previous data directory serves again, on timeline ${live.timeline}.${kept}` };
}
