import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../../../contract/problem.ts';
import type { ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { plainLine, toProblem } from '../../../engine/words.ts';
import type { StatementDefinition } from '../../statement-schema.ts';
import type { ScriptEnd } from '../job.ts';
import { scriptProblem } from '../job.ts';
import { count, done, failed, unknown } from '../tools.ts';
import type { SqlPlace } from './place.ts';
import { sqlMeanings as meanings } from './place.ts';
import { programsFor } from './programs.ts';

/** A statement with its values at a place. */
export interface Change {
  readonly place: SqlPlace;
  readonly definition: StatementDefinition;
  readonly values: Readonly<Record<string, string>>;
}

/** What a statement would affect. */
export interface Preview {
  readonly rows: number;
  /** SHA-256 of what is kept of the rows; empty when there are too many. */
  readonly hash: string;
  readonly image: string;
  /** The first rows, as JSON, masked. */
  readonly shown: readonly string[];
  /** Triggers of the table, and foreign keys by which a DELETE reaches other tables. */
  readonly triggers: number;
  readonly cascades: number;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const lines = (end: ScriptEnd, mark: string) =>
  end.stdout.split('\n').flatMap((line) => (line.startsWith(`${mark} `) ? [line.slice(mark.length + 1)] : []));
const number = (text: string | undefined) => (/^\d{1,15}$/.test(text ?? '') ? Number(text) : Number.NaN);

/** Rows as a person sees them: some columns masked, cut to length. */
function shownRow(json: string, masked: readonly string[]): string {
  try {
    const row = JSON.parse(json) as Record<string, unknown>;
    return plainLine(
      Object.entries(row)
        .map(([name, value]) => `${name}: ${masked.includes(name) ? '•••' : typeof value === 'string' ? value : JSON.stringify(value)}`)
        .join(', '),
      300,
    );
  } catch {
    return '(a row that can’t be shown)';
  }
}

/** Looks what would be affected, in a read-only transaction. @throws Problem */
export async function preview(context: ActionContext, { place, definition, values }: Change): Promise<Preview> {
  const end = await place.read(context, programsFor(place.dialect).preview(definition, values));
  const rows = number(end.facts['rows']);
  const shown = lines(end, 'shown').map((row) => shownRow(row, definition.masked));
  if (!Number.isSafeInteger(rows)) throw new Problem('remote-command-failed', 'The preview gave no count.');
  const reach = { triggers: number(end.facts['triggers']), cascades: number(end.facts['cascades']) };
  if (rows > definition.max_rows) return { rows, hash: '', image: '', shown, ...reach };
  const image = lines(end, 'image').join('\n');
  const hash = end.facts['hash'] ?? '';
  if (sha256(image) !== hash) throw new Problem('integrity-mismatch', 'The rows did not come over whole; try again.', { retryable: true });
  if (number(end.facts['count']) !== rows)
    throw new Problem(
      'stack-invalid',
      `The preview of ${definition.id} has ${rows} rows, and they are not that many different rows of ${definition.table}.`,
      {
        hint: 'Its SELECT must give every affected row once, with its key.',
      },
    );
  return { rows, hash, image, shown, ...reach };
}

/** What a person confirms: the count, and twelve digits of the hash, so that other rows of the same number are others. */
export const confirmation = ({ rows, hash }: Preview) => `${rows}-${hash.slice(0, 12)}`;

/** Whether a preview is what was confirmed: as many rows, or exactly these rows. */
export function confirmed(found: Preview, wanted: string): boolean {
  return wanted.includes('-') ? wanted === confirmation(found) : wanted === String(found.rows);
}

/** Why a preview must not be carried out; undefined when it may. */
export function notConfirmed(found: Preview, definition: StatementDefinition, wanted: string): Problem | undefined {
  if (found.rows > definition.max_rows)
    return new Problem(
      'policy-refused',
      `${count(found.rows, 'row')} of ${definition.table} would be affected; the stack allows ${definition.max_rows}.`,
      {
        hint: 'Nothing was changed. Narrow it, or raise max_rows in the stack.',
      },
    );
  if (found.rows === 0) return new Problem('conflict', `No row of ${definition.table} would be affected. Nothing was changed.`);
  if (definition.snapshot.length === 0 && found.cascades !== 0)
    return new Problem(
      'policy-refused',
      `Deleting rows of ${definition.table} would change other tables too (foreign keys), and that could not be taken back.`,
      {
        hint: 'Nothing was changed. Change the dependent rows by statements of their own first, with keys that restrict.',
      },
    );
  if (!confirmed(found, wanted))
    return new Problem(
      'plan-stale',
      `${count(found.rows, 'row')} would be affected now (${confirmation(found)}), and ${wanted} was confirmed. Nothing was changed.`,
      {
        hint: 'Look at the preview again and make a new plan.',
      },
    );
  return undefined;
}

/** Keeps the rows as they were on this laptop: whole, synced, and only then under its name. @throws Problem `local-disk-full` */
async function keepImage(context: ActionContext, definition: StatementDefinition, image: string): Promise<string> {
  const folder = join(context.localFolder, 'rows');
  const path = join(folder, `${definition.id}-${sha256(context.stepKey).slice(0, 16)}.jsonl`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = await open(`${path}.part`, 'w', 0o600);
    try {
      await file.writeFile(image);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.part`, path);
    const directory = await open(folder, 'r');
    await directory.sync().finally(() => directory.close());
    return path;
  } catch (error) {
    await rm(`${path}.part`, { force: true }).catch(() => undefined);
    const full = (error as NodeJS.ErrnoException).code === 'ENOSPC' || (error as NodeJS.ErrnoException).code === 'EDQUOT';
    throw new Problem(
      full ? 'local-disk-full' : 'step-failed',
      `The rows as they are could not be kept on this laptop: ${toProblem(error).message}`,
      {
        hint: 'Nothing was changed. Make room, then resume.',
      },
    );
  }
}

/** @throws Problem when the kept rows are not here or not what they were */
async function readImage(facts: Facts): Promise<string> {
  const path = facts['image'] ?? '';
  const image = await readFile(path, 'utf8').catch(() => undefined);
  if (image === undefined)
    throw new Problem('not-found', `The rows as they were are not on this laptop: ${path}.`, {
      hint: 'Revert on the laptop that made the change.',
    });
  if (sha256(image) !== facts['before'])
    throw new Problem('integrity-mismatch', `${path} is not what it was: its hash is another.`, { hint: 'Nothing was written back.' });
  return image;
}

/** Exit codes that say the end was not seen, and not that it was refused. */
const unseen = (end: ScriptEnd) => end.exitCode === 2 || end.exitCode > 128;

const outputOf = (recorded: Facts, facts: Facts): Facts => ({
  rows: recorded['rows'] ?? '',
  image: recorded['image'] ?? '',
  before: recorded['before'] ?? '',
  after: facts['after'] ?? '',
});

/** Sees what is there now of the changed rows. */
async function observe(context: ActionContext, change: Change, output: Facts): Promise<ActionOutcome> {
  const { definition } = change;
  const end = await change.place.read(context, programsFor(change.place.dialect).compare(definition, await readImage(output)));
  const what = `${count(Number(output['rows']), 'row')} of ${definition.table} ${definition.snapshot.length === 0 ? 'deleted' : 'changed'}`;
  if (end.facts['hash'] === output['after']) return done(`${what}, and seen so afterwards.`, output);
  if (end.facts['hash'] === output['before'])
    return failed(
      new Problem('verification-failed', `It was answered that the rows were changed, and they are as before.`, {
        hint: 'Look at the database itself.',
      }),
    );
  return done(`${what}; somebody has changed them again since.`, output);
}

/** How the change stands, by the host, by the transaction, or by the rows themselves. `kept` says where the image is and its hash. */
async function settled(context: ActionContext, change: Change, kept: Facts, name: 'apply' | 'undo'): Promise<ProbeOutcome> {
  const found = await change.place.settle(context, name, async (facts) => {
    const image = await readImage(kept);
    const end = await change.place.read(context, programsFor(change.place.dialect).compare(change.definition, image));
    const after = name === 'apply' ? facts['after'] : kept['after'];
    const [wanted, old] = name === 'apply' ? [after, kept['before']] : [kept['before'], after];
    return end.facts['hash'] === wanted ? 'done' : end.facts['hash'] === old ? 'not-done' : 'unknown';
  });
  if (found.state === 'absent' || found.state === 'not-done') return { found: 'not-done', observed: found.words };
  if (found.state !== 'done') return { found: 'unknown', observed: found.words };
  return { found: 'done', observed: found.words, output: outputOf(kept, found.facts) };
}

/** Keeps the rows, changes them in one transaction when they are still those, and sees the result. */
export async function changeRows(context: ActionContext, change: Change, wanted: string): Promise<ActionOutcome> {
  let recorded: Record<string, string>;
  let program: string;
  try {
    const found = await preview(context, change);
    const stale = notConfirmed(found, change.definition, wanted);
    if (stale !== undefined) return failed(stale);
    const image = await keepImage(context, change.definition, found.image);
    recorded = { rows: String(found.rows), image, before: found.hash };
    program = programsFor(change.place.dialect).apply(change.definition, change.values, found.hash);
    context.record(recorded);
  } catch (error) {
    return failed(toProblem(error));
  }
  const result = await change.place.change(context, 'apply', program);
  if ('outcome' in result) return result.outcome;
  const { ended } = result;
  const { verdict } = ended.facts;
  if (verdict === 'changed')
    return failed(
      new Problem('plan-stale', 'The rows changed between the preview and the statement. Nothing was changed.', {
        hint: 'Make a new plan.',
      }),
    );
  if (verdict === 'mismatch')
    return failed(
      new Problem(
        'step-failed',
        `The statement would have changed ${ended.facts['affected']} rows, and not the ${ended.facts['expected']} of its preview. It was rolled back.`,
        {
          hint: 'The preview and the statement in the stack do not select the same rows.',
        },
      ),
    );
  try {
    if (verdict !== 'committed') {
      if (!unseen(ended)) return failed(scriptProblem(ended, { meanings }));
      const found = await settled(context, change, recorded, 'apply');
      if (found.found === 'not-done') return failed(scriptProblem(ended, { meanings }));
      if (found.found !== 'done') return unknown(new Problem('outcome-unknown', found.observed));
      return await observe(context, change, found.output ?? {});
    }
    return await observe(context, change, outputOf(recorded, ended.facts));
  } catch (error) {
    return unknown(toProblem(error));
  }
}

/** How a change that was begun stands. */
export const probeRows = (context: ActionContext, change: Change): Promise<ProbeOutcome> =>
  context.recorded['before'] === undefined
    ? Promise.resolve({ found: 'not-done', observed: 'It was never begun.' })
    : settled(context, change, context.recorded, 'apply');

/** Writes the kept rows back in one transaction, when they are as the statement left them. */
export async function undoRows(context: ActionContext, change: Change, output: Facts): Promise<ActionOutcome> {
  const { definition } = change;
  const back = `${count(Number(output['rows']), 'row')} of ${definition.table} ${definition.snapshot.length === 0 ? 'are' : 'have their old values'} back`;
  let image: string;
  let program: string;
  try {
    image = await readImage(output);
    program = programsFor(change.place.dialect).undo(definition, image, output['before'] ?? '', output['after'] ?? '');
  } catch (error) {
    return failed(toProblem(error));
  }
  const result = await change.place.change(context, 'undo', program);
  if ('outcome' in result) return result.outcome;
  const { ended } = result;
  const { verdict } = ended.facts;
  if (verdict === 'already') return done(`${back}: they were already.`);
  if (verdict === 'conflict')
    return failed(
      new Problem(
        'conflict',
        `The rows of ${definition.table} are not as the statement left them: somebody has changed them since. Nothing was written back.`,
        {
          hint: `Compare them with ${output['image']} and decide row by row.`,
        },
      ),
    );
  if (verdict === 'mismatch')
    return failed(
      new Problem('verification-failed', 'The rows did not become what they were, so that was rolled back.', {
        hint: `They are kept in ${output['image']}.`,
      }),
    );
  try {
    if (verdict !== 'committed') {
      if (!unseen(ended)) return failed(scriptProblem(ended, { meanings }));
      const found = await settled(context, change, output, 'undo');
      if (found.found === 'not-done') return failed(scriptProblem(ended, { meanings }));
      if (found.found !== 'done') return unknown(new Problem('outcome-unknown', found.observed));
    }
    const end = await change.place.read(context, programsFor(change.place.dialect).compare(definition, image));
    return end.facts['hash'] === output['before']
      ? done(`${back}, and seen so afterwards.`)
      : done(`${back}; somebody has changed them again since.`);
  } catch (error) {
    return unknown(toProblem(error));
  }
}

/** How writing back stands. */
export const probeUndoRows = (context: ActionContext, change: Change, output: Facts): Promise<ProbeOutcome> =>
  settled(context, change, output, 'undo');
