import type { StoreApi } from 'zustand/vanilla';
import { createStore } from 'zustand/vanilla';
import type { JournalEntry } from '../../../contract/journal.ts';
import type { ProblemData } from '../../../contract/problem.ts';
import { isCancelled, problemOf } from '../../app/problem.ts';
import type { Client } from '../../app/services.tsx';
import type { Group } from './kinds.ts';
import { kindsOf, passes } from './kinds.ts';

const PAGE = 500;

export interface EntriesState {
  readonly status: 'loading' | 'refreshing' | 'ready' | 'failed';
  /** Newest first. */
  readonly entries: readonly JournalEntry[];
  readonly total: number;
  readonly problem?: ProblemData | undefined;
}

export interface EntriesFilter {
  readonly environmentId: string | undefined;
  readonly runId: string | undefined;
  readonly group: Group | '';
  readonly text: string;
}

export interface Entries {
  readonly store: StoreApi<EntriesState>;
  /** Loads the next older page. */
  more(): void;
  /** Takes an entry that was just written. */
  take(entry: JournalEntry): void;
  start(): void;
  close(): void;
}

/** The journal, page by page, for one filter. */
export function createEntries(client: Client, filter: EntriesFilter): Entries {
  const store = createStore<EntriesState>(() => ({ status: 'loading', entries: [], total: 0 }));
  let end = new AbortController();
  let complete = false;
  let loading = false;

  const load = async (): Promise<void> => {
    if (loading || complete) return;
    loading = true;
    const mine = end;
    const before = store.getState().entries.at(-1)?.seq;
    store.setState({ status: before === undefined ? 'loading' : 'refreshing', problem: undefined });
    try {
      const { environmentId, runId, group, text } = filter;
      const page = await client.journal.list(
        {
          limit: PAGE,
          ...(environmentId === undefined ? {} : { environmentId }),
          ...(runId === undefined ? {} : { runId }),
          ...(group === '' ? {} : { kinds: kindsOf(group) }),
          ...(text.trim() === '' ? {} : { text: text.trim().slice(0, 200) }),
          ...(before === undefined ? {} : { before }),
        },
        { signal: mine.signal },
      );
      complete = page.entries.length < PAGE;
      if (!mine.signal.aborted)
        store.setState(({ entries, total }) => ({
          status: 'ready',
          entries: [...entries, ...page.entries],
          total: before === undefined ? page.total : total,
        }));
    } catch (error) {
      const problem = problemOf(error);
      if (!mine.signal.aborted && !isCancelled(problem)) store.setState({ status: 'failed', problem });
    } finally {
      if (mine === end) loading = false;
    }
  };

  return {
    store,
    more: () => void load(),
    take(entry) {
      const { entries, status } = store.getState();
      if (status === 'loading' || !passes(entry, filter) || entry.seq <= (entries[0]?.seq ?? 0)) return;
      store.setState(({ total }) => ({ entries: [entry, ...entries], total: total + 1 }));
    },
    start() {
      end.abort();
      end = new AbortController();
      loading = false;
      complete = false;
      store.setState({ status: 'loading', entries: [], total: 0, problem: undefined });
      void load();
    },
    close: () => end.abort(),
  };
}
