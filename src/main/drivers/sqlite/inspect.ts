import { copyFile, link, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Problem } from '../../../contract/problem.ts';
import { cleanText } from '../text.ts';
import { inspectorProgram } from './program.ts';

/** What a SQLite file holds, as far as it can be told without knowing its schema. */
export interface SqliteInspection {
  /** Text of `integrity_check`; only `ok` is good, and only then the rest was looked at. */
  readonly integrity: string;
  /** Rows that break a foreign key. */
  readonly foreignKeyErrors: number;
  /** Rows by table. */
  readonly tables: Readonly<Record<string, number>>;
  /** The row added last, by table; values as text. */
  readonly newest: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

interface Found {
  readonly integrity: string;
  readonly foreignKeyErrors: number;
  readonly tables: readonly (readonly [string, number])[];
  readonly newest: readonly (readonly [string, readonly (readonly [string, string])[]])[];
  readonly count: number;
}

const MAGIC = Buffer.from('SQLite format 3\0');

/**
 * Looks through all of a copy on this laptop: header, `integrity_check` (its text, not an exit code), foreign keys, rows by
 * table. In a thread of its own, read-only, and through a second name in a folder of its own: nothing is ever written beside
 * the copy, and a stray `-wal` beside it is not read. Never to be used on a live file.
 * @throws Problem `integrity-mismatch` when it is no database at all (empty, truncated, HTML, …), `timed-out`
 */
export async function inspectSqlite(path: string, options: { timeoutMs?: number } = {}): Promise<SqliteInspection> {
  await checkHeader(path);
  const folder = await mkdtemp(join(dirname(path), '.inspect-'));
  try {
    const file = join(folder, 'copy.db');
    await link(path, file).catch(() => copyFile(path, file));
    const found = await run(file, options.timeoutMs ?? 30 * 60_000);
    if (found.count === 0) throw new Problem('integrity-mismatch', 'The file is an empty database: it holds no tables.');
    return {
      integrity: cleanText(found.integrity, { maxLength: 1000 }),
      foreignKeyErrors: found.foreignKeyErrors,
      tables: Object.fromEntries(found.tables),
      newest: Object.fromEntries(found.newest.map(([table, row]) => [table, Object.fromEntries(row)])),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkHeader(path: string): Promise<void> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw new Problem('not-found', `There is no file ${path} on this laptop.`, { cause: error });
  });
  const header = Buffer.alloc(100);
  const file = await open(path, 'r');
  try {
    await file.read(header, 0, 100, 0);
  } finally {
    await file.close();
  }
  if (size === 0) throw new Problem('integrity-mismatch', 'The file is empty.');
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new Problem(
      'integrity-mismatch',
      `The file can't be read as a SQLite database: it begins with “${cleanText(header.subarray(0, 40).toString('latin1'), { maxLength: 40 })}”.`,
    );
  }
  // Page size 1 stands for 65536; the page count is right only when the change counter agrees (file format, 1.3.7).
  const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  const pages = header.readUInt32BE(28);
  if (header.readUInt32BE(24) === header.readUInt32BE(92) && pages * pageSize > size) {
    throw new Problem('integrity-mismatch', `The file is cut off: its header tells of ${pages * pageSize} bytes, and it has ${size}.`);
  }
}

function run(file: string, timeoutMs: number): Promise<Found> {
  const library = createRequire(import.meta.url).resolve('better-sqlite3');
  return new Promise((resolve, reject) => {
    const worker = new Worker(inspectorProgram, {
      eval: true,
      workerData: { file, library },
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
    let settle: () => void = () => reject(new Problem('integrity-mismatch', 'The check of the database ended without a word.'));
    const timer = setTimeout(() => {
      reject(new Problem('timed-out', `The check of the database took longer than ${Math.round(timeoutMs / 1000)} s.`));
      // A call inside SQLite can't be interrupted: the thread ends when it comes back, and keeps nobody waiting.
      worker.unref();
      worker.terminate().catch(() => undefined);
    }, timeoutMs);
    worker.once('message', (message: { found?: Found; error?: string }) => {
      const { found, error } = message;
      settle = () =>
        found === undefined
          ? reject(
              new Problem(
                'integrity-mismatch',
                `The file can't be read as a SQLite database: ${cleanText(error ?? '', { maxLength: 300 })}.`,
              ),
            )
          : resolve(found);
    });
    worker.once('error', (error: Error) => {
      settle = () =>
        reject(new Problem('integrity-mismatch', `The check of the database failed: ${cleanText(error.message, { maxLength: 300 })}.`));
    });
    worker.once('exit', () => {
      clearTimeout(timer);
      settle();
    });
  });
}
