import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import { defineAction } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import { count, done, fact, failed } from '../tools.ts';
import type { MigrationFile, MigrationState } from './migration-files.ts';
import { listFiles, migrationPlace, migrationsInput, missingObjects, newestOf, readState } from './migration-files.ts';

/** Names in a line, not too many. */
export const list = (names: readonly string[], most = 12) =>
  names.length === 0
    ? 'none'
    : plainLine(`${names.slice(0, most).join(', ')}${names.length > most ? ` and ${names.length - most} more` : ''}`, 800);

const StatusInput = z.strictObject({
  ...migrationsInput,
  /** What must be the newest; not compared when empty. */
  expect: fact(z.string().max(150)).default(''),
});
type StatusInput = z.infer<typeof StatusInput>;

/** A version as the database has it, made harmless. */
export const asData = (version: string) => (version === '' ? 'none' : plainLine(version, 100));
/** Versions with an up file and no row. */
export const pendingOf = (state: MigrationState, files: readonly MigrationFile[]) =>
  files
    .filter(({ version, up }) => up !== undefined && !state.applied.some((one) => one.version === version))
    .map(({ version }) => version);

/** `migration.sql-status@1`: rows, files, and whether what the rows claim is there. */
export const sqlStatusAction = defineAction<StatusInput>({
  id: 'migration.sql-status@1',
  title: 'Read the state of the migrations',
  effect: 'read',
  input: StatusInput,
  outputs: ['latest', 'applied_count', 'pending', 'missing', 'strays'],
  describe: (input) => [
    migrationPlace(input).shown(`BEGIN READ ONLY; SELECT * FROM ${input.tracking_table}; ‹tables and columns›`),
    { kind: 'sftp', text: `ls ${input.folder}; get the up files` },
  ],
  async execute(context, input) {
    const [state, files] = [await readState(context, input), await listFiles(context, input)];
    const latest = newestOf(state);
    if (input.expect !== '' && latest !== input.expect)
      return failed(
        new Problem('verification-failed', `The newest migration is ${asData(latest)}, not ${input.expect}.`, {
          hint: 'Somebody else migrates.',
        }),
      );
    const missing = await missingObjects(context, input, state, files);
    const strays = state.applied.filter(({ version }) => !files.some((file) => file.version === version)).map(({ version }) => version);
    const pending = pendingOf(state, files);
    const words = `${count(state.applied.length, 'migration')} applied (newest ${asData(latest)}), pending: ${list(pending)}.`;
    return done(
      missing.length === 0
        ? words
        : `${words} Applied by their rows, and not there: ${list(missing)}: carried out in part, or rolled back without the row.`,
      { latest, applied_count: String(state.applied.length), pending: list(pending), missing: list(missing), strays: list(strays) },
    );
  },
  probe: async () => ({ found: 'not-done', observed: 'Reading again is harmless.' }),
  undo: 'nothing-to-undo',
});
