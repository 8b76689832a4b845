import { posix } from 'node:path';
import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { ActionContext } from '../../../engine/action.ts';
import { plainLine, toProblem } from '../../../engine/words.ts';
import { SqlName, SqlTable } from '../../statement-schema.ts';
import { RemotePath } from '../tools.ts';
import { objectsOf, refusedInFile } from './guard.ts';
import type { FileStep, Tracking } from './migration-text.ts';
import { migrationPrograms } from './migration-text.ts';
import type { SqlPlace } from './place.ts';
import { sqlPlace, sqlPlaceInput } from './place.ts';
import type { Dialect } from './tokens.ts';
import { statements, tokens } from './tokens.ts';

/** Version of a migration, as its row has it. */
export const Version = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,150}$/, 'the version of a migration, such as 013');
const Suffix = z.string().regex(/^[._-][A-Za-z0-9._-]{1,30}$/, 'the end of a file name, such as .down.sql');

/** Where migrations are: a database, a folder of files, and a table that has a row for each applied one. */
export const migrationsInput = {
  ...sqlPlaceInput,
  engine: z.enum(['postgres', 'sqlite']).default('postgres'),
  folder: RemotePath,
  up_suffix: Suffix.default('.up.sql'),
  down_suffix: Suffix.default('.down.sql'),
  tracking_table: SqlTable.default('schema_migrations'),
  version_column: SqlName.default('version'),
  /** Empty: by the version itself. */
  order_column: z.union([z.literal(''), SqlName]).default(''),
  /** What stands in the row: `version` is `013` of `013_devices.up.sql`, `name` is `013_devices`. */
  tracks: z.enum(['version', 'name']).default('version'),
};
export type MigrationsInput = z.infer<z.ZodObject<typeof migrationsInput>>;

export const migrationPlace = (input: MigrationsInput): SqlPlace => sqlPlace(input.engine, input);
export const trackingOf = ({ tracking_table: table, version_column: version, order_column: order }: MigrationsInput): Tracking => ({
  table,
  version,
  order: order === '' ? version : order,
});

/** A migration's files in the folder, by their names. */
export interface MigrationFile {
  readonly version: string;
  readonly up?: string;
  readonly down?: string;
}

/** Longest migration file, in bytes. */
const MOST = 1024 * 1024;

/** What is in the folder, in order. @throws Problem */
export async function listFiles(context: ActionContext, input: MigrationsInput): Promise<MigrationFile[]> {
  const entries = await (await context.session()).files.list(input.folder);
  const found = new Map<string, MigrationFile>();
  for (const { name, type } of entries) {
    if (type !== 'file' || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/.test(name)) continue;
    // The longer ending decides: `.sql` may be the up file's, beside `_down.sql`.
    const kinds = (['up', 'down'] as const)
      .filter((kind) => name.endsWith(input[`${kind}_suffix`]))
      .sort((a, b) => input[`${b}_suffix`].length - input[`${a}_suffix`].length);
    const kind = kinds[0];
    if (kind === undefined) continue;
    const base = name.slice(0, -input[`${kind}_suffix`].length);
    const version = input.tracks === 'name' ? base : (base.split('_')[0] ?? '');
    if (!Version.safeParse(version).success) continue;
    const other = found.get(version);
    if (other?.[kind] !== undefined)
      throw new Problem('conflict', `${input.folder} has two ${kind} files of ${version}: ${other[kind]} and ${name}.`, {
        hint: 'Nothing was carried out. One of them does not belong there.',
      });
    found.set(version, { ...other, version, [kind]: name });
  }
  return [...found.values()].sort((a, b) => a.version.localeCompare(b.version, 'en', { numeric: true }));
}

async function readFileText(context: ActionContext, input: MigrationsInput, name: string): Promise<string> {
  return (await context.session()).files.readText(posix.join(input.folder, name), MOST);
}

/** The statements of a file, each as it stands in it. */
const cut = (text: string, dialect: Dialect) =>
  statements(tokens(text, dialect)).map((list) => text.slice(list[0]?.start ?? 0, list.at(-1)?.end ?? 0));

/** Reads a file and refuses what must not be carried out. @throws Problem `policy-refused` with its line */
export async function fileStep(
  context: ActionContext,
  input: MigrationsInput,
  version: string,
  name: string,
  row?: string,
): Promise<FileStep> {
  const text = await readFileText(context, input, name);
  const refusal = refusedInFile(text, input.engine);
  if (refusal !== undefined)
    throw new Problem('policy-refused', `${name}, line ${refusal.line}: ${refusal.why}.`, {
      hint: 'Nothing was carried out. Change the file, or do this migration by hand.',
    });
  return { version, text, statements: cut(text, input.engine), ...(row === undefined ? {} : { row }) };
}

/** What the database says of its migrations. */
export interface MigrationState {
  /** In order; `row` is the whole row as JSON. */
  readonly applied: readonly { readonly version: string; readonly row: string }[];
  /** `table public.x`, `column public.x.y type`, … */
  readonly objects: readonly string[];
  readonly superuser: boolean;
}

const Row = z.tuple([z.string().nullable(), z.string()]);

/** @throws Problem in the database's words, such as a missing tracking table */
export async function readState(context: ActionContext, input: MigrationsInput): Promise<MigrationState> {
  const end = await migrationPlace(input).read(context, migrationPrograms(input.engine).status(trackingOf(input)));
  const lines = (mark: string) =>
    end.stdout.split('\n').flatMap((line) => (line.startsWith(`${mark} `) ? [JSON.parse(line.slice(mark.length + 1)) as unknown] : []));
  return {
    applied: lines('applied').map((line) => {
      const [version, row] = Row.parse(line);
      return { version: version ?? '', row };
    }),
    objects: z.array(z.string()).parse(lines('object')),
    superuser: end.facts['superuser'] === 'true',
  };
}

/** The newest row's version; empty when there is none. */
export const newestOf = ({ applied }: Pick<MigrationState, 'applied'>) => applied.at(-1)?.version ?? '';

/** What the applied files made and is not there: they were carried out in part, or rolled back without their row. Best effort. */
export async function missingObjects(
  context: ActionContext,
  input: MigrationsInput,
  state: MigrationState,
  files: readonly MigrationFile[],
): Promise<string[]> {
  const expected = new Map<string, string>();
  for (const { version } of state.applied) {
    const up = files.find((file) => file.version === version)?.up;
    if (up === undefined) continue;
    let text: string;
    try {
      text = await readFileText(context, input, up);
    } catch (error) {
      throw new Problem('remote-file-missing', `${up} can't be read: ${toProblem(error).message}`);
    }
    const { made, gone } = objectsOf(text, input.engine);
    for (const { table, column } of gone)
      for (const key of [...expected.keys()])
        if (
          key === `${table}.${column}` ||
          (column === undefined && (key === table || key.startsWith(`${table}.`))) ||
          (column === '*' && key.startsWith(`${table}.`))
        )
          expected.delete(key);
    for (const { table, column } of made) expected.set(column === undefined ? table : `${table}.${column}`, version);
  }
  const there = new Set(
    state.objects.flatMap((line) => {
      const [kind, name = ''] = line.split(' ');
      const parts = name.split('.');
      if (kind === 'table' || kind === 'view') return [parts.at(-1) ?? ''];
      return kind === 'column' ? [parts.slice(-2).join('.')] : [];
    }),
  );
  return [...expected].flatMap(([name, version]) => (there.has(name) ? [] : [`${plainLine(name, 100)} of ${version}`]));
}
