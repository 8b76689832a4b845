import type { JournalEntry, JournalKind } from '../../contract/journal.ts';
import type { Store } from '../store/store.ts';

/** Name of the setting that holds the newest row's number and hash. */
export const headSetting = 'journal-head';

/** A row as SQLite has it. */
export interface JournalRow {
  readonly seq: number;
  readonly at: number;
  readonly kind: string;
  readonly environment_id: string | null;
  readonly run_id: string | null;
  readonly step_id: string | null;
  readonly operator: string;
  readonly summary: string;
  readonly data: string;
  readonly previous_hash: string;
  readonly hash: string;
}

/** What {@link listEntries} is asked. */
export interface ListQuery {
  readonly environmentId?: string | undefined;
  readonly runId?: string | undefined;
  readonly kinds?: readonly JournalKind[] | undefined;
  readonly text?: string | undefined;
  /** A seq to page on: older than this. */
  readonly before?: number | undefined;
  readonly limit: number;
}

/** A row as the contract has it; nothing is repaired, so that verification sees what is there. */
export function fromRow(row: JournalRow): JournalEntry {
  return {
    seq: row.seq,
    at: row.at,
    kind: row.kind as JournalKind,
    environmentId: row.environment_id,
    runId: row.run_id,
    stepId: row.step_id,
    operator: row.operator,
    summary: row.summary,
    data: JSON.parse(row.data) as JournalEntry['data'],
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}

/** Newest first; `total` counts what matches on all pages. */
export function listEntries(store: Store, query: ListQuery): { entries: JournalEntry[]; total: number } {
  const filter = {
    environmentId: query.environmentId ?? null,
    runId: query.runId ?? null,
    kinds: query.kinds === undefined ? null : JSON.stringify(query.kinds),
    text: query.text === undefined || query.text === '' ? null : `%${query.text.replace(/[\\%_]/g, '\\$&')}%`,
  };
  const where = `(@environmentId IS NULL OR environment_id = @environmentId) AND (@runId IS NULL OR run_id = @runId)
    AND (@kinds IS NULL OR kind IN (SELECT value FROM json_each(@kinds)))
    AND (@text IS NULL OR summary LIKE @text ESCAPE '\\' OR operator LIKE @text ESCAPE '\\' OR kind LIKE @text ESCAPE '\\' OR data LIKE @text ESCAPE '\\')`;
  const total = store.prepare<[typeof filter], { n: number }>(`SELECT count(*) AS n FROM journal WHERE ${where}`).get(filter)?.n ?? 0;
  const entries = store
    .prepare<[typeof filter & { before: number; limit: number }], JournalRow>(
      `SELECT * FROM journal WHERE ${where} AND seq < @before ORDER BY seq DESC LIMIT @limit`,
    )
    .all({ ...filter, before: query.before ?? Number.MAX_SAFE_INTEGER, limit: query.limit })
    .map(fromRow);
  return { entries, total };
}
