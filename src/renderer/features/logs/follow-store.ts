import type { StoreApi } from 'zustand/vanilla';
import { createStore } from 'zustand/vanilla';
import type { LogFilter, LogItem, LogLine } from '../../../contract/logs.ts';
import type { ProblemData } from '../../../contract/problem.ts';
import type { Rpc } from '../../rpc/client.ts';
import type { LogRow, Ring } from './ring.ts';
import { createRing } from './ring.ts';

/** As many rows are kept in the window; twice as many while somebody holds the view to read. */
export const KEPT_ROWS = 100_000;
const TAIL = 2000;
const CURSOR_ATTEMPTS = 1;

export interface FollowState {
  readonly status: 'loading' | 'live' | 'reconnecting' | 'paused' | 'ended' | 'failed';
  readonly detail: string;
  readonly problem?: ProblemData | undefined;
  /** Goes up when the ring changed. */
  readonly version: number;
}

export interface Follow {
  readonly store: StoreApi<FollowState>;
  readonly ring: Ring;
  start(): void;
  /** Ends the transfer. What is shown stays. */
  pause(): void;
  /** Goes on after the last line that came, without gap or duplicate. */
  resume(): void;
  /**
   * Somebody reads further up: no row is let go under their eyes. When the window is full the transfer ends, and goes on
   * without a gap once they are back at the newest row.
   */
  hold(held: boolean): void;
  clear(): void;
  close(): void;
}

export interface FollowOptions {
  readonly environmentId: string;
  readonly sourceId: string;
  readonly filter: LogFilter;
  /** Runs once before the next picture is drawn; what comes meanwhile is shown together. */
  readonly soon?: (run: () => void) => void;
  readonly capacity?: number;
}

const UPDATE_MS = 60;

const nextPicture = (run: () => void): void => {
  setTimeout(() => requestAnimationFrame(run), UPDATE_MS);
};

/** Follows one source with one filter. Lines go into the ring at once; the screen is told a few times a second. */
export function createFollow(
  host: Rpc,
  { environmentId, sourceId, filter, soon = nextPicture, capacity = KEPT_ROWS }: FollowOptions,
): Follow {
  const store = createStore<FollowState>(() => ({ status: 'loading', detail: '', version: 0 }));
  const ring = createRing(capacity);
  let cursor: string | undefined;
  let end: AbortController | undefined;
  let told = true;
  let retries = 0;
  let held = false;
  // The transfer was ended because the window is full while it is held.
  let waiting = false;

  const changed = (): void => {
    if (!told) return;
    told = false;
    soon(() => {
      told = true;
      store.setState(({ version }) => ({ version: version + 1 }));
    });
  };
  const put = (rows: readonly LogRow[]): void => {
    ring.push(rows, held);
    changed();
    if (held && ring.end - ring.first >= capacity * 2) {
      waiting = true;
      end?.abort();
      end = undefined;
      store.setState({ status: 'paused', detail: 'The window is full; it goes on, without a gap, when you are back at the newest line.' });
    }
  };
  const lines = (more: readonly LogLine[]): void => put(more.map((line) => ({ kind: 'line', line })));

  const take = (item: LogItem): void => {
    switch (item.kind) {
      case 'lines':
        retries = 0;
        cursor = item.cursor;
        lines(item.lines);
        break;
      case 'dropped':
        put([{ kind: 'dropped', count: item.count }]);
        break;
      case 'gap':
        put([{ kind: 'gap', reason: item.reason }]);
        break;
      case 'state':
        store.setState({ status: item.state, detail: item.detail ?? '', problem: undefined });
        break;
    }
  };

  const open = (): void => {
    end?.abort();
    const mine = new AbortController();
    end = mine;
    store.setState({ status: 'loading', detail: '', problem: undefined });
    host.subscribe(
      (signal) =>
        host.rpc.logs.follow({ environmentId, sourceId, tail: TAIL, filter, ...(cursor === undefined ? {} : { cursor }) }, { signal }),
      take,
      {
        signal: mine.signal,
        onAgain: () => store.setState({ status: 'reconnecting', detail: '' }),
        onEnd: () => store.setState({ status: 'ended' }),
        onProblem: (problem) => {
          // A window that fell behind goes on from its cursor by itself, once; the second time a person is asked.
          if (problem.code === 'stream-overrun' && retries < CURSOR_ATTEMPTS) {
            retries += 1;
            open();
          } else store.setState({ status: 'failed', problem: problem.data });
        },
      },
    );
  };

  return {
    store,
    ring,
    start: open,
    pause() {
      end?.abort();
      end = undefined;
      store.setState({ status: 'paused', detail: '' });
    },
    resume() {
      put([{ kind: 'mark', text: 'Paused here; goes on without a gap', at: Date.now() }]);
      open();
    },
    hold(next) {
      held = next;
      if (held) return;
      put([]);
      if (!waiting) return;
      waiting = false;
      open();
    },
    clear() {
      ring.clear();
      changed();
    },
    close() {
      end?.abort();
      end = undefined;
    },
  };
}
