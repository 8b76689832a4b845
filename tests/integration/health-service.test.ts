import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConnectionState } from '../../src/contract/connections.ts';
import type { HealthSnapshot } from '../../src/contract/health.ts';
import { Problem } from '../../src/contract/problem.ts';
import { createHttpClient } from '../../src/main/drivers/http/client.ts';
import type { HttpClient } from '../../src/main/drivers/http/types.ts';
import type { SshSession } from '../../src/main/drivers/ssh/types.ts';
import type { NewJournalEntry } from '../../src/main/engine/journal-writer.ts';
import type { Health } from '../../src/main/health/health.ts';
import { createHealth } from '../../src/main/health/health.ts';
import { StackDefinition } from '../../src/main/stacks/schema.ts';
import { migrations } from '../../src/main/store/migrations/index.ts';
import type { Store } from '../../src/main/store/store.ts';
import { openStore } from '../../src/main/store/store.ts';
import type { CutProxy } from '../support/cut-proxy.ts';
import { startCutProxy } from '../support/cut-proxy.ts';
import type { Replica } from '../support/replica.ts';
import { startReplica } from '../support/replica.ts';
import { connectTo, skipSsh, trusting } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

const input = (name: string) => ({ name, title: name, type: 'text' as const, required: false });
const often = { every: '150ms', timeout: '2s', failures: 2, successes: 2 };
const definition = StackDefinition.parse({
  stack: 'test',
  version: 1,
  title: 'Test',
  description: '',
  inputs: ['base_url', 'backup_dir'].map(input),
  secrets: [{ key: 'api-key', title: 'Key' }],
  probes: [
    {
      id: 'health',
      title: 'Service',
      kind: 'http',
      ...often,
      http: { path: '/health', json: [{ path: 'status', equals: 'ok' }], facts: { Events: 'event_count' } },
    },
    {
      id: 'deep',
      title: 'Deep',
      kind: 'http',
      ...often,
      http: { path: '/health/deep', secret: 'api-key', status: [200, 503], json: [{ path: 'checks.database.status', equals: 'ok' }] },
    },
    { id: 'metrics', title: 'Metrics', kind: 'metrics', ...often },
    {
      id: 'disk',
      title: 'Disk',
      kind: 'disk',
      ...often,
      disk: { path: 'backup_dir', degraded_below_percent: 0, unhealthy_below_percent: 0 },
    },
  ],
  alerts: [
    {
      id: 'database',
      title: 'Database',
      severity: 'critical',
      rule: { kind: 'probe-json', probe: 'deep', json: { path: 'checks.database.status', equals: 'ok' } },
    },
    {
      id: 'refused',
      title: 'Refused',
      severity: 'warning',
      rule: {
        kind: 'metric-share',
        probe: 'metrics',
        metric: 'http_requests_total',
        label: 'status',
        matches: '4xx',
        above: 0.3,
        window: '5m',
        min_count: 20,
      },
    },
  ],
});

describe.skipIf(skipSsh())('health of a deployment behind a real sshd', () => {
  let sshd: Sshd;
  let proxy: CutProxy;
  let replica: Replica;
  let policy: Awaited<ReturnType<typeof trusting>>;
  let store: Store;
  let session: SshSession | undefined;
  let http: HttpClient;
  let health: Health;
  let inputs: Record<string, string>;
  let entries: NewJournalEntry[];
  const listeners = new Set<(state: ConnectionState) => void>();

  const state = (): ConnectionState => ({
    environmentId: 'one',
    phase: session === undefined ? 'waiting-to-retry' : 'connected',
    since: 0,
    attempt: 0,
  });
  const tell = (): void => {
    for (const listener of listeners) listener(state());
  };
  const reconnect = async (): Promise<void> => {
    const opened = await connectTo(sshd, { port: proxy.port, policy });
    session = opened;
    void opened.closed.then(() => {
      if (session === opened) session = undefined;
      tell();
    });
    tell();
  };
  const open = async (): Promise<SshSession> => {
    if (session === undefined) throw new Problem('not-connected', 'not connected');
    return session;
  };

  beforeAll(async () => {
    [sshd, replica] = await Promise.all([startSshd(), startReplica()]);
    proxy = await startCutProxy({ port: sshd.port });
    policy = await trusting({ sshd, port: proxy.port });
  });
  afterAll(async () => {
    await proxy?.close();
    await replica?.stop();
    await sshd?.stop();
  });
  beforeEach(async () => {
    store = openStore(':memory:', migrations);
    entries = [];
    inputs = { ...replica.inputs };
    await reconnect();
    http = createHttpClient({ connect: async (host, port) => (await open()).forwardTcp(host, port) });
    health = createHealth({
      store,
      stacks: { get: () => ({ definition, hash: 'h' }) },
      environments: { get: async () => ({ id: 'one', revision: 1, stack: 'test', inputs }) as never },
      http: () => http,
      session: open,
      secrets: { read: async () => replica.apiKey },
      connections: {
        get: async () => state(),
        onState: (listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      },
      journal: {
        append: (entry) => {
          entries.push(entry);
          return entry as never;
        },
      },
    });
  });
  afterEach(async () => {
    await health.close();
    await http.close();
    await session?.close();
    store.close();
  });

  /** Watches until a snapshot is as wanted; later ones are not skipped. */
  async function watching() {
    const stop = new AbortController();
    const feed = await health.watch({ environmentId: 'one' }, stop.signal);
    const until = async (wanted: (snapshot: HealthSnapshot) => boolean): Promise<HealthSnapshot> => {
      for (;;) {
        const { value, done } = await feed.next();
        if (done === true || value === undefined) throw new Error('the watch ended');
        if (wanted(value)) return value;
      }
    };
    return { until, stop: () => stop.abort() };
  }
  const probe = (snapshot: HealthSnapshot, id: string) => snapshot.probes.find((one) => one.id === id);
  const alert = (snapshot: HealthSnapshot, id: string) => snapshot.alerts.find((one) => one.id === id);

  it('sees a healthy one, with true latencies, facts and a p95 after twenty looks', async () => {
    const watch = await watching();
    const first = await watch.until(({ overall }) => overall === 'healthy');
    expect(probe(first, 'health')?.facts['Events']).toMatch(/^\d+$/);
    expect(probe(first, 'disk')?.summary).toMatch(/% free/);
    const later = await watch.until((snapshot) => (probe(snapshot, 'health')?.p95Ms ?? null) !== null);
    const health1 = probe(later, 'health');
    const latencies = (health1?.recent ?? []).flatMap(({ latencyMs }) => latencyMs ?? []).sort((a, b) => a - b);
    expect(latencies.length).toBeGreaterThanOrEqual(20);
    expect(health1?.p95Ms).toBeCloseTo(latencies[Math.ceil(latencies.length * 0.95) - 1] ?? 0, 2);
    expect(health1?.uptime).toBe(1);
    watch.stop();
  });

  it('flips when the database goes and when it comes back, and says why', async () => {
    const watch = await watching();
    await watch.until(({ overall }) => overall === 'healthy');
    replica.setFault('database-gone', true);
    const down = await watch.until(
      (snapshot) =>
        alert(snapshot, 'database')?.state === 'firing' &&
        probe(snapshot, 'health')?.state === 'unhealthy' &&
        probe(snapshot, 'deep')?.state === 'unhealthy',
    );
    expect(down.overall).toBe('unhealthy');
    expect(probe(down, 'health')?.summary).toMatch(/^answered 500 text\/plain: Internal Server Error/);
    expect(probe(down, 'deep')?.summary).toMatch(/^database: error — /);
    replica.setFault('database-gone', false);
    await watch.until(({ overall }) => overall === 'healthy');
    expect(
      entries.filter(({ kind, data }) => kind === 'probe-flipped' && data?.['probeId'] === 'health').map(({ data }) => data?.['to']),
    ).toEqual(['unhealthy', 'healthy']);
    expect(entries.filter(({ kind }) => kind === 'alert-flipped').map(({ data }) => data?.['to'])).toEqual(['firing', 'ok']);
    watch.stop();
  });

  it('tells a stopped service from a lost connection', async () => {
    const watch = await watching();
    await watch.until(({ overall }) => overall === 'healthy');
    proxy.refuse();
    proxy.cut('rst');
    const dark = await watch.until(({ overall }) => overall === 'unobserved');
    expect(dark.probes.every(({ state: one }) => one === 'unobserved')).toBe(true);
    proxy.restore();
    await reconnect();
    await watch.until(({ overall }) => overall === 'healthy');
    expect(entries).toEqual([]);
    await replica.control('stop');
    const down = await watch.until((snapshot) => probe(snapshot, 'health')?.state === 'unhealthy');
    expect(probe(down, 'health')?.summary).toMatch(/could not connect to 127\.0\.0\.1/);
    expect(probe(down, 'disk')?.state).toBe('healthy');
    await replica.control('start');
    await watch.until(({ overall }) => overall === 'healthy');
    watch.stop();
  });

  it('calls a connection that went silent unobserved, not an outage', async () => {
    await health.check({ environmentId: 'one' });
    proxy.cut('silent');
    const snapshot = await health.check({ environmentId: 'one' });
    expect(probe(snapshot, 'health')).toMatchObject({ state: 'unobserved', summary: 'the SSH connection does not answer' });
    expect(snapshot.overall).toBe('unobserved');
    expect(entries).toEqual([]);
  });

  it('counts refused requests from the metrics', async () => {
    await health.check({ environmentId: 'one' });
    for (let i = 0; i < 30; i++) await replica.request('GET', '/nowhere', { key: null });
    const snapshot = await health.check({ environmentId: 'one' });
    expect(alert(snapshot, 'refused')).toMatchObject({ state: 'firing' });
    expect(snapshot.overall).toBe('degraded');
  });

  it('says which folder is not there', async () => {
    inputs['backup_dir'] = join(replica.layout.backupDir, 'gone');
    expect(probe(await health.check({ environmentId: 'one' }), 'disk')).toMatchObject({
      state: 'unhealthy',
      summary: expect.stringMatching(/No such file/),
    });
    mkdirSync(inputs['backup_dir']);
    rmSync(inputs['backup_dir'], { recursive: true });
  });
});
