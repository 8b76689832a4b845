import { useEffect } from 'react';
import { useStore } from 'zustand';
import type { StoreApi } from 'zustand/vanilla';
import { createStore } from 'zustand/vanilla';
import type { ProblemData } from '../../contract/problem.ts';
import { isCancelled, problemOf } from './problem.ts';

/** Something that is asked of the host. What was had before is kept while it is asked again, and when that fails. */
export interface Loaded<T> {
  readonly status: 'idle' | 'loading' | 'refreshing' | 'ready' | 'failed';
  readonly data?: T | undefined;
  readonly problem?: ProblemData | undefined;
}

export interface Loadable<T> {
  readonly store: StoreApi<Loaded<T>>;
  /** Asks again; an answer still under way is dropped. */
  refresh(): Promise<void>;
  /** Asks only when nothing was asked yet. */
  ensure(): void;
  /** Takes what another call or a stream brought. */
  set(data: T): void;
  update(change: (data: T) => T): void;
}

/** Makes a store around one read call. */
export function createLoadable<T>(load: (signal: AbortSignal) => Promise<T>): Loadable<T> {
  const store = createStore<Loaded<T>>(() => ({ status: 'idle' }));
  let current: AbortController | undefined;

  const refresh = async (): Promise<void> => {
    current?.abort();
    const mine = new AbortController();
    current = mine;
    const { data } = store.getState();
    store.setState(data === undefined ? { status: 'loading' } : { status: 'refreshing', data }, true);
    try {
      const loaded = await load(mine.signal);
      if (current === mine) store.setState({ status: 'ready', data: loaded }, true);
    } catch (error) {
      const problem = problemOf(error);
      if (current === mine && !(mine.signal.aborted && isCancelled(problem)))
        store.setState({ status: 'failed', problem, data: store.getState().data }, true);
    }
  };

  return {
    store,
    refresh,
    ensure: () => {
      if (store.getState().status === 'idle') void refresh();
    },
    set: (data) => {
      current?.abort();
      current = undefined;
      store.setState({ status: 'ready', data }, true);
    },
    update: (change) => {
      const { data } = store.getState();
      if (data !== undefined) store.setState({ ...store.getState(), data: change(data) }, true);
    },
  };
}

/** One loadable for each key, made when first asked for. */
export function createFamily<T>(load: (key: string, signal: AbortSignal) => Promise<T>): (key: string) => Loadable<T> {
  const members = new Map<string, Loadable<T>>();
  return (key) => {
    let member = members.get(key);
    if (member === undefined) {
      member = createLoadable((signal) => load(key, signal));
      members.set(key, member);
    }
    return member;
  };
}

/** Reads a loadable and asks for it on first use. */
export function useLoadable<T>(loadable: Loadable<T>): Loaded<T> {
  useEffect(() => loadable.ensure(), [loadable]);
  return useStore(loadable.store);
}
