import { describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpClient, HttpRequest } from '../../drivers/http/types.ts';
import { friendlyFaceApi } from './client.ts';

const answer = (status: number, body: unknown, headers: Record<string, string> = {}): HttpAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  latencyMs: 3,
});

type Given = HttpAnswer | Awaited<ReturnType<HttpClient['request']>>;
const signal = new AbortController().signal;

function withAnswers(...given: Given[]) {
  const seen: HttpRequest[] = [];
  const http: HttpClient = {
    request: async (request) => {
      const next = given[Math.min(seen.push(request), given.length) - 1] as Given;
      return 'outcome' in next ? next : { outcome: 'done', ...next };
    },
    close: async () => undefined,
  };
  return { seen, api: friendlyFaceApi({ http, baseUrl: 'http://127.0.0.1:3849/', secret: async () => 'the-key', signal }) };
}

const name = 'ff_backup_20260101_000000_aaaaaaaa.db';
const lost = { outcome: 'unknown', problem: { code: 'outcome-unknown', message: 'cut', retryable: false } } as const;
const never = { outcome: 'failed', problem: { code: 'http-unreachable', message: 'refused', retryable: true } } as const;
const valid = { valid: true, filename: name, integrity_result: 'ok', checksum_sha256: 'a'.repeat(64), size_bytes: 3 };

describe('the client of FriendlyFace', () => {
  it('sends the key in a header only, and a file name encoded as the plan shows it', async () => {
    const { api, seen } = withAnswers(answer(200, { valid: false, error: 'Backup not found: x' }));
    expect(await api.verify('a b&c=d.db')).toEqual({ valid: false, error: 'Backup not found: x' });
    expect(seen[0]).toMatchObject({
      method: 'POST',
      url: 'http://127.0.0.1:3849/admin/backup/verify?filename=a%20b%26c%3Dd.db',
      headers: { 'X-API-Key': 'the-key' },
    });
  });

  it('does not send the key where none is needed', async () => {
    const { api, seen } = withAnswers(answer(200, { status: 'ok', version: '1', uptime_seconds: 1.5, event_count: 3, merkle_root: null }));
    expect(await api.health()).toEqual({ status: 'ok', event_count: 3, merkle_root: null });
    expect(seen[0]?.headers).not.toHaveProperty('X-API-Key');
  });

  it('reads times with and without a zone as UTC', async () => {
    const { api } = withAnswers(
      answer(200, { total_count: 2, total_size_bytes: 10, oldest: '2026-01-01T00:00:00.123456', newest: '2026-01-01T02:00:00+02:00' }),
    );
    expect(await api.stats()).toMatchObject({ oldest: Date.UTC(2026, 0, 1, 0, 0, 0, 123), newest: Date.UTC(2026, 0, 1) });
  });

  it('takes a deep health of 503 as an answer', async () => {
    const body = {
      status: 'degraded',
      checks: { database: { status: 'error', detail: 'disk I/O error' }, chain_integrity: { status: 'error', detail: 'x' } },
    };
    expect(await withAnswers(answer(503, body)).api.healthDeep()).toEqual(body);
  });

  it('gives up on what only reads when it is told to, never on what may change something', async () => {
    const { api, seen } = withAnswers(answer(200, { backups: [] }), answer(200, valid), lost);
    await api.listBackups();
    await api.verify(name);
    await api.create('x');
    await api.restore(name);
    await api.cleanup();
    expect(seen.map((request) => request.signal)).toEqual([signal, signal, undefined, undefined, undefined]);
    expect(seen.map(({ timeoutMs }) => timeoutMs)).toEqual([15_000, 300_000, 300_000, 300_000, 60_000]);
  });

  it('knows the newest event where there is such a list', async () => {
    const { api, seen } = withAnswers(
      answer(200, { items: [{ event_hash: 'abc', sequence: 4 }] }),
      answer(404, { detail: 'Not Found' }),
      lost,
    );
    expect([await api.head(), await api.head(), await api.head()]).toEqual(['abc', undefined, undefined]);
    expect(seen[0]?.url).toBe('http://127.0.0.1:3849/events?limit=1');
  });
});

describe('what FriendlyFace refuses', () => {
  it.each([
    [401, { detail: 'Invalid API key.' }, 'http-unauthorised', /key was refused/],
    [403, { detail: 'Requires one of roles: admin' }, 'http-unauthorised', /does not have the role/],
    [404, { detail: 'Not Found' }, 'http-unexpected', /answered 404: Not Found/],
    [307, '', 'http-unexpected', /redirects to/],
  ] as const)('a create refused with %s certainly did nothing', async (status, body, code, message) => {
    const ended = await withAnswers(answer(status, body)).api.create('x');
    expect(ended).toMatchObject({ outcome: 'failed', problem: { code } });
    if (ended.outcome !== 'done') expect(ended.problem.message).toMatch(message);
  });

  it('says how long a 429 asks to wait', async () => {
    const { api } = withAnswers(answer(429, { error: 'rate_limit_exceeded', message: '10 per 1 minute' }, { 'retry-after': '60' }));
    expect(await api.create('x')).toMatchObject({
      outcome: 'failed',
      problem: { code: 'http-rate-limited', retryable: true, detail: { retryAfterSeconds: 60 } },
    });
  });

  it('does not know what a create did that ended in a 500 or in another shape', async () => {
    const unsure = { outcome: 'unknown', problem: { code: 'http-unexpected' } };
    expect(await withAnswers(answer(500, 'Internal Server Error')).api.create('x')).toMatchObject(unsure);
    expect(await withAnswers(answer(202, {})).api.create('x')).toMatchObject(unsure);
    expect(await withAnswers(answer(201, { filename: name })).api.create('x')).toMatchObject(unsure);
    await expect(withAnswers(answer(500, 'Internal Server Error')).api.listBackups()).rejects.toMatchObject({ code: 'http-unexpected' });
  });

  it('asks for a lost verify again; a lost restore is unknown, one that was never sent is failed', async () => {
    const { api } = withAnswers(lost, answer(200, valid));
    await expect(api.verify(name)).rejects.toMatchObject({ code: 'outcome-unknown' });
    expect(await api.verify(name)).toMatchObject({ valid: true });
    expect((await withAnswers(lost).api.restore(name)).outcome).toBe('unknown');
    expect((await withAnswers(never).api.restore(name)).outcome).toBe('failed');
  });

  it('a restore whose key is missing was not sent; one that broke on the way is unknown', async () => {
    const http = { request: () => Promise.reject(new Error('a bug')), close: async () => undefined };
    const without = friendlyFaceApi({ http, baseUrl: 'http://h', secret: () => Promise.reject(new Error('no key')) });
    expect(await without.restore(name)).toMatchObject({ outcome: 'failed', problem: { message: 'no key' } });
    const broken = friendlyFaceApi({ http, baseUrl: 'http://h', secret: async () => undefined });
    expect(await broken.restore(name)).toMatchObject({ outcome: 'unknown', problem: { message: 'a bug' } });
  });

  it('is shown as one plain line', async () => {
    const ended = await withAnswers(answer(400, { detail: 'no \u001b\u202eway' })).api.cleanup();
    expect(ended.outcome !== 'done' && ended.problem.message).toBe('POST /admin/backup/cleanup answered 400: no  way.');
  });
});
