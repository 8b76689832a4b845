import { z } from 'zod';
import type { Environment } from '../../../../contract/environments.ts';
import type { PlanCommand, PreflightItem } from '../../../../contract/runs.ts';
import type { ActionContext } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { isPlaceholder } from '../../references.ts';
import { count, done, fact } from '../tools.ts';
import { replaceParameters } from './guard.ts';
import { sqlPlace, sqlPlaceInput } from './place.ts';
import type { Change, Preview } from './rows.ts';
import { changeRows, confirmation, notConfirmed, preview, probeRows, probeUndoRows, undoRows } from './rows.ts';
import { checkValues, Definition } from './values.ts';

/** What was confirmed: a count of rows, or `count-hash` as the preview gives it. */
export const Confirmed = fact(
  z.string().regex(/^\d{1,6}(-[0-9a-f]{12})?$/, 'a number of rows, or what the preview says, such as 12-0123456789ab'),
);

const PreviewInput = z.strictObject({
  ...sqlPlaceInput,
  /** Put in when the stack is loaded. */
  definition: Definition,
  /** In the order of the statement's parameters. */
  values: z.array(z.string().max(1000)).max(10).default([]),
});
type PreviewInput = z.infer<typeof PreviewInput>;
const Input = PreviewInput.extend({ confirmed: Confirmed });
type Input = z.infer<typeof Input>;

const changeOf = (input: PreviewInput): Change => ({
  place: sqlPlace(input.definition.engine, input),
  definition: input.definition,
  values: checkValues(input.definition.parameters, input.values),
});

/** SQL as a plan shows it: one line, the values where they go. */
function readable(input: PreviewInput, sql: string): string {
  const values = checkValues(input.definition.parameters, input.values);
  return replaceParameters(sql, input.definition.engine, (name) => `‹${name} = ${values[name] ?? ''}›`)
    .replace(/\s+/g, ' ')
    .trim();
}

/** Count, then the first rows. */
export function previewWords(found: Preview): string {
  const first = found.shown.slice(0, 5);
  const more = found.rows - first.length;
  return `${count(found.rows, 'row')}${found.rows === 0 ? '' : ` (${confirmation(found)}): ${first.join(' · ')}${more > 0 ? ` · and ${more} more` : ''}`}`;
}

const describePreview = (input: PreviewInput): PlanCommand =>
  sqlPlace(input.definition.engine, input).shown(`BEGIN READ ONLY; ${readable(input, input.definition.preview)}`);

async function surveyRows(context: ActionContext, given: Readonly<Record<string, unknown>>) {
  const checked = PreviewInput.safeParse(Object.fromEntries(Object.entries(given).filter(([name]) => name !== 'confirmed')));
  // Said even when nothing can be looked at yet: a host that had nothing to say is not asked again.
  if (!checked.success || checked.data.values.length < checked.data.definition.parameters.length)
    return [{ parameter: 'confirmed', title: 'Rows that will be affected', detail: 'Shown here as soon as the other inputs are given.' }];
  const found = await preview(context, changeOf(checked.data));
  return [
    {
      parameter: 'confirmed',
      title: 'Rows that will be affected',
      detail: previewWords(found),
      choices:
        found.rows === 0 || found.hash === '' ? [] : [{ value: confirmation(found), label: `${count(found.rows, 'row')}, exactly these` }],
    },
  ];
}

/** `sql.preview@1`: what a statement of the stack would affect. */
export const previewAction = defineAction<PreviewInput>({
  id: 'sql.preview@1',
  title: 'Show the rows that would be affected',
  effect: 'read',
  input: PreviewInput,
  outputs: ['rows', 'confirmation', 'first'],
  describe: (input) => [describePreview(input)],
  async execute(context, input) {
    const found = await preview(context, changeOf(input));
    return done(`Would affect ${previewWords(found)}`, {
      rows: String(found.rows),
      confirmation: found.hash === '' ? '' : confirmation(found),
      first: found.shown.join(' · ').slice(0, 2000),
    });
  },
  probe: async () => ({ found: 'not-done', observed: 'Looking again is harmless.' }),
  undo: 'nothing-to-undo',
});

async function preflight(context: ActionContext, input: Input): Promise<readonly PreflightItem[]> {
  const change = changeOf(input);
  if (isPlaceholder(input.confirmed) || input.values.some(isPlaceholder)) return [];
  const found = await preview(context, change);
  const stale = notConfirmed(found, input.definition, input.confirmed);
  return [
    {
      id: 'rows',
      title: 'Rows that will be affected',
      verdict: stale === undefined ? 'pass' : 'block',
      detail: `${stale === undefined ? '' : `${stale.message} `}${previewWords(found)}`.slice(0, 1900),
    },
    ...(found.triggers === 0
      ? []
      : [
          {
            id: 'triggers',
            title: 'Triggers',
            verdict: 'warn' as const,
            detail: `${count(found.triggers, 'trigger')} of ${input.definition.table} may run; what they do elsewhere is not taken back by a revert.`,
          },
        ]),
  ];
}

/** `sql.statement@1`: a named statement of the stack, on exactly the rows that were confirmed, in one transaction. */
export const statementAction = defineAction<Input>({
  id: 'sql.statement@1',
  title: 'Change rows by a statement of the stack',
  effect: 'destructive',
  input: Input,
  outputs: ['rows', 'image', 'before', 'after'],
  describe: (input: Input, _environment: Environment) => [
    describePreview(input),
    { kind: 'local', text: `keep the ${input.confirmed.split('-')[0]} rows as they are on this laptop` },
    sqlPlace(input.definition.engine, input).shown(
      `BEGIN; (the same rows as in the preview, or nothing) ${readable(input, input.definition.sql)}; COMMIT`,
    ),
  ],
  preflight,
  survey: surveyRows,
  execute: (context, input) => changeRows(context, changeOf(input), input.confirmed),
  probe: (context, input) => probeRows(context, changeOf(input)),
  undo: {
    title: 'Write the kept rows back',
    describe: (input) => [
      sqlPlace(input.definition.engine, input).shown(
        input.definition.snapshot.length === 0
          ? `BEGIN; (only when they are still gone) INSERT INTO ${input.definition.table} ‹the kept rows›; COMMIT`
          : `BEGIN; (only when they are as the statement left them) UPDATE ${input.definition.table} SET ${input.definition.snapshot.map((name) => `${name} = ‹kept›`).join(', ')}; COMMIT`,
      ),
    ],
    execute: (context, input, output) => undoRows(context, changeOf(input), output),
    probe: (context, input, output) => probeUndoRows(context, changeOf(input), output),
  },
});
