import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import { defineAction } from '../../../engine/action.ts';
import { look } from '../job.ts';
import { done, failed, RemotePath } from '../tools.ts';
import { PathFact, TextFact } from './input.ts';
import { lookAtLive } from './live.ts';
import { rowsFact, rowsOf, rowsWords } from './report.ts';

const Input = z.strictObject({
  db: RemotePath,
  /** Rows that were staged. */
  rows: TextFact,
  schema: TextFact.default(''),
  /** Rows that were live before; the data is not believed to be the restored one when it has those again. */
  before: TextFact.default(''),
  /** Folder of the swap: the file must be the one that was put there. */
  set_aside: z.union([z.literal(''), PathFact]).default(''),
  /** Tables that must not have fewer rows than were staged; all of them when none is named. */
  tables: z.array(z.string().min(1).max(60)).default([]),
});
type Input = z.infer<typeof Input>;
type Rows = Readonly<Record<string, number>>;

const planScript = `sed -n 's/^new=/new=/p' "$1/plan" 2>/dev/null
`;

/** Why the live rows are not those of the restored data, in words; undefined when they can be. */
export function rowsTrouble(live: Rows, staged: Rows, before: Rows | undefined, tables: readonly string[]): string | undefined {
  const names = tables.length > 0 ? tables : Object.keys(staged);
  const fewer = names.filter((name) => (live[name] ?? 0) < (staged[name] ?? 0));
  if (fewer.length > 0)
    return `fewer rows than were restored: ${fewer.map((name) => `${name} ${live[name] ?? 0} instead of ${staged[name] ?? 0}`).join(', ')}`;
  const changed = names.filter((name) => before !== undefined && before[name] !== staged[name]);
  if (changed.length > 0 && changed.every((name) => live[name] === before?.[name])) return 'it has the rows from before the restore again';
  return undefined;
}

/** `sqlite.verify-live@1`: opens the live file for reading, leaves nothing beside it, and compares it with what was staged. */
export const verifyLiveAction = defineAction<Input>({
  id: 'sqlite.verify-live@1',
  title: 'Verify what is live now',
  effect: 'read',
  input: Input,
  outputs: ['rows', 'schema'],
  describe: ({ db }) => [
    { kind: 'ssh', text: `sqlite3 -readonly ${db} "PRAGMA integrity_check; PRAGMA foreign_key_check"; rows by table` },
    { kind: 'local', text: 'the file is the one that was put there; rows are those that were staged, or more' },
  ],
  async execute(context, input) {
    const session = await context.session();
    const live = await lookAtLive(session, input.db);
    const bad = (why: string) =>
      failed(
        new Problem('verification-failed', `The live database is not what was restored: ${why}.`, {
          hint: 'Revert puts the old files back.',
        }),
      );
    if (typeof live === 'string') return failed(new Problem('verification-failed', live));
    if (input.set_aside !== '') {
      const { facts } = await look(session, { script: planScript, args: [input.set_aside] });
      if (facts['new'] !== live.id) return bad('another file lies there than was put there');
    }
    const { report } = live;
    if (report.integrity !== 'ok') return bad(`integrity_check says ${report.integrity}`);
    if (!report.counted) return bad('its rows could not be counted');
    const staged = rowsOf(input.rows);
    if (staged === undefined) return bad('what was staged is not known');
    const trouble = rowsTrouble(report.tables, staged, rowsOf(input.before), input.tables);
    if (trouble !== undefined) return bad(trouble);
    const schema =
      input.schema === '' || input.schema === report.schema ? '' : ' Its tables were changed since, as a migration at start does.';
    return done(`integrity_check ok, rows: ${rowsWords(report.tables)}.${schema}`, {
      rows: rowsFact(report.tables),
      schema: report.schema,
    });
  },
  probe: async () => ({ found: 'not-done', observed: 'Looking again is harmless.' }),
  undo: 'nothing-to-undo',
});
