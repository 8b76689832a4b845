import type { LogFilter, LogLine } from '../../../contract/logs.ts';
import { LogLevel } from '../../../contract/logs.ts';

/** The filter as it is on the screen and in the address. */
export interface FilterForm {
  readonly text: string;
  readonly requestId: string;
  readonly minLevel: string;
  readonly audit: boolean;
}

export const levels: readonly LogLevel[] = LogLevel.options;

/** Reads the filter out of an address. */
export function filterFromQuery(query: Readonly<Record<string, string>>): FilterForm {
  const level = query['level'] ?? '';
  return {
    text: query['text'] ?? '',
    requestId: query['request'] ?? '',
    minLevel: LogLevel.safeParse(level).success ? level : '',
    audit: query['audit'] === '1',
  };
}

/** Writes the filter for an address. Empty parts are left out by the router. */
export function filterToQuery({ text, requestId, minLevel, audit }: FilterForm): Record<string, string> {
  return { text, request: requestId, level: minLevel, audit: audit ? '1' : '' };
}

/** The filter as the host takes it. */
export function toLogFilter({ text, requestId, minLevel, audit }: FilterForm): LogFilter {
  const level = LogLevel.safeParse(minLevel);
  return {
    ...(text === '' ? {} : { text: text.slice(0, 500) }),
    ...(requestId.trim() === '' ? {} : { requestId: requestId.trim().slice(0, 200) }),
    ...(level.success ? { minLevel: level.data } : {}),
    ...(audit ? { category: 'audit' } : {}),
  };
}

export const isFiltered = (form: FilterForm): boolean => Object.keys(toLogFilter(form)).length > 0;

/** Cuts a text at each place where the sought one stands, without regard to case: `[before, hit, between, hit, …]`. */
export function splitHits(text: string, sought: string): string[] {
  if (sought === '') return [text];
  const parts: string[] = [];
  const low = text.toLowerCase();
  const needle = sought.toLowerCase();
  // Some letters change their length in lower case; then places do not match and nothing is marked.
  if (low.length !== text.length) return [text];
  let from = 0;
  for (let at = low.indexOf(needle); at >= 0; at = low.indexOf(needle, from)) {
    parts.push(text.slice(from, at), text.slice(at, at + needle.length));
    from = at + needle.length;
  }
  parts.push(text.slice(from));
  return parts;
}

const statusNames = ['status_code', 'status', 'http_status'];
const durationNames = ['duration_ms', 'elapsed_ms', 'latency_ms'];
const first = (line: LogLine, names: readonly string[]): string | undefined =>
  names.map((name) => line.fields[name]).find((value) => value !== undefined && value !== '');

/** The HTTP status of a line, where it has one. */
export const statusOf = (line: LogLine): string | undefined => first(line, statusNames);

/** How long the request took, in words. */
export function durationOf(line: LogLine): string | undefined {
  const ms = Number(first(line, durationNames));
  if (!Number.isFinite(ms) || first(line, durationNames) === undefined) return undefined;
  return ms < 100 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}
