import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { KeychainState } from '../../contract/secrets.ts';
import { createJournal } from '../journal/journal.ts';
import { migrations } from '../store/migrations/index.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/store.ts';
import { createSecrets } from './secrets.ts';

/** Stands for another process: writes to the journal, and is not done with it before it is told to. */
const writer = `
const { workerData, parentPort } = require('node:worker_threads');
const db = new (require(workerData.sqlite))(workerData.file);
db.exec("BEGIN IMMEDIATE; INSERT INTO settings (name, value) VALUES ('other', '1')");
parentPort.postMessage('writing');
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
db.exec('COMMIT');
db.close();
`;

const works: KeychainState = { state: 'unavailable', detail: 'none' };
let dir: string;
let store: Store;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'quarterdeck-secrets-'));
  store = openStore(join(dir, 'store.db'), migrations);
});
afterEach(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

it('a secret is set and cleared while another process is writing', async () => {
  const draft = { stack: 'ff', ssh: { target: { host: 'h', port: 22, user: 'u', auth: [{ kind: 'password' }] }, jumps: [] } };
  store
    .prepare('INSERT INTO environments (id, name, draft, created_at, updated_at) VALUES (?, ?, ?, 1, 1)')
    .run('env-a', 'a', JSON.stringify(draft));
  const journal = createJournal({ store, operator: 'tester@lab', clock: () => 1 });
  const secrets = createSecrets({
    store,
    journal,
    keychain: {
      state: works,
      check: async () => works,
      read: async () => ({ found: 'unreadable', state: works }),
      write: async () => works,
      close: async () => undefined,
    },
    stacks: { get: () => undefined },
  });
  const meanwhile = async <T>(work: () => Promise<T>): Promise<T> => {
    store.exec("DELETE FROM settings WHERE name = 'other'");
    const sqlite = createRequire(import.meta.url).resolve('better-sqlite3');
    const worker = new Worker(writer, { eval: true, workerData: { sqlite, file: join(dir, 'store.db') } });
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    try {
      return await work();
    } finally {
      await ended;
    }
  };
  const place = { environmentId: 'env-a', key: 'ssh-password' };
  expect(await meanwhile(() => secrets.set({ ...place, value: 'hunter22' }))).toMatchObject({ set: true });
  expect(await meanwhile(() => secrets.clear(place))).toMatchObject({ set: false });
  expect(journal.verify()).toMatchObject({ ok: true, entries: 2 });
  secrets.close();
});
