import { posix } from 'node:path';
import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { SshSession } from '../../../drivers/ssh/types.ts';
import type { ActionContext } from '../../../engine/action.ts';
import { plainLine, toProblem } from '../../../engine/words.ts';
import { scriptFacts } from '../job.ts';
import type { BackupManifest } from '../manifest.ts';
import { foreignBackup, readManifest } from '../manifest.ts';
import { listScript, listText, readScript, readText } from './archive-script.ts';
import { sqlRefusals } from './dump-check.ts';
import type { PgPlace, PgReach } from './place.ts';
import { pgLook, pgProblem, pgQuery, placeOf } from './place.ts';
import { maintenance, serverState, toolMajors } from './preflight.ts';
import type { Toc } from './toc.ts';
import { extensionsOf, parseToc, partList, restoreList, tocRefusals } from './toc.ts';

/** Bytes of SQL (definitions, no rows) that are looked through; more is refused, not waved on. */
const MOST_SQL = 16 * 1024 * 1024;
const HOUR = 3_600_000;

/** An archive that was read to its end and may be restored. */
export interface CheckedArchive {
  readonly sha256: string;
  readonly bytes: number;
  readonly toc: Toc;
  /** For `pg_restore -L`. */
  readonly list: readonly string[];
  readonly extensions: readonly Extension[];
  /** What lies beside it; undefined when it was made by something else and that was allowed. */
  readonly manifest: BackupManifest | undefined;
}

const refused = (backup: string, why: string, hint = 'Nothing was changed. Choose another backup.') =>
  new Problem('policy-refused', `${backup} is not restored. ${why}`, { hint });

/** The list of an archive, by pg_restore itself. @throws Problem in words that say what the file is */
export async function readToc(reach: PgReach, place: PgPlace, path: string): Promise<Toc> {
  const backup = posix.basename(path);
  const end = await pgLook(reach, maintenance(place), listScript, [path, listText], { timeoutMs: 120_000, maxBytes: 32 * 1024 * 1024 });
  if (end.exitCode === 3) throw new Problem('remote-file-missing', `${path} is not there, or this login may not read it.`);
  if (end.exitCode === 5) {
    const begins = plainLine(end.stdout, 60);
    throw refused(
      backup,
      `It is not an archive in PostgreSQL’s custom format${begins === '' ? ': it is empty' : `; it begins with “${begins}”`}.`,
      'A plain SQL dump that was cut restores as if it were whole, and can run commands. Restore it by hand into a scratch server, then dump that with pg_dump -Fc.',
    );
  }
  const toc = end.exitCode === 0 ? parseToc(end.stdout) : undefined;
  if (toc !== undefined) return toc;
  if (/unsupported version/.test(end.stderr))
    throw refused(backup, `It was made by a newer pg_dump than pg_restore here: ${plainLine(end.stderr, 200)}`);
  if (end.exitCode !== 6) throw pgProblem(end);
  throw refused(backup, `Its list of contents can’t be read, so it is damaged or cut off: ${plainLine(end.stderr, 200)}`);
}

const Extension = z.strictObject({ name: z.string(), schema: z.string().nullable() });
/** An extension of an archive, and the schema it is in now; null: wherever it goes by itself. */
export type Extension = z.infer<typeof Extension>;

const extensionsSql = `SELECT e.extname::text AS name, n.nspname::text AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
UNION ALL SELECT DISTINCT v.name::text, NULL FROM pg_available_extension_versions v
WHERE (to_jsonb(v) ->> 'trusted')::boolean AND v.name NOT IN (SELECT extname FROM pg_extension)`;

/**
 * An archive looked through by the tools alone, no server asked: whole or not, and of which database. A bad one is a result. @throws Problem what
 * kept it from being looked at
 */
export async function archiveVerdict(
  session: SshSession,
  where: Pick<PgPlace, 'container' | 'bin_dir' | 'database'>,
  path: string,
): Promise<{ readonly valid: boolean; readonly detail: string; readonly sha256?: string }> {
  const reach: PgReach = { session: async () => session, secret: async () => '' };
  const place: PgPlace = { ...where, pg_host: '', pg_port: '', pg_user: 'postgres', password_secret: '' };
  try {
    const toc = await readToc(reach, place, path);
    if (toc.database !== where.database)
      return { valid: false, detail: `It was made of the database ${plainLine(toc.database, 63)}, not of ${where.database}.` };
    const { sha256, bytes } = await readThrough(reach, place, path, toc);
    const rows = toc.entries.filter(({ kind }) => kind === 'TABLE DATA').length;
    return {
      valid: true,
      detail: `Read to its end by pg_restore: ${toc.database}, PostgreSQL ${toc.serverMajor}, rows of ${rows} tables, ${bytes} bytes.`,
      sha256,
    };
  } catch (error) {
    const { code, message } = toProblem(error);
    if (code === 'policy-refused' || code === 'integrity-mismatch') return { valid: false, detail: message };
    throw error;
  }
}

/** Reads an archive to its end. @throws Problem `integrity-mismatch` */
async function readThrough(
  reach: PgReach,
  place: PgPlace,
  path: string,
  toc: Toc,
): Promise<{ readonly sha256: string; readonly bytes: number; readonly sql: string; readonly tooLong: boolean }> {
  const backup = posix.basename(path);
  const [definitions, rows] = partList(toc);
  const lengths = [definitions.length, rows.length].map(String);
  const end = await pgLook(reach, maintenance(place), readScript, [path, readText, String(MOST_SQL), ...lengths], {
    timeoutMs: HOUR,
    maxBytes: 2 * MOST_SQL + 65_536,
    more: [...definitions, ...rows, ''].join('\n'),
  });
  if (end.exitCode !== 0 && end.exitCode !== 9)
    throw new Problem(
      'integrity-mismatch',
      `${backup} can’t be read to its end, so it is cut off or damaged: ${plainLine(end.stderr, 200)}`,
      {
        hint: 'Nothing was changed. Choose another backup.',
      },
    );
  const { sha256 = '', bytes = '' } = scriptFacts(end.stderr);
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Problem('integrity-mismatch', `The hash of ${backup} could not be read.`);
  return { sha256, bytes: Number(bytes), sql: end.stdout, tooLong: end.exitCode === 9 };
}

/** What a check is about. */
export interface ArchiveQuestion extends PgPlace {
  readonly backup_dir: string;
  readonly backup: string;
  /** What to do with a dump that no console made: its environment can't be told. */
  readonly without_manifest: 'refuse' | 'accept';
  /** `keep`: it is a safety copy; it must be whole, and what could not be restored elsewhere is no reason against it. */
  readonly purpose: 'restore' | 'keep';
}

/**
 * Reads an archive to its end where the server is, and everything it would run. @throws Problem `policy-refused` or `integrity-mismatch` with the
 * reason: another environment, another database, a newer version, cut off, hostile.
 */
export async function checkArchive(context: ActionContext, question: ArchiveQuestion): Promise<CheckedArchive> {
  const place = placeOf(question);
  const { backup, database } = question;
  const path = posix.join(question.backup_dir, backup);
  const session = await context.session();
  const manifest = await readManifest(session, path);
  const foreign = manifest === undefined ? undefined : foreignBackup(context, session, manifest, { kind: 'postgres', source: database });
  if (foreign !== undefined) throw foreign;
  const toc = await readToc(context, place, path);
  const [state, tools] = [await serverState(context, place), await toolMajors(context, place)];
  // Those of the live database, and those that PostgreSQL lets every owner make.
  const allowed = state.exists && state.allowed === true ? await pgQuery(context, place, { sql: extensionsSql, row: Extension }) : [];
  const names = allowed.map(({ name }) => name);
  const [why] = tocRefusals(toc, { database, serverMajor: state.major, toolMajor: tools.restore, extensions: names });
  if (why !== undefined && question.purpose === 'restore') throw refused(backup, why);
  if (manifest === undefined && question.without_manifest === 'refuse')
    throw refused(
      backup,
      'Nothing lies beside it that says which environment it is of.',
      'When you are sure that it is of this environment, choose to accept a dump without a manifest.',
    );
  const { sha256, bytes, sql, tooLong } = await readThrough(context, place, path, toc);
  if (question.purpose === 'restore') {
    if (tooLong) throw refused(backup, 'Its definitions are longer than 16 MiB, so they could not be looked through.');
    const [evil] = sqlRefusals(sql);
    if (evil !== undefined) throw refused(backup, `${evil}.`);
  }
  if (manifest !== undefined && manifest.sha256 !== sha256)
    throw new Problem('integrity-mismatch', `${backup} is not what was backed up: its SHA-256 is another than when it was made.`, {
      hint: 'It was damaged or replaced since. Choose another backup.',
    });
  const wanted = extensionsOf(toc);
  const extensions = allowed.filter(({ name }) => wanted.includes(name));
  // The schemas of extensions are made together with them.
  const made = extensions.flatMap(({ schema }) => (schema === null || schema === 'public' ? [] : [schema]));
  return { sha256, bytes, toc, list: restoreList(toc, made), extensions, manifest };
}
