import type { JournalEntry, JournalKind, JournalVerification } from '../../contract/journal.ts';
import { Problem } from '../../contract/problem.ts';
import type { Store } from '../store/store.ts';
import type { JournalHead } from './chain.ts';
import { entryHash, genesisHash, verifyChain } from './chain.ts';
import type { Redactor } from './redactor.ts';
import type { JournalRow, ListQuery } from './rows.ts';
import { fromRow, headSetting, listEntries } from './rows.ts';
import type { JournalWriter } from './types.ts';

/** How long a watcher waits at most to see what another process wrote, in milliseconds. */
const POLL_MS = 1000;
const PAGE = 200;

/** The append-only, hash-chained record of what was done here. */
export interface Journal extends JournalWriter {
  list(query: ListQuery): { entries: JournalEntry[]; total: number };
  /** Entries written from now on, by this process or another on the same store, in order and without loss. Ends with `signal`. */
  watch(query: { environmentId?: string | undefined }, signal: AbortSignal): AsyncGenerator<JournalEntry, void, void>;
  verify(): JournalVerification;
  /** The whole journal, oldest first. */
  export(query: { environmentId?: string | undefined }): Generator<JournalEntry, void, void>;
  note(input: { environmentId?: string | undefined; text: string }): JournalEntry;
  close(): void;
}

/** What a journal is made of. */
export interface JournalOptions {
  readonly store: Store;
  /** `user@machine`. */
  readonly operator: string;
  /** Unix milliseconds. */
  readonly clock: () => number;
  /** Masks known secrets in summary and data. */
  readonly redactor?: Redactor;
}

/**
 * Opens the journal in a store. A row is on disk (WAL, `synchronous=FULL`) when `append` returns; the newest row's number
 * and hash are kept in `settings` in the same transaction, so that a cut-off tail is noticed.
 */
export function createJournal(options: JournalOptions): Journal {
  const { store, operator, clock, redactor } = options;
  const newest = store.prepare<[], { seq: number; hash: string }>('SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1');
  const insert =
    store.prepare(`INSERT INTO journal (seq, at, kind, environment_id, run_id, step_id, operator, summary, data, previous_hash, hash)
    VALUES (@seq, @at, @kind, @environmentId, @runId, @stepId, @operator, @summary, @data, @previousHash, @hash)`);
  const readHead = store.prepare<[string], { value: string }>('SELECT value FROM settings WHERE name = ?');
  const saveHead = store.prepare(
    'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  );
  const after = store.prepare<[number, number], JournalRow>('SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?');
  const wakers = new Set<() => void>();
  let closed = false;

  const write = store.transaction((entry: Omit<JournalEntry, 'seq' | 'previousHash' | 'hash'>): JournalEntry => {
    const last = newest.get();
    const row = { ...entry, seq: (last?.seq ?? 0) + 1, previousHash: last?.hash ?? genesisHash };
    const full: JournalEntry = { ...row, hash: entryHash(row) };
    insert.run({ ...full, data: JSON.stringify(full.data) });
    saveHead.run(headSetting, JSON.stringify({ seq: full.seq, hash: full.hash } satisfies JournalHead));
    return full;
  });

  const journal: Journal = {
    append(entry) {
      const masked = redactor === undefined ? entry : { ...entry, summary: redactor.text(entry.summary), data: redactor.json(entry.data) };
      let written: JournalEntry;
      try {
        written = write.immediate({
          at: clock(),
          kind: entry.kind,
          environmentId: entry.environmentId ?? null,
          runId: entry.runId ?? null,
          stepId: entry.stepId ?? null,
          // Through JSON once: what is hashed is exactly what will be read back.
          operator,
          summary: masked.summary,
          data: JSON.parse(JSON.stringify(masked.data ?? {})) as JournalEntry['data'],
        });
      } catch (cause) {
        throw new Problem(
          'journal-unwritable',
          `The journal could not be written (${cause instanceof Error ? cause.message : String(cause)}), so nothing was done.`,
          {
            hint: 'Make room on this machine and check the permissions of the data folder, then try again.',
            retryable: true,
            cause,
          },
        );
      }
      for (const wake of wakers) wake();
      return written;
    },

    list: (query) => listEntries(store, query),

    async *watch({ environmentId }, signal) {
      let seen = newest.get()?.seq ?? 0;
      while (!signal.aborted && !closed) {
        const rows = after.all(seen, PAGE);
        for (const row of rows) {
          seen = row.seq;
          if (environmentId === undefined || row.environment_id === environmentId) yield fromRow(row);
        }
        if (rows.length < PAGE) await nextWake(wakers, signal);
      }
    },

    // One transaction, so that head and rows are of one moment: another process may be writing.
    verify: store.transaction(() => {
      const head = readHead.get(headSetting);
      return verifyChain(allRows(), head === undefined ? undefined : (JSON.parse(head.value) as JournalHead));
    }),

    *export({ environmentId }) {
      for (const entry of allRows()) if (environmentId === undefined || entry.environmentId === environmentId) yield entry;
    },

    note: ({ environmentId, text }) =>
      journal.append({
        kind: 'note-added' satisfies JournalKind,
        summary: text,
        ...(environmentId === undefined ? {} : { environmentId }),
      }),

    close() {
      closed = true;
      for (const wake of wakers) wake();
    },
  };

  // By pages rather than one cursor: an open cursor would block every write on this connection.
  function* allRows(): Generator<JournalEntry, void, void> {
    let seen = Number.MIN_SAFE_INTEGER;
    for (;;) {
      const rows = after.all(seen, PAGE);
      for (const row of rows) yield fromRow(row);
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) return;
      seen = last.seq;
    }
  }

  return journal;
}

/** Waits for a local write, the poll, or the end. */
async function nextWake(wakers: Set<() => void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      wakers.delete(wake);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, POLL_MS);
    wakers.add(wake);
    signal.addEventListener('abort', wake, { once: true });
  });
}
