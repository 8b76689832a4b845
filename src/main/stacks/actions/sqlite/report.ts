import { z } from 'zod';
import { plainLine } from '../../../engine/words.ts';
import { scriptFacts } from '../job.ts';

/** What `qd_report` of the host said of a database file. */
export interface SqliteReport {
  /** Text of `integrity_check`, or why the file could not be opened; only `ok` is good, and only then the rest was looked at. */
  readonly integrity: string;
  readonly foreignKeyErrors: number;
  /** SHA-256 of what creates its tables, indexes, views and triggers. */
  readonly schema: string;
  /** Rows by table. */
  readonly tables: Readonly<Record<string, number>>;
  /** False when the rows could not be counted. */
  readonly counted: boolean;
}

/** Reads the lines of `qd_report`. */
export function readReport(stdout: string): SqliteReport {
  const facts = scriptFacts(stdout);
  const tables = [...stdout.matchAll(/^table ([0-9A-F]*) (\d{1,16})$/gm)].map(
    ([, hex = '', rows]) => [Buffer.from(hex, 'hex').toString('utf8'), Number(rows)] as const,
  );
  return {
    integrity: plainLine(facts['integrity'] ?? 'nothing was said', 1000),
    foreignKeyErrors: Number(facts['foreign'] ?? 0),
    schema: facts['schema'] ?? '',
    tables: Object.fromEntries(tables),
    counted: facts['counted'] === 'yes',
  };
}

/** Why a database file is not good, as the end of a sentence; undefined when it is. */
export function reportTrouble(report: SqliteReport): string | undefined {
  if (report.integrity !== 'ok') return `integrity_check says: ${plainLine(report.integrity, 300)}`;
  if (!report.counted) return 'its rows could not be counted';
  if (Object.keys(report.tables).length === 0) return 'it is an empty database without tables';
  if (report.foreignKeyErrors > 0) return `${report.foreignKeyErrors} rows break a foreign key`;
  return undefined;
}

const MOST_TABLES = 60;

/** Rows by table as one fact: the first {@link MOST_TABLES} tables by name. */
export const rowsFact = (tables: SqliteReport['tables']): string => {
  const kept = Object.entries(tables)
    .filter(([name]) => name.length <= 60)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, MOST_TABLES);
  return JSON.stringify(Object.fromEntries(kept));
};

const Rows = z.record(z.string(), z.int().nonnegative());

/** Reads {@link rowsFact}; undefined when it is no such fact. */
export function rowsOf(fact: string | undefined): Readonly<Record<string, number>> | undefined {
  try {
    return Rows.parse(JSON.parse(fact ?? ''));
  } catch {
    return undefined;
  }
}

/** Rows in words: `orders 1200, users 31`. */
export const rowsWords = (tables: Readonly<Record<string, number>>): string =>
  plainLine(
    Object.entries(tables)
      .map(([name, rows]) => `${name} ${rows}`)
      .join(', ') || 'none',
    300,
  );
