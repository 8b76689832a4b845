import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { ActionContext, ActionOutcome, Facts, ProbeOutcome, SurveyItem } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { isPlaceholder } from '../../references.ts';
import type { ScriptEnd } from '../job.ts';
import { scriptProblem } from '../job.ts';
import { count, done, fact, failed, unknown } from '../tools.ts';
import type { MigrationsInput } from './migration-files.ts';
import { fileStep, listFiles, migrationPlace, migrationsInput, newestOf, readState, trackingOf, Version } from './migration-files.ts';
import { asData, list, pendingOf } from './migration-status.ts';
import type { FileStep } from './migration-text.ts';
import { migrationPrograms } from './migration-text.ts';
import { sqlMeanings as meanings } from './place.ts';

const DownInput = z.strictObject({
  ...migrationsInput,
  /** What must be the newest: nothing is done otherwise. */
  expected: fact(Version),
  /** Stays applied; empty: exactly one goes. */
  to: z.union([Version, z.literal('')]).default(''),
});
type DownInput = z.infer<typeof DownInput>;

/** The downs to carry out: newest first, and what is the newest afterwards. */
interface DownPlan {
  readonly steps: readonly FileStep[];
  readonly rows: readonly { readonly version: string; readonly row: string }[];
  readonly wanted: string;
  /** Versions without an up file: there is no way back by files. */
  readonly oneWay: readonly string[];
  readonly superuser: boolean;
}

/** @throws Problem `conflict`, `remote-file-missing`, `policy-refused`; nothing was done */
async function planDown(context: ActionContext, input: DownInput): Promise<DownPlan> {
  const state = await readState(context, input);
  const latest = newestOf(state);
  if (latest !== input.expected)
    throw new Problem(
      'conflict',
      `The newest migration is ${asData(latest)}, not ${input.expected} as confirmed. Nothing was rolled back.`,
      {
        hint: 'Make a new plan from what is applied now.',
      },
    );
  const stays = input.to === '' ? state.applied.length - 2 : state.applied.findIndex(({ version }) => version === input.to);
  if (input.to !== '' && stays < 0)
    throw new Problem('conflict', `${input.to} is not applied, so there is no way back to it. Nothing was rolled back.`);
  const rows = state.applied.slice(stays + 1).reverse();
  if (rows.length === 0) throw new Problem('conflict', `${input.to} is the newest already. Nothing was rolled back.`);
  const files = await listFiles(context, input);
  const steps: FileStep[] = [];
  for (const { version } of rows) {
    const name = files.find((file) => file.version === version)?.down;
    if (name === undefined)
      throw new Problem('remote-file-missing', `There is no down file of ${version} in ${input.folder}. Nothing was rolled back.`);
    steps.push(await fileStep(context, input, version, name));
  }
  const oneWay = rows
    .filter(({ version }) => files.find((file) => file.version === version)?.up === undefined)
    .map(({ version }) => version);
  return { steps, rows, wanted: state.applied[stays]?.version ?? '', oneWay, superuser: state.superuser };
}

const found = (end: ScriptEnd, mark: string): string[] =>
  end.stdout.split('\n').flatMap((line) => (line.startsWith(`${mark} `) ? [String(JSON.parse(line.slice(mark.length + 1)))] : []));
const difference = (end: ScriptEnd) => ({ gone: list(found(end, 'gone')), made: list(found(end, 'made')) });

/** What a program that came to its own end says, when that is no success. */
function refusal(end: ScriptEnd): Problem | undefined {
  const { verdict } = end.facts;
  if (verdict === 'changed')
    return new Problem('conflict', `The newest migration is ${end.facts['found'] ?? 'another'} by now. Nothing was carried out.`, {
      hint: 'Somebody else migrates. Make a new plan.',
    });
  if (verdict === 'mismatch')
    return new Problem('verification-failed', 'The rows of the migrations did not become what was wanted, so everything was rolled back.', {
      hint: 'Does the file write the table of the migrations itself?',
    });
  return undefined;
}

const shownDown = (input: DownInput, end: string) =>
  migrationPlace(input).shown(
    `BEGIN; LOCK ${input.tracking_table}; (newest = ${input.expected}, or nothing) ‹${input.folder}/${input.expected}…${input.down_suffix}${input.to === '' ? '' : `, and each after ${input.to}`}›; DELETE FROM ${input.tracking_table} ‹its row›; ${end}`,
  );

async function surveyDown(context: ActionContext, given: Readonly<Record<string, unknown>>): Promise<SurveyItem[]> {
  const { expected: _expected, to: _to, ...rest } = given;
  const input = z.strictObject(migrationsInput).parse(rest) as MigrationsInput;
  const [state, files] = [await readState(context, input), await listFiles(context, input)];
  const latest = newestOf(state);
  return [
    {
      parameter: 'expected',
      title: 'Newest migration',
      detail: `${count(state.applied.length, 'migration')} applied, pending: ${list(pendingOf(state, files))}.`,
      choices: latest === '' ? [] : [{ value: latest, label: `${latest} (the newest)` }],
    },
    {
      parameter: 'to',
      title: 'Version to go back to',
      detail: 'It stays applied; everything after it is rolled back in one transaction.',
      choices: state.applied
        .slice(0, -1)
        .reverse()
        .map(({ version }, index) => ({ value: version, label: `${version} (rolls back ${index + 1})` })),
    },
  ];
}

/** `migration.sql-dry-run@1`: the same transaction, rolled back: what it would do is seen and not guessed. */
export const sqlDryRunAction = defineAction<DownInput>({
  id: 'migration.sql-dry-run@1',
  title: 'Try the down files without keeping it',
  effect: 'read',
  input: DownInput,
  outputs: ['gone', 'made', 'versions'],
  describe: (input) => [shownDown(input, 'ROLLBACK  (locks what it touches while it lasts)')],
  survey: surveyDown,
  async execute(context, input) {
    const plan = await planDown(context, input);
    const program = migrationPrograms(input.engine).migrate(trackingOf(input), input.expected, plan.wanted, plan.steps, true);
    const end = await migrationPlace(input)
      .read(context, program)
      .catch((error: unknown) => toProblem(error));
    if (!('facts' in end)) return failed(end);
    const refused = refusal(end);
    if (refused !== undefined) return failed(refused);
    const { gone, made } = difference(end);
    const versions = plan.rows.map(({ version }) => version).join(', ');
    return done(`Tried and rolled back: ${versions} would go. Gone would be: ${gone}. New would be: ${made}.`, { gone, made, versions });
  },
  probe: async () => ({ found: 'not-done', observed: 'Trying again is harmless.' }),
  undo: 'nothing-to-undo',
});

/** Carries files out and judges what was seen. `expected` is the newest before, `wanted` after. */
async function carryOut(
  context: ActionContext,
  input: DownInput,
  name: 'down' | 'up',
  steps: readonly FileStep[],
  expected: string,
  wanted: string,
  output: Facts,
): Promise<ActionOutcome> {
  const place = migrationPlace(input);
  const program = migrationPrograms(input.engine).migrate(trackingOf(input), expected, wanted, steps, false);
  const result = await place.change(context, name, program);
  if ('outcome' in result) return result.outcome;
  const { ended } = result;
  const refused = refusal(ended);
  if (refused !== undefined) return failed(refused);
  try {
    if (ended.facts['verdict'] !== 'committed') {
      const cutOff = ended.exitCode === 2 || ended.exitCode > 128;
      const seen = cutOff ? await settle(context, input, name, expected, wanted, output) : undefined;
      if (seen === undefined || seen.found === 'not-done')
        return failed(scriptProblem(ended, { meanings, hint: 'The file and its row are as before.' }));
      if (seen.found !== 'done') return unknown(new Problem('outcome-unknown', seen.observed));
      return done(seen.observed, seen.output);
    }
    const now = newestOf(await readState(context, input));
    if (now === expected)
      return failed(
        new Problem('verification-failed', `It was answered that it is done, and the newest migration is still ${asData(now)}.`),
      );
    const { gone, made } = difference(ended);
    const versions = steps.map(({ version }) => version).join(', ');
    return done(
      `${versions} ${name === 'down' ? 'rolled back' : 'applied again'}; the newest is ${asData(now)}. Gone: ${gone}. New: ${made}.`,
      { ...output, gone, made },
    );
  } catch (error) {
    return unknown(toProblem(error));
  }
}

async function settle(
  context: ActionContext,
  input: DownInput,
  name: 'down' | 'up',
  expected: string,
  wanted: string,
  output: Facts,
): Promise<ProbeOutcome> {
  const seen = await migrationPlace(input).settle(context, name, async () => {
    const now = newestOf(await readState(context, input));
    return now === wanted ? 'done' : now === expected ? 'not-done' : 'unknown';
  });
  if (seen.state === 'absent' || seen.state === 'not-done') return { found: 'not-done', observed: seen.words };
  if (seen.state !== 'done') return { found: 'unknown', observed: seen.words };
  return {
    found: 'done',
    observed: `${seen.words} The newest migration is ${asData(newestOf(await readState(context, input)))}.`,
    output: { gone: '', made: '', ...output },
  };
}

async function preflight(context: ActionContext, input: DownInput): Promise<readonly PreflightItem[]> {
  if (isPlaceholder(input.expected)) return [];
  const item = (id: string, title: string, verdict: PreflightItem['verdict'], detail: string): PreflightItem => ({
    id,
    title,
    verdict,
    detail,
  });
  let plan: DownPlan;
  try {
    plan = await planDown(context, input);
  } catch (error) {
    const { code, message } = toProblem(error);
    const seen = code === 'conflict' || code === 'remote-file-missing' || code === 'policy-refused';
    return [item('migration', 'Migrations', seen ? 'block' : 'unknown', message)];
  }
  const versions = plan.rows.map(({ version }) => version).join(', ');
  return [
    item(
      'migration',
      'Migrations',
      'pass',
      `Rolls back ${versions}; the newest is then ${asData(plan.wanted)}. Every down file is there and may be carried out.`,
    ),
    plan.oneWay.length === 0
      ? item(
          'way-back',
          'Way back',
          'pass',
          'Every up file is there. What the down files drop comes back empty by them; its data is in the backup.',
        )
      : item('way-back', 'Way back', 'warn', `No up file of ${plan.oneWay.join(', ')}: only the backup is a way back.`),
    ...(plan.superuser
      ? [
          item(
            'role',
            'Role',
            'warn',
            'The files run as a superuser, who may do anything on that host. Better is the role that owns the tables.',
          ),
        ]
      : []),
  ];
}

/** `migration.sql-down@1`: down files and their rows in one transaction, when the newest is the one that was confirmed. */
export const sqlDownAction = defineAction<DownInput>({
  id: 'migration.sql-down@1',
  title: 'Roll migrations back',
  effect: 'destructive',
  input: DownInput,
  outputs: ['versions', 'latest', 'gone', 'made'],
  describe: (input) => [
    { kind: 'sftp', text: `get ${input.folder}/‹the down files›  (read, checked, and carried out as they were read)` },
    shownDown(input, 'COMMIT'),
  ],
  preflight,
  survey: surveyDown,
  async execute(context, input) {
    let plan: DownPlan;
    let output: Record<string, string>;
    try {
      plan = await planDown(context, input);
      output = {
        versions: plan.rows.map(({ version }) => version).join(', '),
        latest: plan.wanted,
        rows: JSON.stringify(plan.rows),
      };
      context.record(output);
    } catch (error) {
      return failed(toProblem(error));
    }
    return carryOut(context, input, 'down', plan.steps, input.expected, plan.wanted, output);
  },
  async probe(context, input) {
    const { rows, versions, latest } = context.recorded;
    if (rows === undefined) return { found: 'not-done', observed: 'It was never begun.' };
    return settle(context, input, 'down', input.expected, latest ?? '', { rows, versions: versions ?? '', latest: latest ?? '' });
  },
  undo: {
    title: 'Apply the up files again (what was dropped comes back empty; its data is in the backup)',
    describe: (input) => [
      migrationPlace(input).shown(
        `BEGIN; (newest as this step left it, or nothing) ‹${input.folder}/…${input.up_suffix}›; INSERT INTO ${input.tracking_table} ‹its row as it was›; COMMIT`,
      ),
    ],
    async execute(context, input, output) {
      try {
        const rows = z.array(z.strictObject({ version: z.string(), row: z.string() })).parse(JSON.parse(output['rows'] ?? '[]'));
        const files = await listFiles(context, input);
        const steps: FileStep[] = [];
        for (const { version, row } of [...rows].reverse()) {
          const up = files.find((file) => file.version === version)?.up;
          if (up === undefined)
            return failed(
              new Problem('remote-file-missing', `There is no up file of ${version}, so it can't be applied again.`, {
                hint: 'Restore the backup that was made before.',
              }),
            );
          steps.push(await fileStep(context, input, version, up, row));
        }
        return await carryOut(context, input, 'up', steps, output['latest'] ?? '', input.expected, output);
      } catch (error) {
        return failed(toProblem(error));
      }
    },
    probe: (context, input, output) => settle(context, input, 'up', output['latest'] ?? '', input.expected, output),
  },
});
