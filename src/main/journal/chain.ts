import type { JournalEntry, JournalVerification } from '../../contract/journal.ts';
import { canonicalHash } from '../engine/canonical.ts';

/** What the first row is chained to. */
export const genesisHash = '0'.repeat(64);

/** The hash of a row: canonical JSON of everything in it but the hash itself, the previous hash included. */
export function entryHash(entry: Omit<JournalEntry, 'hash'>): string {
  const { seq, at, kind, environmentId, runId, stepId, operator, summary, data, previousHash } = entry;
  return canonicalHash({ seq, at, kind, environmentId, runId, stepId, operator, summary, data, previousHash });
}

/** The newest row as it is remembered apart from the rows, so that a cut-off tail is noticed. */
export interface JournalHead {
  readonly seq: number;
  readonly hash: string;
}

/**
 * Walks the rows, oldest first, and names the first that is not what was written: altered, missing, out of order,
 * or cut off at the end (`head` is then newer than the last row).
 */
export function verifyChain(rows: Iterable<JournalEntry>, head: JournalHead | undefined): JournalVerification {
  let previous = genesisHash;
  let expected = 1;
  let entries = 0;
  const broken = (seq: number, reason: string): JournalVerification => ({
    ok: false,
    entries,
    headHash: previous === genesisHash ? null : previous,
    firstBroken: { seq, reason },
  });
  for (const row of rows) {
    if (row.seq !== expected) return broken(expected, `Row ${expected} is missing: the next one is ${row.seq}.`);
    if (row.previousHash !== previous) return broken(row.seq, `Row ${row.seq} is not chained to the row before it.`);
    if (entryHash(row) !== row.hash) return broken(row.seq, `Row ${row.seq} was altered: its hash does not fit its contents.`);
    previous = row.hash;
    expected += 1;
    entries += 1;
  }
  if (head === undefined) {
    if (entries > 0) return broken(expected, 'The record of the newest row is missing, so rows may have been cut off the end.');
  } else if (head.seq >= expected) return broken(expected, `Rows ${expected} to ${head.seq} are missing from the end.`);
  else if (head.seq !== entries || head.hash !== previous)
    return broken(entries, `The newest row is not the one that was recorded as newest (${head.seq}).`);
  return { ok: true, entries, headHash: entries === 0 ? null : previous, firstBroken: null };
}
