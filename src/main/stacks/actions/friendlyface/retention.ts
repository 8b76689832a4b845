import type { SshSession } from '../../../drivers/ssh/types.ts';
import type { ListedBackup } from '../../friendlyface/answers.ts';

/** What the deployment keeps. */
export interface Retention {
  readonly count: number;
  readonly days: number | null;
  readonly source: string;
}

// Only the two lines that matter leave the host: the same file holds the API keys.
const retentionScript = `grep -E '^[[:space:]]*(export[[:space:]]+)?FF_BACKUP_RETENTION_(COUNT|DAYS)=' -- "$1"
code=$?
[ $code -le 1 ] || exit 2
exit 0
`;
const DEFAULT_COUNT = 10;

/** Reads the retention settings from the env file; says so when they had to be assumed. */
export async function readRetention(session: SshSession, envFile: string): Promise<Retention> {
  const assumed = (why: string): Retention => ({ count: DEFAULT_COUNT, days: null, source: `assumed (${why})` });
  if (envFile === '') return assumed('no env file is set');
  const outcome = await session.exec({ script: retentionScript, args: [envFile] }, { timeoutMs: 10_000, maxBytes: 4096 });
  if (outcome.outcome !== 'done' || outcome.exitCode !== 0 || outcome.truncated) return assumed('the env file could not be read');
  const lines = outcome.stdout.toString('utf8').split('\n');
  // Of several lines the last one counts, as dotenv has it; one without a number sets the deployment's default.
  const read = (name: string) => {
    const last = lines.findLast((line) => new RegExp(`^\\s*(export\\s+)?FF_BACKUP_RETENTION_${name}=`).test(line)) ?? '';
    const value = Number(/=["']?(\d+(?:\.\d+)?)/.exec(last)?.[1] ?? Number.NaN);
    return Number.isFinite(value) && value > 0 ? value : null;
  };
  return { count: read('COUNT') ?? DEFAULT_COUNT, days: read('DAYS'), source: 'the env file' };
}

/** Which backups a cleanup deletes after `coming` more have been made: the newest by time stay, none older than the days. */
export function evicted(
  backups: readonly Pick<ListedBackup, 'filename' | 'modified'>[],
  retention: Retention,
  coming: number,
  now: number,
): string[] {
  const cutoff = retention.days === null ? Number.NEGATIVE_INFINITY : now - retention.days * 86_400_000;
  return backups
    .map((backup) => ({ name: backup.filename, at: backup.modified }))
    .sort((a, b) => b.at - a.at)
    .filter(({ at }, index) => index + coming >= retention.count || at < cutoff)
    .map(({ name }) => name);
}
