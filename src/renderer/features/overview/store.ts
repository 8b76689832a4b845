import type { StoreApi } from 'zustand/vanilla';
import { createStore } from 'zustand/vanilla';
import type { HealthSnapshot } from '../../../contract/health.ts';
import type { ProblemData } from '../../../contract/problem.ts';
import { problemOf } from '../../app/problem.ts';
import type { Rpc } from '../../rpc/client.ts';

export interface HealthOf {
  readonly status: 'loading' | 'refreshing' | 'ready' | 'failed';
  readonly snapshot?: HealthSnapshot | undefined;
  readonly problem?: ProblemData | undefined;
}

export interface HealthStore {
  readonly store: StoreApi<Readonly<Record<string, HealthOf>>>;
  /** Watches one environment until told to stop; several watchers share one stream. */
  watch(environmentId: string): () => void;
  /** Looks at everything now. */
  check(environmentId: string): Promise<void>;
}

/** The health of the environments that are watched. The last snapshot is kept after the watch ended. */
export function createHealthStore(host: Rpc): HealthStore {
  const store = createStore<Readonly<Record<string, HealthOf>>>(() => ({}));
  const watchers = new Map<string, { count: number; end: AbortController }>();
  const put = (id: string, change: (before: HealthOf | undefined) => HealthOf): void =>
    store.setState((all) => ({ ...all, [id]: change(all[id]) }));

  const begin = (id: string): AbortController => {
    const end = new AbortController();
    put(id, (before) => (before?.snapshot === undefined ? { status: 'loading' } : { ...before, status: 'ready' }));
    host.subscribe(
      (signal) => host.rpc.health.watch({ environmentId: id }, { signal }),
      (snapshot) => put(id, (before) => ({ status: before?.status === 'refreshing' ? 'refreshing' : 'ready', snapshot })),
      {
        signal: end.signal,
        onProblem: (problem) => put(id, (before) => ({ status: 'failed', snapshot: before?.snapshot, problem: problem.data })),
      },
    );
    return end;
  };

  return {
    store,
    watch(id) {
      const watcher = watchers.get(id) ?? { count: 0, end: begin(id) };
      watchers.set(id, watcher);
      watcher.count += 1;
      let stopped = false;
      return () => {
        if (stopped) return;
        stopped = true;
        watcher.count -= 1;
        if (watcher.count > 0) return;
        watchers.delete(id);
        watcher.end.abort();
      };
    },
    async check(id) {
      put(id, (before) => ({ ...before, status: 'refreshing' }));
      try {
        const snapshot = await host.rpc.health.check({ environmentId: id });
        put(id, () => ({ status: 'ready', snapshot }));
      } catch (error) {
        put(id, (before) => ({ status: 'failed', snapshot: before?.snapshot, problem: problemOf(error) }));
      }
    },
  };
}
