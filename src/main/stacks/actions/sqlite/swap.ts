import { z } from 'zod';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { SshSession } from '../../../drivers/ssh/types.ts';
import type { ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import { jobState, look, runJob, scriptProblem } from '../job.ts';
import { done, failed, RemotePath } from '../tools.ts';
import { HashFact, OptionalPath, PathFact } from './input.ts';
import { holdersScript, sqliteMeanings, swapBackScript, swapLookScript, swapScript } from './swap-script.ts';

const Input = z.strictObject({ db: RemotePath, staged: PathFact, set_aside: PathFact, sha256: HashFact, lock_file: OptionalPath });
type Input = z.infer<typeof Input>;

const args = ({ db, staged, set_aside: aside, sha256, lock_file: lock }: Input) => [db, staged, aside, sha256, lock];
const output = ({ set_aside, sha256 }: Input): Facts => ({ set_aside, sha256 });

/** `1234 node, 1300 worker` out of a script's `holder` lines. */
export const holderWords = (stdout: string): string =>
  plainLine(
    [...stdout.matchAll(/^holder (\S+) (.*)$/gm)]
      .map(([, pid = '', name = '']) =>
        pid === 'lock' ? `the lock file is locked (${name})` : pid === '-1' ? 'a lock' : `process ${pid} ${name}`.trim(),
      )
      .join(', '),
    300,
  );

/** Carries a swap or its undo out; failing names who holds the database. */
async function carryOut(
  context: ActionContext,
  input: Input,
  name: string,
  script: string,
): Promise<ActionOutcome | { readonly facts: Facts }> {
  const result = await runJob(context, { name, script, args: args(input) });
  if ('outcome' in result) return result.outcome;
  const { ended } = result;
  if (ended.exitCode === 0) return { facts: ended.facts };
  const holders = holderWords(ended.stdout);
  return failed(
    scriptProblem(holders === '' ? ended : { ...ended, stderr: holders }, {
      meanings: sqliteMeanings,
      hint:
        ended.exitCode === 44
          ? 'Something starts the service by itself. Stop that first (a supervisor, a timer), then resume or revert.'
          : ended.exitCode === 41
            ? 'Stop what holds it, then resume; or revert.'
            : 'Look at the files beside the database, then resume or revert.',
    }),
  );
}

const lookAt = async (session: SshSession, input: Input) => (await look(session, { script: swapLookScript, args: args(input) })).facts;

async function probe(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  if ((await jobState(context, 'swap')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const facts = await lookAt(await context.session(), input);
  if (facts['busy'] === 'yes') return { found: 'unknown', observed: 'The host is still at it.' };
  if (facts['state'] === 'none') return { found: 'not-done', observed: 'The live file is the one from before.' };
  if (facts['state'] === 'new' && facts['staged'] === 'no')
    return { found: 'done', observed: 'The restored file is the live one; the old files are set aside.', output: output(input) };
  const words =
    facts['state'] === 'missing'
      ? 'No database lies there: the old files are set aside.'
      : `It stopped half way (${facts['state'] ?? 'unknown'}).`;
  return { found: 'partly', observed: words, output: output(input) };
}

async function preflight(context: ActionContext, { db, lock_file: lock }: Input): Promise<readonly PreflightItem[]> {
  const id = 'holders';
  const title = 'Who holds the database';
  const end = await look(await context.session(), { script: holdersScript, args: [db, lock] });
  if (end.exitCode !== 0)
    return [{ id, title, verdict: 'block', detail: `${sqliteMeanings[end.exitCode] ?? `the look ended with ${end.exitCode}`}.` }];
  const { facts } = end;
  const words = holderWords(end.stdout);
  if (facts['sees'] !== 'all' && facts['wal'] !== 'yes' && lock === '')
    return [
      {
        id,
        title,
        verdict: 'block',
        detail: 'This login does not see what other users’ processes hold open. Use root, or name the service’s lock file.',
      },
    ];
  const held = words === '' ? 'Nobody has it open.' : `Now: ${words}. They must let go before anything is moved.`;
  return facts['lock'] === 'absent'
    ? [{ id, title, verdict: 'warn', detail: `${held} The lock file ${lock} is not there.` }]
    : [{ id, title, verdict: 'pass', detail: held }];
}

/** `sqlite.swap@1`: database, log and index go aside together, the staged file takes their place; nothing moves while anybody holds them. */
export const swapAction = defineAction<Input>({
  id: 'sqlite.swap@1',
  title: 'Swap the database files',
  effect: 'destructive',
  input: Input,
  outputs: ['set_aside', 'sha256'],
  describe: ({ db, staged, set_aside: aside, lock_file: lock }) => [
    {
      kind: 'ssh',
      text: `nobody holds ${db}, -wal, -shm${lock === '' ? '' : ` or the lock of ${lock}`} (/proc, flock), else nothing moves`,
    },
    { kind: 'ssh', text: `ln ${db}-wal ${db}-shm ${aside}/; mv ${db} ${aside}/; rm ${db}-wal ${db}-shm` },
    { kind: 'ssh', text: `ln ${staged} ${db}; rm ${staged}; sync` },
    { kind: 'ssh', text: 'still nobody holds it, and no -wal or -shm lies there; else everything is put back' },
  ],
  preflight,
  async execute(context, input) {
    const result = await carryOut(context, input, 'swap', swapScript);
    return 'outcome' in result
      ? result
      : done(`The restored file is in place. The old files are kept in ${input.set_aside}.`, output(input));
  },
  probe,
  undo: {
    title: 'Put the old files back',
    describe: ({ db, set_aside: aside }) => [
      { kind: 'ssh', text: `nobody holds ${db}, -wal, -shm, else nothing moves` },
      { kind: 'ssh', text: `mv ${db} ${db}-wal ${db}-shm ${aside}/restored/; mv the old ones back; sync` },
    ],
    async execute(context, input) {
      const result = await carryOut(context, input, 'swap-back', swapBackScript);
      if ('outcome' in result) return result;
      const kept = result.facts['kept'] ?? '';
      return done(`The files from before are back.${kept === '' ? '' : ` What was restored is kept in ${kept}.`}`);
    },
    async probe(context, input) {
      if ((await jobState(context, 'swap-back')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
      const facts = await lookAt(await context.session(), input);
      if (facts['busy'] === 'yes') return { found: 'unknown', observed: 'The host is still at it.' };
      return facts['undone'] === 'yes'
        ? { found: 'done', observed: 'The files from before are back.' }
        : { found: 'not-done', observed: 'The files from before are not back yet.' };
    },
  },
});
