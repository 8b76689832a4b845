import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { ActionContext, SurveyItem } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import type { MigrationsAnswer } from '../../friendlyface/answers.ts';
import { count, done, fact, failed } from '../tools.ts';
import { ApiInput, friendlyFace, shown } from './input.ts';

/** Version of a migration, as the deployment writes it. */
export const MigrationVersion = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'the version of a migration, such as 005');

/** The latest applied migration; empty when there is none. */
export const latestOf = ({ applied }: MigrationsAnswer) => applied.at(-1) ?? '';

const list = (versions: readonly string[]) => (versions.length === 0 ? 'none' : plainLine(versions.slice(-20).join(', '), 400));

/** The state of the migrations in one sentence. */
export const migrationWords = ({ applied, pending }: MigrationsAnswer) =>
  `${count(applied.length, 'migration')} applied (latest ${applied.at(-1) === undefined ? 'none' : plainLine(applied.at(-1) ?? '', 60)}), pending: ${list(pending)}.`;

const statusFacts = (status: MigrationsAnswer) => ({
  latest: latestOf(status),
  applied: list(status.applied),
  pending: list(status.pending),
  applied_count: String(status.applied.length),
  pending_count: String(status.pending.length),
});

/** What can be rolled back, and to where. */
export async function surveyMigrations(context: ActionContext, input: { base_url: string; secret: string }): Promise<SurveyItem[]> {
  const status = await friendlyFace(context, input).migrations();
  const latest = latestOf(status);
  return [
    {
      parameter: 'expected',
      title: 'Latest applied migration',
      detail: migrationWords(status),
      choices: latest === '' ? [] : [{ value: latest, label: `${latest} (the latest applied)` }],
    },
    {
      parameter: 'to',
      title: 'Version to go back to',
      detail: 'It stays applied; everything after it is rolled back, one by one.',
      choices: status.applied
        .slice(0, -1)
        .reverse()
        .map((value, index) => ({ value, label: `${value} (rolls back ${index + 1})` })),
    },
  ];
}

const StatusInput = z.strictObject({
  ...ApiInput,
  /** What must be the latest applied; not compared when empty. */
  expect: fact(z.string().max(100)).default(''),
});
type StatusInput = z.infer<typeof StatusInput>;

/** `friendlyface.migrations-status@1`. */
export const migrationsStatusAction = defineAction<StatusInput>({
  id: 'friendlyface.migrations-status@1',
  title: 'Read the state of the migrations',
  effect: 'read',
  input: StatusInput,
  outputs: ['latest', 'applied', 'pending', 'applied_count', 'pending_count'],
  describe: ({ base_url, secret }) => [shown(base_url, 'GET', '/admin/migrations/status', secret)],
  async execute(context, input) {
    const status = await friendlyFace(context, input).migrations();
    if (input.expect !== '' && latestOf(status) !== input.expect)
      return failed(
        new Problem(
          'verification-failed',
          `The latest applied migration is ${plainLine(latestOf(status), 60) || 'none'}, not ${input.expect}.`,
          { hint: 'Somebody else migrates, or the service applied pending migrations at its start.' },
        ),
      );
    return done(migrationWords(status), statusFacts(status));
  },
  probe: async () => ({ found: 'not-done', observed: 'Reading again is harmless.' }),
  undo: 'nothing-to-undo',
});

const DryInput = z.strictObject({ ...ApiInput, expected: fact(MigrationVersion) });
type DryInput = z.infer<typeof DryInput>;

/**
 * Asks what a rollback would do, and sees that the asking did nothing.
 * @throws Problem with the service's words when it refuses (no down file), `conflict` when another migration is the latest
 */
export async function dryRun(context: ActionContext, input: DryInput): Promise<{ version: string; name: string }> {
  const api = friendlyFace(context, input);
  const before = await api.migrations();
  if (latestOf(before) !== input.expected) throw otherLatest(input.expected, latestOf(before));
  const answer = await api.rollbackDry();
  const after = await api.migrations();
  if (latestOf(after) !== input.expected)
    throw new Problem(
      'verification-failed',
      `After a dry run the latest migration is ${latestOf(after) || 'none'}, not ${input.expected}.`,
      {
        hint: 'The dry run was none, or somebody else migrates. Look before anything else is done.',
      },
    );
  if (answer.rolled_back !== input.expected) throw otherLatest(input.expected, answer.rolled_back);
  if (!answer.dry_run)
    throw new Problem('http-unexpected', 'The deployment does not say that it was a dry run.', {
      hint: 'Do not roll back with this version.',
    });
  return { version: answer.rolled_back, name: plainLine(answer.name, 100) };
}

/** Somebody was faster: nothing was done. */
export const otherLatest = (expected: string, found: string) =>
  new Problem(
    'conflict',
    `The latest applied migration is ${found === '' ? 'none' : plainLine(found, 60)}, not ${expected} as confirmed. Nothing was rolled back.`,
    { hint: 'Make a new plan from what is applied now.' },
  );

/** `friendlyface.migration-dry-run@1`: a POST that changes nothing, and is seen to have changed nothing. */
export const migrationDryRunAction = defineAction<DryInput>({
  id: 'friendlyface.migration-dry-run@1',
  title: 'Try a rollback without doing it',
  effect: 'read',
  input: DryInput,
  outputs: ['version', 'name'],
  describe: ({ base_url, secret }) => [
    shown(base_url, 'GET', '/admin/migrations/status', secret),
    shown(base_url, 'POST', '/admin/migrations/rollback?dry_run=true', secret),
    shown(base_url, 'GET', '/admin/migrations/status', secret),
  ],
  survey: (context, given) =>
    surveyMigrations(context, { base_url: String(given['base_url']), secret: String(given['secret'] ?? 'api-key') }),
  async execute(context, input) {
    const { version, name } = await dryRun(context, input);
    return done(`A rollback would undo ${version} ${name}; it has a down file. Nothing was changed.`, { version, name });
  },
  probe: async () => ({ found: 'not-done', observed: 'Trying again is harmless.' }),
  undo: 'nothing-to-undo',
});
