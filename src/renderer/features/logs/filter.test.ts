import { describe, expect, it } from 'vitest';
import type { LogLine } from '../../../contract/logs.ts';
import { durationOf, filterFromQuery, filterToQuery, isFiltered, splitHits, statusOf, toLogFilter } from './filter.ts';

const line = (fields: Record<string, string>): LogLine => ({
  seq: 0,
  at: null,
  level: null,
  logger: null,
  message: '',
  requestId: null,
  category: null,
  fields,
  raw: '',
  truncated: false,
});

describe('the filter', () => {
  it('goes through the address and back', () => {
    const form = { text: 'a b&c', requestId: 'r-1', minLevel: 'error', audit: true };
    expect(filterFromQuery(Object.fromEntries(new URLSearchParams(filterToQuery(form))))).toEqual(form);
  });

  it('sends only what was set', () => {
    expect(toLogFilter({ text: '', requestId: ' ', minLevel: '', audit: false })).toEqual({});
    expect(isFiltered({ text: '', requestId: '', minLevel: '', audit: false })).toBe(false);
    expect(toLogFilter({ text: 'x', requestId: ' r-1 ', minLevel: 'warning', audit: true })).toEqual({
      text: 'x',
      requestId: 'r-1',
      minLevel: 'warning',
      category: 'audit',
    });
  });

  it('takes no level that is none', () => expect(filterFromQuery({ level: 'loud' }).minLevel).toBe(''));
});

describe('hits', () => {
  it('stand at the odd places, without regard to case', () => {
    expect(splitHits('Error: no ERROR here', 'error')).toEqual(['', 'Error', ': no ', 'ERROR', ' here']);
  });

  it('are none for nothing sought, and markup stays text', () => {
    expect(splitHits('<b>x</b>', '')).toEqual(['<b>x</b>']);
    expect(splitHits('<b>x</b>', 'b>')).toEqual(['<', 'b>', 'x</', 'b>', '']);
  });

  it('are left out where lower case has another length', () => expect(splitHits('İstanbul', 'i')).toEqual(['İstanbul']));
});

describe('columns out of fields', () => {
  it('reads status and duration by their usual names', () => {
    expect(statusOf(line({ status_code: '503' }))).toBe('503');
    expect(statusOf(line({ status: '200' }))).toBe('200');
    expect(durationOf(line({ duration_ms: '18.25' }))).toBe('18.3 ms');
    expect(durationOf(line({ duration_ms: 'soon' }))).toBeUndefined();
    expect(durationOf(line({}))).toBeUndefined();
  });
});
