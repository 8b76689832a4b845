import { describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpClient, HttpRequest } from '../drivers/http/types.ts';
import { friendlyFaceApi } from './friendlyface-api.ts';

const answer = (status: number, body: unknown, headers: Record<string, string> = {}): HttpAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  latencyMs: 3,
});

function withAnswer(given: HttpAnswer | Awaited<ReturnType<HttpClient['request']>>) {
  const seen: HttpRequest[] = [];
  const http: HttpClient = {
    request: async (request) => {
      seen.push(request);
      return 'outcome' in given ? given : { outcome: 'done', ...given };
    },
    close: async () => undefined,
  };
  return { seen, api: friendlyFaceApi(http, 'http://127.0.0.1:3849/', async () => 'the-key') };
}

const name = 'ff_backup_20260101_000000_aaaaaaaa.db';

describe('friendlyFaceApi', () => {
  it('sends the key in a header only, and a file name encoded', async () => {
    const { api, seen } = withAnswer(answer(200, { valid: false, error: 'Backup not found: x' }));
    expect(await api.verify('a b&c=d.db')).toMatchObject({ outcome: 'done', body: { valid: false } });
    expect(seen[0]).toMatchObject({
      method: 'POST',
      url: 'http://127.0.0.1:3849/admin/backup/verify?filename=a+b%26c%3Dd.db',
      headers: { 'X-API-Key': 'the-key' },
    });
  });

  it('does not send the key where none is needed', async () => {
    const { api, seen } = withAnswer(answer(200, { status: 'ok', version: '1', uptime_seconds: 1.5, event_count: 3, merkle_root: null }));
    expect(await api.health()).toMatchObject({ outcome: 'done', body: { event_count: 3 } });
    expect(seen[0]?.headers).not.toHaveProperty('X-API-Key');
  });

  it('reads times with and without a zone as UTC', async () => {
    const { api } = withAnswer(
      answer(200, { total_count: 2, total_size_bytes: 10, oldest: '2026-01-01T00:00:00.123456', newest: '2026-01-01T02:00:00+02:00' }),
    );
    const stats = await api.stats();
    expect(stats).toMatchObject({ body: { oldest: Date.UTC(2026, 0, 1, 0, 0, 0, 123), newest: Date.UTC(2026, 0, 1) } });
  });

  it('takes a deep health of 503 as an answer', async () => {
    const body = {
      status: 'degraded',
      version: '1',
      uptime_seconds: 1,
      checks: { database: { status: 'error', detail: 'disk I/O error' }, chain_integrity: { status: 'error', detail: 'x' } },
    };
    expect(await withAnswer(answer(503, body)).api.healthDeep()).toMatchObject({
      outcome: 'done',
      status: 503,
      body: { checks: { database: { detail: 'disk I/O error' } } },
    });
  });

  it.each([
    [401, { detail: 'Invalid API key.' }, 'http-unauthorised', /key was refused/],
    [403, { detail: 'Requires one of roles: admin' }, 'http-unauthorised', /does not have the role/],
    [404, { detail: 'Not Found' }, 'http-unexpected', /answered 404: Not Found/],
    [307, '', 'http-unexpected', /redirects to/],
  ] as const)('a create refused with %s certainly did nothing', async (status, body, code, message) => {
    const outcome = await withAnswer(answer(status, body)).api.create('x');
    expect(outcome).toMatchObject({ outcome: 'failed', problem: { code } });
    if (outcome.outcome !== 'done') expect(outcome.problem.message).toMatch(message);
  });

  it('says how long a 429 asks to wait', async () => {
    const { api } = withAnswer(answer(429, { error: 'rate_limit_exceeded', message: '10 per 1 minute' }, { 'retry-after': '60' }));
    expect(await api.create('x')).toMatchObject({
      outcome: 'failed',
      problem: { code: 'http-rate-limited', retryable: true, detail: { retryAfterSeconds: 60 } },
    });
  });

  it('does not know what a create did that ended in a 500 or in another shape', async () => {
    expect(await withAnswer(answer(500, 'Internal Server Error')).api.create('x')).toMatchObject({
      outcome: 'unknown',
      problem: { code: 'http-unexpected' },
    });
    expect(await withAnswer(answer(201, { filename: name })).api.create('x')).toMatchObject({
      outcome: 'unknown',
      problem: { code: 'http-unexpected' },
    });
    expect(await withAnswer(answer(500, 'Internal Server Error')).api.listBackups()).toMatchObject({ outcome: 'failed' });
  });

  it('a lost verify or dry run is failed, a lost restore unknown', async () => {
    const lost = { outcome: 'unknown', problem: { code: 'outcome-unknown', message: 'cut', retryable: false } } as const;
    expect((await withAnswer(lost).api.verify(name)).outcome).toBe('failed');
    expect((await withAnswer(lost).api.rollback(true)).outcome).toBe('failed');
    expect((await withAnswer(lost).api.rollback(false)).outcome).toBe('unknown');
    expect((await withAnswer(lost).api.restore(name)).outcome).toBe('unknown');
    const never = { outcome: 'failed', problem: { code: 'http-unreachable', message: 'refused', retryable: true } } as const;
    expect((await withAnswer(never).api.restore(name)).outcome).toBe('failed');
  });

  it('cleans what the service says before it is shown', async () => {
    const outcome = await withAnswer(answer(400, { detail: 'no\u001b[31m \u202eway' })).api.rollback(false);
    expect(outcome.outcome !== 'done' && outcome.problem.message).toBe('POST /admin/migrations/rollback answered 400: no way.');
  });
});
