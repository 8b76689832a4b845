import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DownloadItem } from '../../src/contract/backups.ts';
import { BackupList } from '../../src/contract/backups.ts';
import type { Backups } from '../../src/main/backups/backups.ts';
import { createBackups } from '../../src/main/backups/backups.ts';
import { createBackupMemory } from '../../src/main/backups/memory.ts';
import { createHttpClient } from '../../src/main/drivers/http/client.ts';
import type { HttpClient } from '../../src/main/drivers/http/types.ts';
import { inspectSqlite } from '../../src/main/drivers/sqlite/inspect.ts';
import type { SshSession } from '../../src/main/drivers/ssh/types.ts';
import type { NewJournalEntry } from '../../src/main/engine/journal-writer.ts';
import { StackDefinition } from '../../src/main/stacks/schema.ts';
import { migrations } from '../../src/main/store/migrations/index.ts';
import type { Store } from '../../src/main/store/store.ts';
import { openStore } from '../../src/main/store/store.ts';
import type { CutProxy } from '../support/cut-proxy.ts';
import { startCutProxy } from '../support/cut-proxy.ts';
import type { Replica } from '../support/replica.ts';
import { startReplica } from '../support/replica.ts';
import { connectTo, scratch, skipSsh, trusting } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

const input = (name: string) => ({ name, title: name, type: 'text' as const, required: false });
const definition = StackDefinition.parse({
  stack: 'test',
  version: 1,
  title: 'Test',
  description: '',
  inputs: ['base_url', 'backup_dir', 'env_file'].map(input),
  secrets: [{ key: 'api-key', title: 'Key' }],
  backups: { kind: 'friendlyface', secret: 'api-key', base_url: 'base_url', folder: 'backup_dir', env_file: 'env_file' },
});

describe.skipIf(skipSsh())('backups of a deployment behind a real sshd', () => {
  const room = scratch();
  let sshd: Sshd;
  let proxy: CutProxy;
  let replica: Replica;
  let store: Store;
  let session: SshSession | undefined;
  let http: HttpClient;
  let backups: Backups;
  let secret: string | undefined;
  let policy: Awaited<ReturnType<typeof trusting>>;
  const entries: NewJournalEntry[] = [];

  const open = async (): Promise<SshSession> => {
    if (session !== undefined) return session;
    const opened = await connectTo(sshd, { port: proxy.port, policy });
    session = opened;
    void opened.closed.then(() => {
      if (session === opened) session = undefined;
    });
    return opened;
  };

  beforeAll(async () => {
    [sshd, replica] = await Promise.all([startSshd(), startReplica({ retention: { count: 7 }, keys: ['ffk_0123456789abcdef'] })]);
    proxy = await startCutProxy({ port: sshd.port });
    policy = await trusting({ sshd, port: proxy.port });
    store = openStore(':memory:', migrations);
    secret = replica.apiKey;
    http = createHttpClient({ connect: async (host, port) => (await open()).forwardTcp(host, port) });
    backups = createBackups({
      memory: createBackupMemory(store),
      stacks: { get: () => ({ definition }) },
      environments: { get: async () => ({ id: 'one', name: 'One', stack: 'test', inputs: replica.inputs }) as never },
      http: () => http,
      session: open,
      secrets: { read: async () => secret },
      journal: {
        append: (entry) => {
          entries.push(entry);
          return entry as never;
        },
      },
      inspectSqlite,
      localFolder: () => room.path('copies'),
      operator: 'ann@laptop',
      clock: Date.now,
    });
  });
  afterAll(async () => {
    await http?.close();
    await session?.close();
    await proxy?.close();
    await replica?.stop();
    await sshd?.stop();
    store?.close();
    room.close();
  });

  const environmentId = 'one';
  const hash = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
  const list = async () => BackupList.parse(await backups.list({ environmentId }));

  it('lists what is there, newest first, without the secrets of the env file', async () => {
    const seen = await list();
    expect(seen.backups.length).toBe(seen.statistics.count);
    expect(seen.backups.map(({ modifiedAt }) => modifiedAt)).toEqual(
      seen.backups.map(({ modifiedAt }) => modifiedAt).sort((a, b) => b - a),
    );
    expect(seen.statistics.totalBytes).toBe(seen.backups.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
    expect(seen.retention).toMatchObject({ maxCount: 7, removedByCleanup: [] });
    expect(proxy.relayed.down).toBeGreaterThan(0);
    expect(JSON.stringify(seen)).not.toContain(replica.apiKey);
  });

  it('checks on the server and here, tells a bad one, and remembers both', async () => {
    const { backups: all } = await list();
    const verdicts: Record<string, boolean> = {};
    for (const { name } of all) {
      const server = await backups.verify({ environmentId, name, method: 'server' });
      const local = await backups.verify({ environmentId, name, method: 'local' });
      expect(local.valid).toBe(server.valid);
      verdicts[name] = local.valid;
    }
    expect(Object.values(verdicts).filter((valid) => !valid)).toHaveLength(1);
    for (const backup of (await list()).backups) {
      expect(backup.verifications.map(({ method, by }) => `${method} ${by}`)).toEqual(['local ann@laptop', 'server ann@laptop']);
      expect(backup.protected).toBe(verdicts[backup.name]);
      if (backup.localPath !== null) expect(hash(backup.localPath)).toBe(backup.sha256);
    }
    expect(entries.filter(({ kind }) => kind === 'backup-verified')).toHaveLength(all.length * 2);
    expect(await backups.verify({ environmentId, name: 'ff_backup_nowhere.db', method: 'server' })).toMatchObject({ valid: false });
  });

  it('downloads, resumed after the connection was cut in the middle', async () => {
    const name = 'ff_backup_20260101_000000_0000b166.db';
    const big = new Database(join(replica.layout.backupDir, name));
    big.exec('CREATE TABLE events (data BLOB)');
    const add = big.prepare('INSERT INTO events VALUES (randomblob(1000000))');
    for (let i = 0; i < 24; i++) add.run();
    big.close();
    const directory = room.dir;
    const read = async (): Promise<DownloadItem | undefined> => {
      let last: DownloadItem | undefined;
      for await (const item of await backups.download({ environmentId, name, directory })) last = item;
      return last;
    };
    await open();
    const cut = proxy.cutAfter('down', 12_000_000, 'rst');
    expect(await read()).toMatchObject({ kind: 'failed', problem: { code: expect.stringMatching(/ssh-connection-lost|not-connected/) } });
    await cut;
    await expect.poll(() => session).toBeUndefined();
    const done = await read();
    expect(done).toMatchObject({ kind: 'done', path: room.path(name) });
    if (done?.kind === 'done') {
      expect(done.resumedFrom).toBeGreaterThan(0);
      expect(done.sha256).toBe(hash(join(replica.layout.backupDir, name)));
    }
    expect(entries.at(-1)).toMatchObject({ kind: 'backup-downloaded', data: { name } });
  });

  it('does not let a changed file of the deployment replace a verified copy', async () => {
    const good = (await list()).backups.find(({ protected: kept }) => kept);
    if (good === undefined || good.localPath === null) throw new Error('no verified copy');
    const path = join(replica.layout.backupDir, good.name);
    const before = readFileSync(path);
    writeFileSync(path, Buffer.concat([before.subarray(0, before.length - 100), Buffer.alloc(100, 1)]));
    expect(await backups.verify({ environmentId, name: good.name, method: 'local' })).toMatchObject({ valid: false });
    const items: DownloadItem[] = [];
    for await (const item of await backups.download({ environmentId, name: good.name })) items.push(item);
    expect(items.at(-1)).toMatchObject({ kind: 'failed', problem: { code: 'integrity-mismatch' } });
    expect(hash(good.localPath)).toBe(good.sha256);
    writeFileSync(path, before);
  });

  it('foresees exactly what the deployment then deletes', async () => {
    const [first] = (await list()).backups;
    for (let i = 0; i < 5; i++) {
      const path = join(replica.layout.backupDir, `ff_backup_2025010${i + 1}_000000_0000000${i}.db`);
      copyFileSync(join(replica.layout.backupDir, first?.name ?? ''), path);
      utimesSync(path, new Date(2025, 0, i + 1), new Date(2025, 0, i + 1));
    }
    const { retention, backups: before } = await list();
    expect(retention.removedByCleanup.length).toBeGreaterThan(0);
    expect(retention.removedByNextBackup.length).toBe(retention.removedByCleanup.length + 1);
    const answer = (await (await replica.request('POST', '/admin/backup/cleanup')).json()) as { removed: string[] };
    expect(answer.removed.sort()).toEqual([...retention.removedByCleanup].sort());
    expect((await list()).backups.length).toBe(before.length - retention.removedByCleanup.length);
  });

  it('refuses hostile names, and says what a missing or wrong key means', async () => {
    for (const name of ['../../etc/passwd', '.hidden', 'a/b', 'a\u0000b', '']) {
      await expect(backups.verify({ environmentId, name, method: 'local' })).rejects.toMatchObject({ code: 'bad-input' });
      await expect(backups.download({ environmentId, name })).rejects.toMatchObject({ code: 'bad-input' });
    }
    secret = 'wrong';
    await expect(backups.list({ environmentId })).rejects.toMatchObject({ code: 'http-unauthorised' });
    secret = replica.apiKey;
  });
});
