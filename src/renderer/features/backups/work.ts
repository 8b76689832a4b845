import type { StoreApi } from 'zustand/vanilla';
import { createStore } from 'zustand/vanilla';
import type { BackupVerification } from '../../../contract/backups.ts';
import type { ProblemData } from '../../../contract/problem.ts';
import { problemOf } from '../../app/problem.ts';
import type { Rpc } from '../../rpc/client.ts';

/** What is being done, or was done last, with one backup. */
export type Work =
  | { readonly kind: 'verifying'; readonly method: 'server' | 'local' }
  | { readonly kind: 'verified'; readonly result: BackupVerification }
  | { readonly kind: 'downloading'; readonly bytes: number; readonly totalBytes: number }
  | { readonly kind: 'downloaded'; readonly path: string; readonly sha256: string; readonly resumedFrom: number }
  | { readonly kind: 'failed'; readonly doing: 'verify' | 'download'; readonly problem: ProblemData };

export interface BackupsWork {
  readonly store: StoreApi<Readonly<Record<string, Work>>>;
  verify(environmentId: string, name: string, method: 'server' | 'local'): Promise<BackupVerification | undefined>;
  download(environmentId: string, name: string, directory?: string): Promise<void>;
  /** Ends a download; what was loaded is kept and gone on from next time. */
  cancel(environmentId: string, name: string): void;
}

/** Names one backup across environments. */
export const workKey = (environmentId: string, name: string): string => `${environmentId}/${name}`;

/** Work on backups outlives the screen that began it. */
export function createBackupsWork(client: Rpc['rpc']): BackupsWork {
  const store = createStore<Readonly<Record<string, Work>>>(() => ({}));
  const ends = new Map<string, AbortController>();
  const put = (key: string, work: Work): void => store.setState({ [key]: work });
  const drop = (key: string): void => {
    const { [key]: _gone, ...rest } = store.getState();
    store.setState(rest, true);
  };

  return {
    store,
    async verify(environmentId, name, method) {
      const key = workKey(environmentId, name);
      put(key, { kind: 'verifying', method });
      try {
        const result = await client.backups.verify({ environmentId, name, method });
        put(key, { kind: 'verified', result });
        return result;
      } catch (error) {
        put(key, { kind: 'failed', doing: 'verify', problem: problemOf(error) });
        return undefined;
      }
    },
    async download(environmentId, name, directory) {
      const key = workKey(environmentId, name);
      const end = new AbortController();
      ends.set(key, end);
      put(key, { kind: 'downloading', bytes: 0, totalBytes: 0 });
      try {
        const stream = await client.backups.download(
          { environmentId, name, ...(directory === undefined ? {} : { directory }) },
          { signal: end.signal },
        );
        for await (const item of stream) {
          if (item.kind === 'progress') put(key, { kind: 'downloading', bytes: item.bytes, totalBytes: item.totalBytes });
          else if (item.kind === 'done')
            put(key, { kind: 'downloaded', path: item.path, sha256: item.sha256, resumedFrom: item.resumedFrom });
          else put(key, { kind: 'failed', doing: 'download', problem: item.problem });
        }
      } catch (error) {
        if (end.signal.aborted) drop(key);
        else put(key, { kind: 'failed', doing: 'download', problem: problemOf(error) });
      } finally {
        ends.delete(key);
      }
    },
    cancel: (environmentId, name) => ends.get(workKey(environmentId, name))?.abort(),
  };
}
