import { expect, it } from 'vitest';
import { utcInstant } from './instant.ts';

it('brings times with a zone to UTC, and refuses the rest', () => {
  expect(utcInstant('2026-11-27T03:00:00Z')).toBe('2026-11-27T03:00:00Z');
  expect(utcInstant('2026-11-27 03:00:00.120000+02:00')).toBe('2026-11-27T01:00:00.12Z');
  expect(utcInstant('2026-01-01T00:30:00-05:45')).toBe('2026-01-01T06:15:00Z');
  expect(utcInstant('2028-02-29T23:59:59.999999z')).toBe('2028-02-29T23:59:59.999999Z');
  for (const text of [
    '2026-11-27T03:00:00',
    '2026-02-30T00:00:00Z',
    '2026-11-27',
    'now',
    '2026-11-27T24:00:00Z',
    '2026-11-27T03:00:60Z',
    '2026-11-27T03:00:00+99:99',
    '',
  ])
    expect(utcInstant(text), text).toBeUndefined();
});
