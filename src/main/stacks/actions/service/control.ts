import { Problem } from '../../../../contract/problem.ts';
import type { SshSession } from '../../../drivers/ssh/types.ts';
import type { ActionContext, ActionOutcome } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import type { Meanings } from '../job.ts';
import { mustRun } from '../job.ts';

/** What a service control says: `running pid=N started=…` (exit 0) or `stopped` (exit 3). */
export type ServiceStatus = { readonly state: 'running'; readonly pid: string; readonly started: string } | { readonly state: 'stopped' };

const statusScript = `[ -f "$1" ] && [ -x "$1" ] || exit 21
"$1" status </dev/null
`;

/**
 * Constant scripts, run detached: they end on the host whatever happens to the connection. A stop counts when the control
 * itself says `stopped` afterwards, a start when it says `running`.
 */
const verbScripts = {
  stop: `"$1" stop </dev/null || exit 22
"$1" status </dev/null
[ $? -eq 3 ] || exit 23
`,
  start: `"$1" start </dev/null || exit 24
"$1" status </dev/null || exit 25
`,
  restart: `"$1" stop </dev/null || exit 22
"$1" status </dev/null
[ $? -eq 3 ] || exit 23
"$1" start </dev/null || exit 24
"$1" status </dev/null || exit 25
`,
} as const;

/** What a control can be asked to do. */
export type Verb = keyof typeof verbScripts;

const meanings: Meanings = {
  22: 'the service did not stop',
  23: 'it was told to stop, and is not stopped',
  24: 'the service did not start',
  25: 'it was started, and is not running',
};

/** Reads the state of a service. @throws Problem when it can't be told */
export async function serviceStatus(session: SshSession, control: string): Promise<ServiceStatus> {
  const outcome = await session.exec({ script: statusScript, args: [control] }, { timeoutMs: 20_000, maxBytes: 4096 });
  if (outcome.outcome !== 'done') throw Problem.from(outcome.problem);
  const words = plainLine(outcome.stdout.toString('utf8'), 200);
  const running = /\brunning pid=(\d{1,10})(?: started=(\S{1,100}))?/.exec(words);
  if (outcome.exitCode === 0 && running?.[1] !== undefined) return { state: 'running', pid: running[1], started: running[2] ?? '' };
  if (outcome.exitCode === 3) return { state: 'stopped' };
  if (outcome.exitCode === 21)
    throw new Problem('remote-file-missing', `${control} is not an executable file on the host.`, {
      hint: 'Set the service control in the environment: a script that takes start, stop and status.',
    });
  throw new Problem('remote-command-failed', `The service control said neither running nor stopped (exit ${outcome.exitCode}): ${words}`);
}

/**
 * Carries a verb out as a detached job, once per key: a step that needs the same verb twice gives each its own `name`. Undefined when it
 * was seen to end well.
 */
export async function control(context: ActionContext, path: string, verb: Verb, name: string = verb): Promise<ActionOutcome | undefined> {
  const result = await mustRun(context, {
    name,
    script: verbScripts[verb],
    args: [path],
    meanings,
    hint: 'Look at the end of the service’s log.',
  });
  return 'outcome' in result ? result.outcome : undefined;
}
