import type { SshSession } from '../../../drivers/ssh/types.ts';
import { look } from '../job.ts';
import type { SqliteReport } from './report.ts';
import { readReport, reportTrouble, rowsWords } from './report.ts';
import { sqliteShell } from './shell.ts';

/** Longest wait for a look through a whole file, in milliseconds. */
export const LOOK_THROUGH_MS = 30 * 60_000;

const checkScript = `${sqliteShell}
[ -f "$1" ] || exit 3
[ -r "$1" ] || exit 4
qd_report immutable "$1" || exit $?
printf 'bytes=%d\\n' "$(wc -c <"$1")"
printf 'sha256=%s\\n' "$(qd_hash "$1")"
`;

/** A file of the host that nobody has open, looked through there. */
export interface CheckedFile {
  readonly report: SqliteReport;
  readonly sha256: string;
  readonly bytes: number;
}

/** Looks through a backup on the host; undefined when there is no such file. @throws Problem when it could not be looked at */
export async function checkFile(session: SshSession, path: string): Promise<CheckedFile | undefined | { readonly unable: string }> {
  const end = await look(session, { script: checkScript, args: [path] }, { timeoutMs: LOOK_THROUGH_MS });
  if (end.exitCode === 3) return undefined;
  if (end.exitCode === 4) return { unable: `${path} can't be read by this login` };
  if (end.exitCode !== 0)
    return { unable: end.stderr.trim() === '' ? `the check ended with exit code ${end.exitCode}` : end.stderr.trim() };
  return { report: readReport(end.stdout), sha256: end.facts['sha256'] ?? '', bytes: Number(end.facts['bytes'] ?? 0) };
}

/** {@link checkFile} as a verdict in words. */
export async function fileVerdict(
  session: SshSession,
  path: string,
): Promise<{ readonly valid: boolean; readonly detail: string; readonly sha256?: string }> {
  const found = await checkFile(session, path);
  if (found === undefined) return { valid: false, detail: `There is no ${path} on the host.` };
  if ('unable' in found) return { valid: false, detail: `It could not be checked on the host: ${found.unable}.` };
  const trouble = reportTrouble(found.report);
  return {
    valid: trouble === undefined,
    detail: trouble === undefined ? `integrity_check ok; rows: ${rowsWords(found.report.tables)}.` : `On the host ${trouble}.`,
    sha256: found.sha256,
  };
}
