import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Replica, ReplicaOptions } from '../support/replica.ts';
import { startReplica } from '../support/replica.ts';

/** Requests and what the behaviour table says of them. One replica serves all of them, so they only read or refuse. */
const admin = 'ffk_admin_for_tests';
const viewer = 'ffk_viewer_for_tests';
const unmapped = 'ffk_unmapped_for_tests';

let replica: Replica;
beforeAll(async () => {
  replica = await startReplica({ keys: [admin, viewer, unmapped], roles: { [admin]: ['admin'], [viewer]: ['viewer'] } });
});
afterAll(() => replica.stop());

/** A replica of its own for one test. */
async function fresh(options: ReplicaOptions = {}): Promise<Replica> {
  const own = await startReplica(options);
  onTestFinished(() => own.stop());
  return own;
}

interface Row {
  readonly row: string;
  readonly call: string;
  readonly key?: string | null;
  readonly headers?: Record<string, string>;
  readonly status: number;
  readonly body?: unknown;
}

const count = expect.any(Number) as number;
const text = expect.any(String) as string;

const table: readonly Row[] = [
  { row: 'no key is 403', call: 'GET /dashboard', key: null, status: 403, body: { detail: text } },
  { row: 'a bad key is 401', call: 'GET /dashboard', key: 'nope', status: 401, body: { detail: 'Invalid API key.' } },
  { row: 'an empty key is a bad key', call: 'GET /dashboard', key: '', status: 401 },
  { row: 'a wrong role is 403', call: 'POST /admin/backup', key: viewer, status: 403, body: { detail: 'Requires one of roles: admin' } },
  { row: 'a viewer may not restore', call: 'POST /admin/backup/restore?filename=x', key: viewer, status: 403 },
  { row: 'a viewer may not clean up', call: 'POST /admin/backup/cleanup', key: viewer, status: 403 },
  { row: 'a viewer may not roll back', call: 'POST /admin/migrations/rollback', key: viewer, status: 403 },
  { row: 'a viewer may list', call: 'GET /admin/backups', key: viewer, status: 200 },
  {
    row: 'an unmapped key is an admin',
    call: 'POST /admin/backup/restore?filename=none.db',
    key: unmapped,
    status: 200,
    body: { restored: false, error: text },
  },
  { row: 'Bearer', call: 'GET /dashboard', key: null, headers: { authorization: `Bearer ${admin}` }, status: 200 },
  { row: '?api_key=', call: `GET /dashboard?api_key=${admin}`, key: null, status: 200 },
  {
    row: 'X-API-Key',
    call: 'GET /dashboard',
    status: 200,
    body: expect.objectContaining({ total_events: 300, chain_integrity: { valid: true, count: 300 } }),
  },
  {
    row: '/health is public',
    call: 'GET /health',
    key: null,
    status: 200,
    body: {
      status: 'ok',
      version: text,
      uptime_seconds: count,
      event_count: 300,
      merkle_root: text,
      storage_backend: 'sqlite',
      recognition_engine: text,
      embedding_backend: text,
      embedding_model: text,
    },
  },
  { row: '/health/deep needs a key', call: 'GET /health/deep', key: null, status: 403 },
  {
    row: '/health/deep',
    call: 'GET /health/deep',
    status: 200,
    body: {
      status: 'ok',
      version: text,
      uptime_seconds: count,
      checks: {
        database: { status: 'ok', event_count: 300 },
        chain_integrity: { status: 'ok', valid: true, count: 300 },
        merkle_tree: { status: 'ok', root: text, leaf_count: 300 },
        storage_backend: { type: 'sqlite', status: 'ok' },
      },
    },
  },
  { row: '/metrics is public', call: 'GET /metrics', key: null, status: 200 },
  { row: '/chain/integrity', call: 'GET /chain/integrity', status: 200, body: { valid: true, count: 300, errors: [] } },
  {
    row: '/api/v1 mirrors the routes',
    call: 'GET /api/v1/admin/backup/stats',
    status: 200,
    body: { total_count: count, total_size_bytes: count, oldest: text, newest: text },
  },
  { row: 'the mirror of a public path is not public', call: 'GET /api/v1/health', key: null, status: 403 },
  {
    row: 'verify without a name is 422',
    call: 'POST /admin/backup/verify',
    status: 422,
    body: { detail: [expect.objectContaining({ type: 'missing', loc: ['query', 'filename'] })] },
  },
  { row: 'restore without a name is 422', call: 'POST /admin/backup/restore', status: 422 },
  {
    row: 'verify of nothing is 200',
    call: 'POST /admin/backup/verify?filename=none.db',
    status: 200,
    body: { valid: false, error: 'Backup not found: none.db' },
  },
  {
    row: 'verify does not leave its folder',
    call: 'POST /admin/backup/verify?filename=..%2Ffriendlyface.db',
    status: 200,
    body: { valid: false, error: text },
  },
  {
    row: 'restore of nothing is 200',
    call: 'POST /admin/backup/restore?filename=none.db',
    status: 200,
    body: { restored: false, error: text },
  },
  {
    row: 'migrations status',
    call: 'GET /admin/migrations/status',
    status: 200,
    body: { applied: ['001', '002', '003', '004', '005'], pending: ['006'], total: 6 },
  },
  {
    row: 'rollback, dry',
    call: 'POST /admin/migrations/rollback?dry_run=true',
    status: 200,
    body: { rolled_back: '005', name: 'merkle_checkpoints', dry_run: true },
  },
  { row: 'GET /events', call: 'GET /events?limit=2', status: 200, body: expect.objectContaining({ total: 300, limit: 2, offset: 0 }) },
  { row: 'an unknown event', call: 'GET /events/none', status: 404, body: { detail: 'Event not found' } },
  { row: 'an unknown path', call: 'GET /nothing', status: 404, body: { detail: 'Not Found' } },
  { row: 'a wrong method', call: 'POST /health', status: 405, body: { detail: 'Method Not Allowed' } },
];

describe('the behaviour table', () => {
  it.each(table)('$row: $call → $status', async ({ call, key, headers, status, body }) => {
    const [method = '', path = ''] = call.split(' ');
    const response = await replica.request(method, path, {
      ...(key === undefined ? {} : { key }),
      ...(headers === undefined ? {} : { headers }),
    });
    const answer = await response.text();
    expect(response.status, answer).toBe(status);
    if (body !== undefined) expect(JSON.parse(answer)).toEqual(body);
  });

  it('lists backups newest name first, without labels', async () => {
    const { backups, total } = (await (await replica.request('GET', '/admin/backups')).json()) as {
      backups: Record<string, unknown>[];
      total: number;
    };
    expect(total).toBe(6);
    expect(Object.keys(backups[0] ?? {})).toEqual(['filename', 'path', 'size_bytes', 'modified']);
    expect(backups.map((item) => item['filename'])).toEqual(
      backups
        .map((item) => item['filename'])
        .toSorted()
        .reverse(),
    );
    for (const item of backups) expect(item['filename']).toMatch(/^ff_backup_\d{8}_\d{6}_[0-9a-f]{8}\.db$/);
  });

  it('finds exactly one damaged backup by verify, and refuses to restore it with 200', async () => {
    const { backups } = (await (await replica.request('GET', '/admin/backups')).json()) as { backups: { filename: string }[] };
    const results = await Promise.all(
      backups.map(
        async ({ filename }) =>
          (await replica.request('POST', `/admin/backup/verify?filename=${filename}`)).json() as Promise<Record<string, unknown>>,
      ),
    );
    const bad = results.filter((result) => result['valid'] !== true);
    expect(bad).toHaveLength(1);
    expect(results.find((result) => result['valid'] === true)).toEqual({
      filename: text,
      valid: true,
      integrity_result: 'ok',
      checksum_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      size_bytes: count,
    });
    const refused = await replica.request('POST', `/admin/backup/restore?filename=${String(bad[0]?.['filename'])}`);
    expect(refused.status).toBe(200);
    expect(await refused.json()).toEqual({ restored: false, error: 'Backup failed integrity check' });
  });

  it('counts requests in Prometheus form, status codes grouped', async () => {
    const metrics = await (await replica.request('GET', '/metrics', { key: null })).text();
    expect(metrics).toMatch(/^http_requests_total\{handler="\/health",method="GET",status="2xx"\} \d/m);
    expect(metrics).toMatch(/^http_requests_total\{handler="none",method="GET",status="4xx"\} \d/m);
    expect(metrics).toMatch(/^http_request_duration_seconds_bucket\{handler="\/health",method="GET",le="0\.5"\} \d/m);
    expect(metrics).toMatch(/^http_request_duration_highr_seconds_bucket\{le="\+Inf"\} \d/m);
    expect(metrics).toMatch(/^process_resident_memory_bytes \d/m);
    expect(metrics).not.toContain('handler="/metrics"');
  });

  it('writes JSON lines with the documented fields, audit lines, and uvicorn text between', () => {
    const lines = readFileSync(replica.layout.logFile, 'utf8').split('\n');
    const json = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(json.find((line) => line['path'] === '/dashboard' && line['status_code'] === 200)).toMatchObject({
      asctime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/) as string,
      levelname: 'INFO',
      name: 'friendlyface',
      message: text,
      request_id: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
      method: 'GET',
      duration_ms: count,
    });
    expect(json.find((line) => line['reason'] === 'no_token')).toMatchObject({
      levelname: 'WARNING',
      name: 'friendlyface.audit',
      event_category: 'audit',
      action: 'auth_failure',
      path: text,
    });
    expect(json.find((line) => line['reason'] === 'invalid_token')).toMatchObject({
      event_category: 'audit',
      provider: 'api_key',
      error: text,
    });
    expect(lines.some((line) => /^INFO: {5}127\.0\.0\.1:\d+ - "GET \/dashboard HTTP\/1\.1" 200 OK$/.test(line))).toBe(true);
  });
});

describe('what changes things', () => {
  it('creates a real copy, runs retention after it, and so evicts the oldest', async () => {
    const own = await fresh({ retention: { count: 6 } });
    const before = (await (await own.request('GET', '/admin/backups')).json()) as { backups: { filename: string }[] };
    const oldest = before.backups.at(-1)?.filename;
    const response = await own.request('POST', '/admin/backup?label=pre-deploy');
    expect(response.status).toBe(201);
    const made = (await response.json()) as { filename: string; path: string; size_bytes: number };
    expect(made).toEqual({
      backup_id: text,
      filename: text,
      path: text,
      timestamp: text,
      size_bytes: statSync(made.path).size,
      checksum_sha256: text,
      label: 'pre-deploy',
    });
    const after = (await (await own.request('GET', '/admin/backups')).json()) as { backups: { filename: string }[]; total: number };
    expect(after.total).toBe(6);
    expect(after.backups.map((item) => item.filename)).not.toContain(oldest);
    expect(JSON.stringify(after)).not.toContain('pre-deploy');
  });

  it('cleans up by age', async () => {
    const own = await fresh({ retention: { days: 3 } });
    const cleaned = (await (await own.request('POST', '/admin/backup/cleanup')).json()) as { removed: string[] };
    // The seeded ones of 96 and of 72 hours: the latter is over three days old by the milliseconds since.
    expect(cleaned).toEqual({ removed: expect.any(Array) as string[], removed_count: 2, remaining: 4 });
  });

  it('restores real rows; the trees in memory disagree until the restart', async () => {
    const own = await fresh();
    const { backups } = (await (await own.request('GET', '/admin/backups')).json()) as { backups: { filename: string }[] };
    const target = backups.at(-1)?.filename ?? '';
    expect(await (await own.request('POST', `/admin/backup/restore?filename=${target}`)).json()).toEqual({
      restored: true,
      filename: target,
      timestamp: text,
    });
    const deep = async () =>
      (await (await own.request('GET', '/health/deep')).json()) as {
        status: string;
        checks: { database: { event_count: number }; merkle_tree: { leaf_count: number } };
      };
    const between = await deep();
    expect(between.status).toBe('ok');
    expect(between.checks.database.event_count).toBeLessThan(300);
    expect(between.checks.merkle_tree.leaf_count).toBe(300);
    expect((await own.control('restart')).code).toBe(0);
    const after = await deep();
    expect(after.checks.merkle_tree.leaf_count).toBe(after.checks.database.event_count);
    expect(readFileSync(own.layout.dbPath).subarray(18, 20)).toEqual(Buffer.from([1, 1])); // 2 would be WAL
  });

  it('rolls back once, then has no _down.sql; applies pending migrations at a start that is told to', async () => {
    const own = await fresh({ migrationsEnabled: true });
    const rollback = async () => {
      const response = await own.request('POST', '/admin/migrations/rollback');
      return [response.status, await response.json()] as const;
    };
    expect(await rollback()).toEqual([200, { rolled_back: '006', name: 'model_registry', dry_run: false }]);
    expect(await rollback()).toEqual([200, { rolled_back: '005', name: 'merkle_checkpoints', dry_run: false }]);
    expect(await rollback()).toEqual([400, { detail: 'No down migration found for 004_subject_keys' }]);
  });

  it('records events into the chain', async () => {
    const own = await fresh({ events: 20 });
    const made = await own.request('POST', '/events', { body: { event_type: 'bias_audit', actor: 'auditor', payload: { a: 1 } } });
    expect(made.status).toBe(201);
    expect(await made.json()).toMatchObject({ event_type: 'bias_audit', sequence_number: 20 });
    expect((await own.request('POST', '/events', { body: {} })).status).toBe(422);
    expect(await (await own.request('GET', '/chain/integrity')).json()).toEqual({ valid: true, count: 21, errors: [] });
  });

  it('limits requests with 429, Retry-After and an audit line', async () => {
    const own = await fresh({ rateLimit: '3/minute', events: 5 });
    const answers: Response[] = [];
    for (let i = 0; i < 4; i += 1) answers.push(await own.request('GET', '/events'));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 429]);
    expect(answers[3]?.headers.get('retry-after')).toBe('60');
    expect(await answers[3]?.json()).toEqual({ error: 'rate_limit_exceeded', message: text, request_id: text });
    expect(readFileSync(own.layout.logFile, 'utf8')).toContain('"action":"rate_limit_exceeded"');
  });

  it('has no authentication without keys', async () => {
    const own = await fresh({ keys: [], events: 5 });
    expect((await own.request('GET', '/dashboard', { key: null })).status).toBe(200);
  });

  it('keeps the newest by mtime, not by name', async () => {
    const own = await fresh({ retention: { count: 5 } });
    const { backups } = (await (await own.request('GET', '/admin/backups')).json()) as { backups: { filename: string }[] };
    const [newest, oldest] = [backups[0]?.filename ?? '', backups.at(-1)?.filename ?? ''];
    utimesSync(join(own.layout.backupDir, newest), 1, 1);
    expect(await (await own.request('POST', '/admin/backup/cleanup')).json()).toEqual({
      removed: [newest],
      removed_count: 1,
      remaining: 5,
    });
    expect(oldest).not.toBe(newest);
  });
});

describe('ffctl', () => {
  it('starts, says what runs, stops by SIGTERM, and can be asked twice', async () => {
    const own = await fresh({ events: 5 });
    const first = await own.control('status');
    expect(first).toEqual({ code: 0, stdout: expect.stringMatching(/^running pid=\d+ started=\S+\n$/) as string, stderr: '' });
    expect((await own.control('start')).stdout).toMatch(/^already running pid=\d+/);
    expect(await own.control('restart')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^stopped\nrunning pid=\d+/) as string });
    expect((await own.control('status')).stdout).not.toBe(first.stdout);
    expect(await own.control('stop')).toEqual({ code: 0, stdout: 'stopped\n', stderr: '' });
    expect(await own.control('stop')).toEqual({ code: 0, stdout: 'stopped\n', stderr: '' });
    expect(await own.control('status')).toEqual({ code: 3, stdout: 'stopped\n', stderr: '' });
    expect(readFileSync(own.layout.logFile, 'utf8')).toContain('Shutdown complete');
  });

  it('fails with the reason when the port is in use', async () => {
    const own = await fresh({ events: 5 });
    const second = await startReplica({ events: 5, port: own.port, start: false });
    const failed = await second.control('start');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('address already in use');
    await second.stop();
  });

  it('does not take a reused process id for the service', async () => {
    const own = await fresh({ events: 5, start: false });
    mkdirSync(join(own.layout.app, 'run'), { recursive: true });
    writeFileSync(own.layout.pidFile, `${process.pid} 1 2020-01-01T00:00:00.000Z\n`);
    expect((await own.control('status')).code).toBe(3);
    expect((await own.control('stop')).code).toBe(0);
  });
});

describe('faults', () => {
  it('slow, rate-limit-storm and corrupt-chain show, and end', async () => {
    const own = await fresh({ events: 40 });
    own.setFault('corrupt-chain', true);
    const deep = await own.request('GET', '/health/deep');
    expect(deep.status).toBe(503);
    expect(await deep.json()).toMatchObject({ status: 'degraded', checks: { chain_integrity: { status: 'degraded', valid: false } } });
    const chain = await own.request('GET', '/chain/integrity');
    expect(chain.status).toBe(200);
    expect(await chain.json()).toMatchObject({ valid: false, errors: [expect.stringContaining('hash mismatch')] });
    own.setFault('corrupt-chain', false);
    expect(await (await own.request('GET', '/chain/integrity')).json()).toMatchObject({ valid: true });

    own.setFault('slow', true);
    await own.request('GET', '/health');
    own.setFault('slow', false);
    expect(await (await own.request('GET', '/metrics')).text()).toMatch(
      /^http_request_duration_seconds_bucket\{handler="\/health",method="GET",le="0\.5"\} 0\.0$/m,
    );

    own.setFault('rate-limit-storm', true);
    const statuses: number[] = [];
    for (let i = 0; i < 6; i += 1) statuses.push((await own.request('GET', '/events')).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    expect((await own.request('GET', '/health')).status).toBe(200);
    own.setFault('rate-limit-storm', false);
    expect((await own.request('GET', '/events')).status).toBe(200);
  });

  it('database-gone: a plain-text 500, a 503 in depth, outlives a restart, and is healed by a restore', async () => {
    const own = await fresh();
    own.setFault('database-gone', true);
    const health = await own.request('GET', '/health', { key: null });
    expect([health.status, await health.text(), health.headers.get('content-type')]).toEqual([
      500,
      'Internal Server Error',
      'text/plain; charset=utf-8',
    ]);
    expect(await (await own.request('GET', '/health/deep')).json()).toMatchObject({
      status: 'degraded',
      checks: { database: { status: 'error', detail: expect.stringContaining('unable to open') as string } },
    });
    expect(readFileSync(own.layout.logFile, 'utf8')).toContain('ERROR:    Exception in ASGI application\nTraceback');
    expect((await own.control('restart')).code).toBe(0);
    expect((await own.request('GET', '/health')).status).toBe(500);

    const { backups } = (await (await own.request('GET', '/admin/backups')).json()) as { backups: { filename: string }[] };
    expect(await (await own.request('POST', `/admin/backup/restore?filename=${backups[0]?.filename}`)).json()).toMatchObject({
      restored: true,
    });
    expect((await own.request('GET', '/health')).status).toBe(200);
  });

  it('database-gone, switched off, brings every row back', async () => {
    const own = await fresh({ events: 30 });
    own.setFault('database-gone', true);
    expect((await own.request('GET', '/health')).status).toBe(500);
    own.setFault('database-gone', false);
    expect(await (await own.request('GET', '/health')).json()).toMatchObject({ status: 'ok', event_count: 30 });
  });
});
