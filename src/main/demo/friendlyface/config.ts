import { readFileSync } from 'node:fs';

/** Everything the service is told from outside. The names are those of the real program; `REPLICA_*` are this replica's own. */
export interface ServiceConfig {
  readonly port: number;
  readonly dbPath: string;
  readonly backupDir: string;
  readonly migrationsDir: string;
  readonly retentionCount: number;
  readonly retentionDays: number | null;
  readonly keys: ReadonlySet<string>;
  readonly roles: Readonly<Record<string, readonly string[]>>;
  readonly logFormat: 'json' | 'text';
  /** Requests per minute and client address; null is `FF_RATE_LIMIT=none`. */
  readonly rateLimit: number | null;
  readonly rateLimitText: string;
  readonly migrationsEnabled: boolean;
  readonly faultsFile: string | null;
  readonly pidFile: string | null;
}

/** The port of the direct start. `FF_PORT` is read by the real program's settings and then ignored by its entry point. */
export const directStartPort = 3849;

/** Reads `KEY=VALUE` lines: comments and blank lines are skipped, an `export ` prefix and one pair of quotes are taken off. */
export function parseEnvFile(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    const raw = match[2].trim();
    const quoted = /^(['"])(.*)\1$/.exec(raw);
    values[match[1]] = quoted?.[2] ?? raw;
  }
  return values;
}

/** `100/minute` → 100. Anything that is not a count per minute counts as 100, the default of the real program. */
export function parseRateLimit(text: string): number | null {
  if (text.trim().toLowerCase() === 'none') return null;
  const match = /^(\d+)\s*\/\s*minute$/.exec(text.trim());
  return match?.[1] === undefined ? 100 : Number(match[1]);
}

function parseRoles(text: string): Record<string, string[]> {
  // The real program treats unreadable JSON as "no mapping", which makes every key an admin. That is worth keeping.
  try {
    const value: unknown = JSON.parse(text === '' ? '{}' : text);
    return typeof value === 'object' && value !== null ? (value as Record<string, string[]>) : {};
  } catch {
    return {};
  }
}

/** Reads the environment, and under it the file named by `REPLICA_ENV_FILE` (so that no key is in an argument or a command line). */
export function readConfig(environment: Record<string, string | undefined>): ServiceConfig {
  const envFile = environment['REPLICA_ENV_FILE'];
  const values = { ...(envFile === undefined ? {} : parseEnvFile(readFileSync(envFile, 'utf8'))), ...environment };
  const text = (name: string, fallback: string) => values[name] ?? fallback;
  const optional = (name: string) => (values[name] === undefined || values[name] === '' ? null : values[name]);
  const days = optional('FF_BACKUP_RETENTION_DAYS');
  return {
    port: Number(text('REPLICA_PORT', String(directStartPort))),
    dbPath: text('FF_DB_PATH', 'friendlyface.db'),
    backupDir: text('FF_BACKUP_DIR', 'backups'),
    migrationsDir: text('REPLICA_MIGRATIONS_DIR', 'migrations'),
    retentionCount: Number(text('FF_BACKUP_RETENTION_COUNT', '10')),
    retentionDays: days === null ? null : Number(days),
    keys: new Set(
      text('FF_API_KEYS', '')
        .split(',')
        .map((key) => key.trim())
        .filter((key) => key !== ''),
    ),
    roles: parseRoles(text('FF_API_KEY_ROLES', '')),
    logFormat: text('FF_LOG_FORMAT', 'text').toLowerCase() === 'json' ? 'json' : 'text',
    rateLimit: parseRateLimit(text('FF_RATE_LIMIT', '100/minute')),
    rateLimitText: text('FF_RATE_LIMIT', '100/minute'),
    migrationsEnabled: ['1', 'true', 'yes'].includes(text('FF_MIGRATIONS_ENABLED', 'false').toLowerCase()),
    faultsFile: optional('REPLICA_FAULTS_FILE'),
    pidFile: optional('REPLICA_PID_FILE'),
  };
}
