import { utcInstant } from '../../../engine/instant.ts';

/** Microseconds since 1970, UTC: what PostgreSQL counts in. Exact as a number until the year 2255. */
export type Micros = number;

/** Reads a time with a zone, RFC 3339 or as PostgreSQL's tools print it in UTC; undefined when it has no zone, or is no time. */
export function parseInstant(text: string): Micros | undefined {
  const plain = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?:\+00(?::?00)?| UTC| GMT)$/.exec(text.trim());
  const instant = utcInstant(plain === null ? text : `${plain[1]}T${plain[2]}Z`);
  if (instant === undefined) return undefined;
  const fraction = /\.(\d+)Z$/.exec(instant)?.[1] ?? '';
  return Date.parse(`${instant.slice(0, 19)}Z`) * 1000 + Number(fraction.padEnd(6, '0'));
}

/** `2026-11-27T03:00:00.123456Z`; the fraction only when there is one. */
export function formatInstant(at: Micros): string {
  const micros = ((at % 1_000_000) + 1_000_000) % 1_000_000;
  const seconds = new Date((at - micros) / 1000).toISOString().slice(0, 19);
  return `${seconds}${micros === 0 ? '' : `.${String(micros).padStart(6, '0').replace(/0+$/, '')}`}Z`;
}

/** As `recovery_target_time` takes it: digits, `-`, `:`, `.` and `+00` only, always with its zone. */
export const postgresTime = (at: Micros): string => formatInstant(at).replace('T', ' ').replace('Z', '+00');
