import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PlanCommand } from '../../../../contract/runs.ts';
import type { ActionContext, ActionOutcome, Facts } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import type { Meanings, ScriptEnd } from '../job.ts';
import { jobState, look, runJob, scriptFacts, scriptProblem } from '../job.ts';
import { PgName, pgPassword, pgPlaceInput, pgProblem, pgScript, pgShown, placeOf } from '../postgres/place.ts';
import { failed, RemotePath } from '../tools.ts';
import { settleProgram } from './postgres-text.ts';
import { sqliteProgram } from './sqlite-program.ts';
import { settleTold } from './sqlite-text.ts';
import type { Dialect } from './tokens.ts';

/** Where a database is: PostgreSQL's place, or the path of a SQLite file as `database`. */
export const sqlPlaceInput = { ...pgPlaceInput, database: z.string().min(1).max(1024) };
export type SqlPlaceInput = z.infer<z.ZodObject<typeof sqlPlaceInput>>;

/** How a change that was begun stands, as seen on the host and in the database. */
export interface Settled {
  readonly state: 'absent' | 'running' | 'done' | 'not-done' | 'unknown';
  /** What its program had said. */
  readonly facts: Facts;
  readonly words: string;
}

/** One database, reached over SSH. Programs are made by the text builders of its dialect; data is in them as hexadecimal digits only. */
export interface SqlPlace {
  readonly dialect: Dialect;
  shown(sql: string): PlanCommand;
  /** A program that reads, seen to end. @throws Problem with the database's words */
  read(context: ActionContext, program: string): Promise<ScriptEnd>;
  /** A program that changes something, once per step key. `ended` has its facts, `verdict` among them when it came to its own end. */
  change(context: ActionContext, name: string, program: string): Promise<{ ended: ScriptEnd } | { outcome: ActionOutcome }>;
  /**
   * How the change of that name under this step's key stands. Reads only. Where the database keeps no account of its transactions,
   * `observe` looks at what they were to change; it is only asked when nobody is at it any more.
   */
  settle(context: ActionContext, name: string, observe: (facts: Facts) => Promise<'done' | 'not-done' | 'unknown'>): Promise<Settled>;
}

/** Longest answer of a look, in bytes. */
const MOST = 16 * 1024 * 1024;

/** What marks the sessions of a step in `pg_stat_activity`. */
const application = (context: ActionContext, name: string) =>
  `qd-${createHash('sha256').update(`${context.stepKey}-${name}`).digest('hex').slice(0, 24)}`;

const programText = 'PGAPPNAME=$1\nexport PGAPPNAME\nqd_psql\n';
const feedScript = 'pg_feed "$@"\n';
/** What the exit codes of psql, and of our program for SQLite, mean here. */
export const sqlMeanings: Meanings = {
  2: 'the server ended the connection',
  3: 'the database refused it, and nothing was changed',
  40: 'python3 is not on the host; SQLite is reached through it',
  44: 'the database file is not there',
};

function postgres(input: SqlPlaceInput): SqlPlace {
  const place = placeOf({ ...input, database: PgName.parse(input.database) });
  const script = (app: string) => pgScript(place, feedScript, [programText, app]);
  const read = async (context: ActionContext, program: string): Promise<ScriptEnd> => {
    const input = `${await pgPassword(context, place)}${program}`;
    const end = await look(await context.session(), script('quarterdeck'), {
      input,
      maxBytes: MOST,
      timeoutMs: 60_000,
      signal: context.signal,
    });
    if (end.exitCode !== 0) throw pgProblem(end);
    if (end.facts['end'] !== 'yes') throw new Problem('remote-command-failed', 'PostgreSQL’s answer was cut off.', { retryable: true });
    return end;
  };
  return {
    dialect: 'postgres',
    shown: (sql) => pgShown(place, 'psql', `<<< ${sql}`),
    read,
    async change(context, name, program) {
      let password: string;
      try {
        password = await pgPassword(context, place);
      } catch (error) {
        return { outcome: failed(toProblem(error)) };
      }
      return runJob(context, { name, ...script(application(context, name)), input: `${password}${program}` });
    },
    async settle(context, name) {
      const { state, facts } = await jobState(context, name);
      if (state === 'absent') return { state, facts, words: 'It was never begun.' };
      if (state === 'running') return { state, facts, words: 'The host is still at it.' };
      const { verdict, xid } = facts;
      // What the program gave up with its own word, or was refused, has done nothing.
      if (verdict !== undefined && verdict !== 'committed') return { state: 'not-done', facts, words: `It gave up: ${verdict}.` };
      const found = scriptFacts((await read(context, settleProgram(xid ?? '', application(context, name)))).stdout);
      if (found['alive'] !== '0') return { state: 'running', facts, words: 'Its session is still open at the server.' };
      if (xid === undefined) return { state: 'not-done', facts, words: 'Its transaction never came to its end.' };
      const end = found['transaction'];
      if (end === 'committed') return { state: 'done', facts, words: `Its transaction ${xid} is committed.` };
      if (end === 'aborted') return { state: 'not-done', facts, words: `Its transaction ${xid} was rolled back.` };
      return { state: 'unknown', facts, words: `The server does not say how transaction ${xid} ended.` };
    },
  };
}

const pythonScript = `command -v python3 >/dev/null 2>&1 || exit 40
exec python3 -I -c "$1" "$2" "$3"
`;

function sqlite(path: string): SqlPlace {
  const script = (mark: string) => ({ script: pythonScript, args: [sqliteProgram, path, mark] });
  const read = async (context: ActionContext, program: string): Promise<ScriptEnd> => {
    const options = { input: program, maxBytes: MOST, timeoutMs: 60_000, signal: context.signal };
    const end = await look(await context.session(), script('quarterdeck'), options);
    if (end.exitCode !== 0) throw new Problem('remote-command-failed', scriptProblem(end, { meanings: sqlMeanings }).message);
    if (end.facts['end'] !== 'yes') throw new Problem('remote-command-failed', 'The answer was cut off.', { retryable: true });
    return end;
  };
  return {
    dialect: 'sqlite',
    shown: (sql) => ({ kind: 'ssh', text: `python3 (sqlite3) ${path} <<< ${sql}` }),
    read,
    change: (context, name, program) => runJob(context, { name, ...script(application(context, name)), input: program }),
    async settle(context, name, observe) {
      const { state, facts } = await jobState(context, name);
      if (state === 'absent') return { state, facts, words: 'It was never begun.' };
      if (state === 'running') return { state, facts, words: 'The host is still at it.' };
      const { verdict } = facts;
      if (verdict === 'committed') return { state: 'done', facts, words: 'It was committed.' };
      if (verdict !== undefined) return { state: 'not-done', facts, words: `It gave up: ${verdict}.` };
      const { alive } = (await read(context, settleTold(application(context, name)))).facts;
      if (alive !== 'no') return { state: 'running', facts, words: 'Its process is still there.' };
      if (facts['recorded'] !== 'yes') return { state: 'not-done', facts, words: 'It never came to its commit.' };
      const found = await observe(facts);
      const words = {
        done: 'What it was to change is changed.',
        'not-done': 'Nothing of it is there.',
        unknown: 'What is there now tells nothing.',
      };
      return { state: found, facts, words: words[found] };
    },
  };
}

/** The database that parameters lead to. @throws Problem `bad-input` */
export function sqlPlace(dialect: Dialect, input: SqlPlaceInput): SqlPlace {
  const checked = dialect === 'postgres' ? PgName.safeParse(input.database) : RemotePath.safeParse(input.database);
  if (!checked.success)
    throw new Problem(
      'bad-input',
      `database: must be ${dialect === 'postgres' ? 'the name of a database' : 'an absolute path of a file on the host'}.`,
    );
  return dialect === 'postgres' ? postgres(input) : sqlite(input.database);
}
