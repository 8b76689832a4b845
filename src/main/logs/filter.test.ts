import { describe, expect, it } from 'vitest';
import { parseFileList } from './file-list.ts';
import { createFilter, prefilter } from './filter.ts';
import { createParser } from './parse.ts';

const parse = createParser({ format: 'json', columns: {} });
const lines = [
  '{"asctime":"2026-01-01 00:00:00","levelname":"INFO","message":"GET /a","request_id":"r1"}',
  'INFO:     127.0.0.1 - "GET /a HTTP/1.1" 200 OK',
  '{"asctime":"2026-01-01 00:00:10","levelname":"ERROR","message":"Boom","request_id":"r2","event_category":"audit"}',
  'Traceback (most recent call last): r1',
].map((text) => parse(text, false));
const kept = (filter: Parameters<typeof createFilter>[0]) => lines.map(createFilter(filter)).map(Number).join('');

describe('filter', () => {
  it('holds all of its parts', () => {
    expect(kept({})).toBe('1111');
    expect(kept({ text: 'get /A' })).toBe('1100');
    expect(kept({ requestId: 'r1' })).toBe('1001');
    expect(kept({ minLevel: 'warning' })).toBe('0010');
    expect(kept({ category: 'audit' })).toBe('0010');
    expect(kept({ text: 'boom', requestId: 'r1' })).toBe('0000');
  });
  it('takes the time of the line before where a line has none', () => {
    expect(kept({ since: Date.UTC(2026, 0, 1, 0, 0, 5) })).toBe('0011');
    expect(kept({ until: Date.UTC(2026, 0, 1, 0, 0, 5) })).toBe('1100');
  });
});

describe('prefilter', () => {
  it('gives the host only what every passing line has byte for byte', () => {
    expect(prefilter({ text: 'größe of file', requestId: 'a-1' }, false)).toEqual({ folded: 'e of file', exact: 'a-1' });
    expect(prefilter({ text: 'path "/x"' }, true).folded).toBe('path ');
    expect(prefilter({ text: '日本' }, false).folded).toBe('');
  });
});

describe('file list', () => {
  it('is newest first, by number, then by time and date', () => {
    const text = [
      'rotated 5 10 100 /l/app.log.2.gz',
      'rotated 4 10 300 /l/app.log.1',
      'current 3 10 300 /l/app.log',
      'rotated 6 9 50 /l/app.log.10',
      'nonsense',
      'rotated 4 10 300 /l/app.log.1',
    ].join('\n');
    expect(parseFileList(text, '/l/app.log').map(({ inode }) => inode)).toEqual(['3', '4', '5', '6']);
    const dated = [
      'rotated 1 1 100 /l/app.log-20260101',
      'rotated 2 1 100 /l/app.log-20260102',
      'rotated 3 1 200 /l/app.log-20260103',
    ].join('\n');
    expect(parseFileList(dated, '/l/app.log').map(({ inode }) => inode)).toEqual(['3', '2', '1']);
  });
});
