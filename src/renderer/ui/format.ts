/** Words for numbers and times. All of it is pure, so that it can be tested without a window. */

import { formatDuration } from '../../contract/duration.ts';

export { formatBytes } from '../../contract/bytes.ts';
export { formatDuration };

/** `12,345`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 line`, `2 lines`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** A latency in milliseconds: `8 ms`, `1.24 s`. */
export function formatLatency(ms: number): string {
  if (ms === 0) return '0 ms';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A length of time that is still growing, in whole seconds: `0 s`, `7 s`, `3 min 4 s`. */
export function formatElapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND));
  return seconds < 60 ? `${seconds} s` : formatDuration(seconds * SECOND);
}

/** How long ago: `just now`, `5 min ago`, `in 3 h`. */
export function formatRelative(at: number, now: number): string {
  const gap = now - at;
  const size = Math.abs(gap);
  if (size < 10 * SECOND) return 'just now';
  const [count, unit] = ((): [number, string] => {
    if (size < MINUTE) return [Math.floor(size / SECOND), 's'];
    if (size < HOUR) return [Math.floor(size / MINUTE), 'min'];
    if (size < DAY) return [Math.floor(size / HOUR), 'h'];
    if (size < 60 * DAY) return [Math.floor(size / DAY), 'd'];
    return [Math.floor(size / (30 * DAY)), 'mo'];
  })();
  return gap >= 0 ? `${count} ${unit} ago` : `in ${count} ${unit}`;
}

export type Zone = 'local' | 'utc';

const two = (value: number): string => String(value).padStart(2, '0');

function parts(at: number, zone: Zone): { year: number; month: string; day: string; time: string; millis: string } {
  const date = new Date(at);
  const utc = zone === 'utc';
  return {
    year: utc ? date.getUTCFullYear() : date.getFullYear(),
    month: two((utc ? date.getUTCMonth() : date.getMonth()) + 1),
    day: two(utc ? date.getUTCDate() : date.getDate()),
    time: [
      utc ? date.getUTCHours() : date.getHours(),
      utc ? date.getUTCMinutes() : date.getMinutes(),
      utc ? date.getUTCSeconds() : date.getSeconds(),
    ]
      .map(two)
      .join(':'),
    millis: String(date.getUTCMilliseconds()).padStart(3, '0'),
  };
}

/** `+02:00` at that moment, or `UTC`. */
export function zoneName(at: number, zone: Zone): string {
  if (zone === 'utc') return 'UTC';
  const minutes = -new Date(at).getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? '−' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** `2026-11-21 03:12:44 UTC+01:00`: sortable, and the zone is never left to guess. */
export function formatExact(at: number, zone: Zone): string {
  const { year, month, day, time } = parts(at, zone);
  return `${year}-${month}-${day} ${time} ${zoneName(at, zone)}`;
}

/** `03:12:44.123`, for rows that share a day. */
export function formatClock(at: number, zone: Zone): string {
  const { time, millis } = parts(at, zone);
  return `${time}.${millis}`;
}

/** `2026-11-21 03:12:44`. */
export function formatDateTime(at: number, zone: Zone): string {
  const { year, month, day, time } = parts(at, zone);
  return `${year}-${month}-${day} ${time}`;
}

/** `99.98 %`; never rounds up to a perfect hundred. */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent >= 100) return '100 %';
  if (percent > 99.99) return '99.99 %';
  return `${percent.toFixed(percent >= 99 ? 2 : 1)} %`;
}

/** The first 12 characters of a hash. */
export function shortHash(hash: string): string {
  return hash.slice(0, 12);
}
