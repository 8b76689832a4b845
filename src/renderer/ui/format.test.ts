import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatDuration,
  formatElapsed,
  formatExact,
  formatLatency,
  formatRelative,
  formatShare,
  plural,
  zoneName,
} from './format.ts';

const at = Date.UTC(2026, 10, 21, 3, 4, 5, 67);

describe('numbers in words', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [48_234_496, '46.0 MiB'],
    [999 * 1024 ** 3, '999 GiB'],
    [1024 ** 6, '1024 PiB'],
  ])('%d bytes are %s', (bytes, words) => expect(formatBytes(bytes)).toBe(words));

  it.each([
    [0, '0 ms'],
    [0.64, '0.6 ms'],
    [42.4, '42 ms'],
    [1240, '1.24 s'],
    [12_340, '12.3 s'],
  ])('a latency of %d is %s', (ms, words) => expect(formatLatency(ms)).toBe(words));

  it.each([
    [850, '850 ms'],
    [1500, '1.5 s'],
    [59_400, '59 s'],
    [184_000, '3 min 4 s'],
    [7_200_000, '2 h'],
    [4 * 86_400_000 + 3 * 3_600_000, '4 d 3 h'],
  ])('a duration of %d is %s', (ms, words) => expect(formatDuration(ms)).toBe(words));

  it('counts growing time in whole seconds and never below nothing', () => {
    expect(formatElapsed(-400)).toBe('0 s');
    expect(formatElapsed(2999)).toBe('2 s');
    expect(formatElapsed(61_900)).toBe('1 min 1 s');
  });

  it('never rounds a share up to a perfect hundred', () => {
    expect(formatShare(1)).toBe('100 %');
    expect(formatShare(0.999_99)).toBe('99.99 %');
    expect(formatShare(0.9931)).toBe('99.31 %');
    expect(formatShare(0.5)).toBe('50.0 %');
  });

  it('knows one from many', () => {
    expect(plural(1, 'line')).toBe('1 line');
    expect(plural(1284, 'line')).toBe('1,284 lines');
    expect(plural(2, 'entry', 'entries')).toBe('2 entries');
  });
});

describe('times in words', () => {
  it('says how long ago, and how far ahead', () => {
    expect(formatRelative(at - 4000, at)).toBe('just now');
    expect(formatRelative(at - 300_000, at)).toBe('5 min ago');
    expect(formatRelative(at - 3 * 86_400_000, at)).toBe('3 d ago');
    expect(formatRelative(at + 7_200_000, at)).toBe('in 2 h');
  });

  it('never leaves the zone to guess', () => {
    expect(formatExact(at, 'utc')).toBe('2026-11-21 03:04:05 UTC');
    expect(zoneName(at, 'utc')).toBe('UTC');
    expect(formatExact(at, 'local')).toMatch(/^2026-11-\d\d \d\d:04:05 UTC([+−]\d\d:\d\d)?$/);
  });
});
