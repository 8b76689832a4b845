import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogLine } from '../../contract/logs.ts';
import { cleanText } from '../drivers/text.ts';
import { createParser, parseLevel } from './parse.ts';
import { parseTime } from './times.ts';

const parse = createParser({ format: 'json', columns: {} });

describe('a line', () => {
  it('of FriendlyFace becomes columns, the rest fields in their order', () => {
    const text = JSON.stringify({
      asctime: '2026-01-01T12:00:00',
      levelname: 'WARNING',
      name: 'friendlyface.audit',
      message: 'Auth failure',
      event_category: 'audit',
      action: 'auth_failure',
      request_id: 'ab12',
      duration_ms: 1.5,
    });
    const line = parse(text, false);
    expect(line).toMatchObject({
      at: Date.UTC(2026, 0, 1, 12),
      level: 'warning',
      logger: 'friendlyface.audit',
      message: 'Auth failure',
      requestId: 'ab12',
      category: 'audit',
      truncated: false,
    });
    expect(Object.entries(line.fields)).toEqual([
      ['action', 'auth_failure'],
      ['duration_ms', '1.5'],
    ]);
  });

  it('of pino has numbers for levels and milliseconds for the time', () => {
    expect(parse('{"level":50,"time":1767268800123,"name":"api","msg":"boom","err":{"stack":"x"}}', false)).toMatchObject({
      at: 1767268800123,
      level: 'error',
      logger: 'api',
      message: 'boom',
      fields: { err: '{"stack":"x"}' },
    });
  });

  it('takes the names of the stack before the usual ones', () => {
    const own = createParser({ format: 'json', columns: { message: ['text'], request_id: ['trace'] } });
    expect(own('{"message":"no","text":"yes","trace":"t1","request_id":"r1"}', false)).toMatchObject({
      message: 'yes',
      requestId: 't1',
      fields: { message: 'no', request_id: 'r1' },
    });
  });

  it.each([
    [
      'INFO:     127.0.0.1:1234 - "GET /x HTTP/1.1" 200 OK',
      { level: 'info', logger: 'uvicorn', message: '127.0.0.1:1234 - "GET /x HTTP/1.1" 200 OK', at: null },
    ],
    [
      '2026-01-01 12:00:00,123 ERROR [friendlyface] it broke',
      { level: 'error', logger: 'friendlyface', message: 'it broke', at: Date.UTC(2026, 0, 1, 12, 0, 0, 123) },
    ],
    ['  File "/app/x.py", line 3, in y', { level: null, logger: null, at: null }],
    ['{"not": json', { level: null, message: '{"not": json' }],
    ['[1,2]', { level: null, message: '[1,2]' }],
    ['', { level: null, message: '' }],
  ])('%s', (text, wanted) => {
    expect(parse(text, false)).toMatchObject(wanted);
  });

  it('is cut and marked when it is long', () => {
    const line = parse('x'.repeat(20_000), false);
    expect(line.truncated).toBe(true);
    expect(line.raw.length).toBeLessThanOrEqual(16 * 1024);
    expect(parse(JSON.stringify({ message: 'y'.repeat(20_000), request_id: 'r' }), false)).toMatchObject({
      truncated: true,
      requestId: 'r',
    });
  });

  it('never throws and is always clean and within the contract, whatever it is made of', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.json({ noUnicodeString: false } as never),
      fc.dictionary(fc.string({ unit: 'binary' }), fc.anything()).map((value) => {
        try {
          return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
        } catch {
          return '{}';
        }
      }),
      fc.constantFrom(
        '{"__proto__":{"x":1},"level":"info"}',
        `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`,
        '{"message":"\\u001b]0;x\\u0007\\u202e"}',
        '{"time":1e308}',
        '{"time":"9999-99-99T99:99:99Z"}',
      ),
    );
    fc.assert(
      fc.property(hostile, fc.boolean(), (text, cut) => {
        const line = parse(text ?? '', cut);
        expect(LogLine.safeParse({ seq: 0, ...line }).success).toBe(true);
        for (const shown of [
          line.raw,
          line.message,
          line.logger ?? '',
          line.requestId ?? '',
          ...Object.keys(line.fields),
          ...Object.values(line.fields),
        ]) {
          expect(cleanText(shown, { maxLength: 100_000 })).toBe(shown);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a time', () => {
  it.each([
    ['2026-01-01T00:00:00Z', Date.UTC(2026, 0, 1)],
    ['2026-01-01 02:00:00+02:00', Date.UTC(2026, 0, 1)],
    ['2026-01-01T00:00:00.123456789Z', Date.UTC(2026, 0, 1) + 123],
    ['2026-01-01 00:00:00,5', Date.UTC(2026, 0, 1) + 500],
    [1767225600, Date.UTC(2026, 0, 1)],
    [1767225600123, Date.UTC(2026, 0, 1) + 123],
    ['1767225600', Date.UTC(2026, 0, 1)],
    ['2026-13-01T00:00:00Z', null],
    ['yesterday', null],
    [Number.NaN, null],
    [{}, null],
  ])('%s', (value, wanted) => {
    expect(parseTime(value)).toBe(wanted);
  });
});

it('knows levels by many names', () => {
  expect(['WARN', 'warning', 'Critical', 'fatal', 'NOTICE', 10, 60, 'x', 35, null, 'constructor'].map(parseLevel)).toEqual([
    'warning',
    'warning',
    'critical',
    'critical',
    'info',
    'trace',
    'critical',
    null,
    null,
    null,
    null,
  ]);
});
