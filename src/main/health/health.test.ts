import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConnectionState } from '../../contract/connections.ts';
import { HealthSnapshot } from '../../contract/health.ts';
import { Problem } from '../../contract/problem.ts';
import type { HttpClient, HttpRequest } from '../drivers/http/types.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import type { NewJournalEntry } from '../engine/journal-writer.ts';
import { StackDefinition } from '../stacks/schema.ts';
import { migrations } from '../store/migrations/index.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/store.ts';
import type { Health } from './health.ts';
import { createHealth } from './health.ts';
import { createSamples } from './samples.ts';

const definition = StackDefinition.parse({
  stack: 'test',
  version: 1,
  title: 'Test',
  description: '',
  inputs: [{ name: 'base_url', title: 'URL', type: 'url', required: true }],
  secrets: [{ key: 'api-key', title: 'Key' }],
  probes: [
    {
      id: 'health',
      title: 'Service',
      kind: 'http',
      every: '1h',
      timeout: '1s',
      failures: 2,
      successes: 2,
      http: {
        path: '/health',
        secret: 'api-key',
        json: [{ path: 'status', equals: 'ok' }],
        facts: { Version: 'version' },
        degraded_above: '100ms',
      },
    },
    { id: 'metrics', title: 'Metrics', kind: 'metrics', every: '1h', timeout: '1s', failures: 1, successes: 1 },
  ],
  alerts: [
    { id: 'down', title: 'Down', severity: 'critical', rule: { kind: 'probe-state', probe: 'health', is: 'unhealthy' } },
    {
      id: 'body',
      title: 'Body',
      severity: 'warning',
      rule: { kind: 'probe-json', probe: 'health', json: { path: 'chain', equals: true } },
    },
    {
      id: 'slow',
      title: 'Slow',
      severity: 'warning',
      rule: { kind: 'probe-p95', probe: 'health', above: '50ms', window: '5m', min_samples: 5 },
    },
    {
      id: 'limits',
      title: 'Limits',
      severity: 'warning',
      rule: {
        kind: 'metric-share',
        probe: 'metrics',
        metric: 'r',
        label: 'status',
        matches: '429',
        above: 0.1,
        window: '5m',
        min_count: 10,
      },
    },
  ],
});

let store: Store;
let health: Health;
let now: number;
let answer: (request: HttpRequest) => Awaited<ReturnType<HttpClient['request']>> | Promise<never>;
let metrics: string;
let phase: ConnectionState['phase'];
let reachable: boolean;
let secret: string | undefined;
let gone: boolean;
let entries: NewJournalEntry[];
let listeners: ((state: ConnectionState) => void)[];
let asked: HttpRequest[];

const ok = (body: unknown, more: { status?: number; latencyMs?: number; headers?: Record<string, string> } = {}) => ({
  outcome: 'done' as const,
  status: more.status ?? 200,
  headers: { 'content-type': 'application/json', ...more.headers },
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  latencyMs: more.latencyMs ?? 5,
});
const good = () => ok({ status: 'ok', version: '1.2', chain: true });
const state = (): ConnectionState => ({ environmentId: 'one', phase, since: 0, attempt: 0 });
const setPhase = (next: ConnectionState['phase']): void => {
  phase = next;
  for (const listener of listeners) listener(state());
};

function make(): Health {
  return createHealth({
    store,
    stacks: { get: () => ({ definition, hash: 'h' }) },
    environments: {
      get: async () => {
        if (gone) throw new Problem('not-found', 'gone');
        return { id: 'one', revision: 1, stack: 'test', inputs: { base_url: 'http://127.0.0.1:1/' } } as never;
      },
    },
    http: () => ({
      request: async (request) => {
        asked.push(request);
        return request.url.endsWith('/metrics') ? ok(metrics) : answer(request);
      },
      close: async () => undefined,
    }),
    session: async () => ({ exec: async () => (reachable ? { outcome: 'done' } : { outcome: 'unknown' }) }) as unknown as SshSession,
    secrets: { read: async () => secret },
    connections: {
      get: async () => state(),
      onState: (listener) => {
        listeners.push(listener);
        return () => {
          listeners = listeners.filter((one) => one !== listener);
        };
      },
    },
    journal: {
      append: (entry) => {
        entries.push(entry);
        return entry as never;
      },
    },
    clock: () => now,
    random: () => 0.5,
  });
}

beforeEach(() => {
  store = openStore(':memory:', migrations);
  now = Date.UTC(2026, 0, 1);
  answer = good;
  metrics = 'r{status="200"} 100';
  phase = 'connected';
  reachable = true;
  secret = 'key';
  gone = false;
  entries = [];
  listeners = [];
  asked = [];
  health = make();
});
afterEach(async () => {
  await health.close();
  expect(listeners).toEqual([]);
  store.close();
});

async function look(): Promise<HealthSnapshot> {
  now += 15_000;
  const snapshot = await health.check({ environmentId: 'one' });
  HealthSnapshot.parse(snapshot);
  return snapshot;
}
const probe = (snapshot: HealthSnapshot, id = 'health') => {
  const found = snapshot.probes.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no probe ${id}`);
  return found;
};
const alert = (snapshot: HealthSnapshot, id: string) => snapshot.alerts.find((one) => one.id === id);

describe('a look', () => {
  it('is healthy with facts, and sends the key in a header', async () => {
    const snapshot = await look();
    expect(snapshot).toMatchObject({ overall: 'healthy', summary: 'All 2 probes are healthy.' });
    expect(probe(snapshot)).toMatchObject({
      state: 'healthy',
      target: 'GET /health',
      facts: { Version: '1.2' },
      summary: 'answered 200 in 5.0 ms',
    });
    expect(asked[0]).toMatchObject({ url: 'http://127.0.0.1:1/health', headers: { 'X-API-Key': 'key' }, timeoutMs: 1000 });
  });

  it.each([
    [
      'a plain 500',
      () => ok('Internal Server Error', { status: 500, headers: { 'content-type': 'text/plain; charset=utf-8' } }),
      'unhealthy',
      'answered 500 text/plain: Internal Server Error',
    ],
    [
      'a 503 with a body',
      () => ok({ status: 'degraded', detail: 'disk I/O error' }, { status: 503 }),
      'unhealthy',
      'answered 503; status: degraded — disk I/O error',
    ],
    [
      'a redirect',
      () => ok('', { status: 307, headers: { location: 'https://127.0.0.1/health?token=x' } }),
      'unhealthy',
      'answered 307: redirects to https://127.0.0.1/health — not followed; this is not healthy (the service wants HTTPS)',
    ],
    [
      'a refused key',
      () => ok({ detail: 'Invalid API key.' }, { status: 401 }),
      'unhealthy',
      'answered 401: the key was refused application/json: {"detail":"Invalid API key."}',
    ],
    [
      'no JSON',
      () => ok('<html>', { headers: { 'content-type': 'text/html' } }),
      'unhealthy',
      'answered 200, but not with JSON text/html: <html>',
    ],
    ['a wrong body', () => ok({ status: 'bad\u202e' }), 'unhealthy', 'status: bad'],
    ['a slow answer', () => ok({ status: 'ok' }, { latencyMs: 250 }), 'degraded', 'slow: answered 200 in 250 ms, more than 100 ms'],
    [
      'a refused port',
      () => ({
        outcome: 'failed' as const,
        problem: { code: 'ssh-channel-refused' as const, message: 'nothing listens', retryable: true },
      }),
      'unhealthy',
      'nothing listens',
    ],
    [
      'a forbidden forward',
      () => ({ outcome: 'failed' as const, problem: { code: 'ssh-channel-refused' as const, message: 'forbidden', retryable: false } }),
      'unobserved',
      'forbidden',
    ],
    [
      'a lost connection',
      () => ({ outcome: 'failed' as const, problem: { code: 'ssh-connection-lost' as const, message: 'lost', retryable: true } }),
      'unobserved',
      'lost',
    ],
    [
      'a time-out',
      () => ({ outcome: 'failed' as const, problem: { code: 'timed-out' as const, message: 'no answer', retryable: true } }),
      'unhealthy',
      'no answer',
    ],
    ['a failure of its own', () => Promise.reject(new Error('oops')), 'unobserved', 'the look failed inside Quarterdeck: oops'],
  ] as const)('at %s says why', async (_, given, settled, words) => {
    answer = given as typeof answer;
    expect(probe(await look())).toMatchObject({ state: settled, summary: words });
  });

  it('that got no answer over a dead connection says nothing of the service', async () => {
    reachable = false;
    answer = () => ({ outcome: 'failed', problem: { code: 'timed-out', message: 'no answer', retryable: true } });
    expect(probe(await look())).toMatchObject({ state: 'unobserved', summary: 'the SSH connection does not answer' });
  });

  it('without its key, or over a connection that is not there, is not taken', async () => {
    secret = undefined;
    expect(probe(await look()).summary).toMatch(/secret api-key is not set/);
    phase = 'blocked';
    asked = [];
    expect(await look()).toMatchObject({ overall: 'unobserved', summary: 'Not observed: the connection waits for you.' });
    expect(asked).toEqual([]);
  });

  it('is never taken twice at once', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    answer = (async () => {
      await held;
      return good();
    }) as never;
    const both = Promise.all([health.check({ environmentId: 'one' }), health.check({ environmentId: 'one' })]);
    await expect.poll(() => asked.length).toBeGreaterThanOrEqual(2);
    release();
    await both;
    expect(asked.filter(({ url }) => url.endsWith('/health'))).toHaveLength(1);
  });
});

describe('states', () => {
  it('flip after enough looks in a row, and are journaled once', async () => {
    await look();
    answer = () => ok({ status: 'broken' });
    expect(probe(await look())).toMatchObject({ state: 'healthy', summary: 'status: broken (1 of 2 looks before it counts)' });
    const down = await look();
    expect(down).toMatchObject({ overall: 'unhealthy', summary: 'Service is unhealthy: status: broken.' });
    expect(alert(down, 'down')).toMatchObject({ state: 'firing' });
    answer = good;
    await look();
    const up = await look();
    expect(up.overall).toBe('healthy');
    expect(entries.filter(({ kind }) => kind === 'probe-flipped').map(({ data }) => [data?.['from'], data?.['to']])).toEqual([
      ['healthy', 'unhealthy'],
      ['unhealthy', 'healthy'],
    ]);
    expect(
      entries.filter(({ kind, data }) => kind === 'alert-flipped' && data?.['alertId'] === 'down').map(({ data }) => data?.['to']),
    ).toEqual(['firing', 'ok']);
  });

  it('an outage of the laptop is no flip and leaves uptime and p95 alone', async () => {
    for (let i = 0; i < 25; i++) await look();
    phase = 'waiting-to-retry';
    for (let i = 0; i < 40; i++) await look();
    const dark = probe(await look());
    expect(dark).toMatchObject({ state: 'unobserved', uptime: 1, p95Ms: 5 });
    phase = 'connected';
    expect((await look()).overall).toBe('healthy');
    expect(entries).toEqual([]);
    const kept = createSamples(store).range('one', 'health', 0, now);
    // One at the beginning, then one every five minutes.
    expect(kept.filter((sample) => sample.state === 'unobserved').length).toBe(3);
  });

  it('survive a restart of the app, but not a long one', async () => {
    answer = () => ok({ status: 'broken' });
    await look();
    const since = probe(await look()).since;
    await health.close();
    now += 60_000;
    health = make();
    expect(probe(await health.snapshot({ environmentId: 'one' }))).toMatchObject({ state: 'unhealthy', since });
    await health.close();
    now += 3_600_000;
    health = make();
    expect(probe(await health.snapshot({ environmentId: 'one' })).state).toBe('unknown');
  });
});

describe('rules', () => {
  it('probe-json needs bodies in a row', async () => {
    await look();
    answer = () => ok({ status: 'ok', chain: false });
    expect(alert(await look(), 'body')).toMatchObject({ state: 'ok' });
    const firing = await look();
    expect(alert(firing, 'body')).toMatchObject({ state: 'firing', detail: 'chain: false, not true' });
    expect(firing).toMatchObject({ overall: 'degraded', summary: 'Body: chain: false, not true.' });
    phase = 'disconnected';
    expect(alert(await look(), 'body')).toMatchObject({ state: 'unobserved' });
  });

  it('probe-p95 looks at its window', async () => {
    expect(alert(await look(), 'slow')).toMatchObject({ state: 'unknown' });
    answer = () => ok({ status: 'ok', chain: true }, { latencyMs: 80 });
    for (let i = 0; i < 5; i++) await look();
    expect(alert(await look(), 'slow')).toMatchObject({ state: 'firing', detail: expect.stringMatching(/p95 is 80 ms/) });
    answer = good;
    for (let i = 0; i < 21; i++) await look();
    expect(alert(await look(), 'slow')).toMatchObject({ state: 'ok' });
  });

  it('metric-share needs two scrapes and enough of them', async () => {
    expect(alert(await look(), 'limits')).toMatchObject({ state: 'unknown', detail: expect.stringMatching(/two scrapes/) });
    metrics = 'r{status="200"} 105';
    expect(alert(await look(), 'limits')).toMatchObject({ state: 'unknown', detail: expect.stringMatching(/too few/) });
    metrics = 'r{status="200"} 140\nr{status="429"} 10';
    expect(alert(await look(), 'limits')).toMatchObject({ state: 'firing', detail: expect.stringMatching(/20\.0 % of 50/) });
  });
});

describe('watching', () => {
  it('gives a snapshot at once, then one at each change, and ends with its caller', async () => {
    const gone = new AbortController();
    const feed = await health.watch({ environmentId: 'one' }, gone.signal);
    expect((await feed.next()).value).toMatchObject({ overall: 'unknown' });
    const states: string[] = [];
    while (states.at(-1) !== 'healthy') states.push((await feed.next()).value?.overall ?? 'ended');
    setPhase('waiting-to-retry');
    while (states.at(-1) !== 'unobserved') states.push((await feed.next()).value?.overall ?? 'ended');
    setPhase('connected');
    while (states.at(-1) !== 'healthy') states.push((await feed.next()).value?.overall ?? 'ended');
    gone.abort();
    expect((await feed.next()).done).toBe(true);
    const late = await health.watch({ environmentId: 'one' }, AbortSignal.abort());
    expect((await late.next()).done).toBe(true);
  });

  it('ends with a problem when the environment is removed', async () => {
    const feed = await health.watch({ environmentId: 'one' });
    await feed.next();
    gone = true;
    await expect(
      (async () => {
        for await (const snapshot of feed) void snapshot;
      })(),
    ).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('samples', () => {
  it('older than a week are thinned to the telling ones, again and again without loss; older than 180 days go', () => {
    const samples = createSamples(store);
    const day = 86_400_000;
    const base = now - 10 * day;
    for (let i = 0; i < 100; i++)
      samples.add('one', 'p', { at: base + i * 15_000, state: i === 7 ? 'unhealthy' : 'healthy', latencyMs: i === 9 ? 900 : 10 + i });
    samples.add('one', 'p', { at: now - 181 * day, state: 'healthy' });
    samples.add('one', 'p', { at: now - day, state: 'healthy' });
    samples.compact(now);
    const kept = samples.range('one', 'p', 0, now);
    expect(kept.length).toBeLessThan(20);
    expect(kept.some(({ state }) => state === 'unhealthy') && kept.some(({ latencyMs }) => latencyMs === 900)).toBe(true);
    expect(kept[0]?.at).toBeGreaterThan(now - 180 * day);
    samples.compact(now + day / 2);
    expect(samples.range('one', 'p', 0, now)).toEqual(kept);
  });
});
