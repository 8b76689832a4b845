import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultName } from './fault-file.ts';
import { readFaults } from './fault-file.ts';
import type { Store } from './store.ts';

/**
 * The service's side of the practice faults. It looks at the file before every request and four times a second, so that
 * a fault is visible to a shell as well. Each fault does the real thing: the database file is moved away, a row is altered.
 */
export function createFaults(file: string | null, store: Store) {
  const goneFile = `${store.path}.gone`;
  const chainFile = `${store.path}.chain-fault.json`;
  let stamp = '';
  let active = new Set<FaultName>();

  function takeDatabaseAway(): void {
    // The moved file is the mark that it was done: a database restored meanwhile is not taken away again.
    if (existsSync(goneFile) || !store.fileExists) return;
    store.detach();
    renameSync(store.path, goneFile);
  }

  function bringDatabaseBack(): void {
    if (!existsSync(goneFile)) return;
    if (store.fileExists) {
      renameSync(goneFile, `${goneFile}-${Date.now()}`);
      return;
    }
    store.detach();
    renameSync(goneFile, store.path);
  }

  function corruptChain(): void {
    if (existsSync(chainFile) || !store.fileExists) return;
    const row = store.db
      .prepare<[], { id: string; payload: string }>(
        'SELECT id, payload FROM events ORDER BY seq LIMIT 1 OFFSET (SELECT count(*) / 2 FROM events)',
      )
      .get();
    if (row === undefined) return;
    const altered = JSON.stringify({ tampered: true });
    writeFileSync(chainFile, JSON.stringify({ ...row, altered }));
    store.db.prepare('UPDATE events SET payload = ? WHERE id = ?').run(altered, row.id);
  }

  function mendChain(): void {
    if (!existsSync(chainFile) || !store.fileExists) return;
    const { id, payload, altered } = JSON.parse(readFileSync(chainFile, 'utf8')) as { id: string; payload: string; altered: string };
    store.db.prepare('UPDATE events SET payload = ? WHERE id = ? AND payload = ?').run(payload, id, altered);
    rmSync(chainFile);
  }

  function refresh(): void {
    if (file === null) return;
    const stat = statSync(file, { throwIfNoEntry: false });
    const next = stat === undefined ? 'none' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
    if (next === stamp) return;
    active = readFaults(file);
    // Mending comes first: a chain can only be mended in a database that is there.
    if (!active.has('database-gone')) bringDatabaseBack();
    if (active.has('corrupt-chain')) corruptChain();
    else mendChain();
    if (active.has('database-gone')) takeDatabaseAway();
    stamp = next;
  }

  let timer: NodeJS.Timeout | undefined;
  return {
    refresh,
    isOn: (fault: FaultName) => active.has(fault),

    /** Starts looking by itself. A failure to apply (a locked database) is tried again at the next look. */
    watch(onError: (error: unknown) => void): void {
      timer = setInterval(() => {
        try {
          refresh();
        } catch (error) {
          onError(error);
        }
      }, 250);
      timer.unref();
    },

    /** 700 to 1,100 ms while `slow` is on: enough to push the 95th percentile over the alert's 500 ms. */
    async delay(): Promise<void> {
      if (active.has('slow')) await sleep(700 + Math.random() * 400);
    },

    close(): void {
      clearInterval(timer);
    },
  };
}

/** The faults of the service. */
export type Faults = ReturnType<typeof createFaults>;
