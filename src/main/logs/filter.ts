import type { LogFilter, LogLevel } from '../../contract/logs.ts';
import type { ParsedLine } from './parse.ts';

const rank: Readonly<Record<LogLevel, number>> = { trace: 0, debug: 1, info: 2, warning: 3, error: 4, critical: 5 };

/** True when a filter narrows nothing. */
export function isEmpty(filter: LogFilter): boolean {
  return Object.values(filter).every((part) => part === undefined || part === '');
}

/**
 * Makes the test for lines given in order. A line without a time of its own (uvicorn's, a traceback's) counts as of the time
 * of the one before it. A request id is the column where there is one, else it must stand in the line.
 */
export function createFilter(filter: LogFilter): (line: ParsedLine) => boolean {
  const text = filter.text?.toLowerCase() ?? '';
  const least = filter.minLevel === undefined ? -1 : rank[filter.minLevel];
  let lastAt: number | null = null;
  return (line) => {
    lastAt = line.at ?? lastAt;
    if (text !== '' && !line.raw.toLowerCase().includes(text)) return false;
    if (filter.requestId !== undefined && filter.requestId !== '') {
      if (line.requestId === null ? !line.raw.includes(filter.requestId) : line.requestId !== filter.requestId) return false;
    }
    if (least >= 0 && (line.level === null || rank[line.level] < least)) return false;
    if (filter.category !== undefined && filter.category !== '' && line.category !== filter.category) return false;
    if (filter.since !== undefined && (lastAt === null || lastAt < filter.since)) return false;
    return filter.until === undefined || (lastAt !== null && lastAt <= filter.until);
  };
}

/**
 * What a host may look for to leave out lines that can't pass: a plain part of the wanted text. Only ASCII, because the host
 * folds case byte by byte; and for text inside JSON nothing that JSON would write in another way. Empty: nothing to go by.
 */
export function prefilter(filter: LogFilter, insideJson: boolean): { folded: string; exact: string } {
  const plain = insideJson ? /[^\u0020-\u007e]|["\\/]/ : /[^\u0020-\u007e]/;
  const longest = (text: string | undefined): string => (text ?? '').split(plain).reduce((a, b) => (b.length > a.length ? b : a), '');
  return { folded: longest(filter.text), exact: longest(filter.requestId) };
}
