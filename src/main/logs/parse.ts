import type { LogLevel, LogLine } from '../../contract/logs.ts';
import type { LogDefinition } from '../stacks/schema.ts';
import { clean } from './clean.ts';
import { parseTime } from './times.ts';

/** A parsed line, before it has its place in a subscription. */
export type ParsedLine = Omit<LogLine, 'seq'>;

type Columns = Required<{ [K in keyof LogDefinition['columns']]-?: readonly string[] }>;

const RAW = 16 * 1024;
const MESSAGE = 8 * 1024;
const SHORT = 300;
const FIELD = 1000;
const FIELDS = 60;

/** Names that the known systems use; a stack's own come first. */
const usual: Columns = {
  time: ['asctime', 'timestamp', 'ts', 'time', '@timestamp', 'datetime'],
  level: ['levelname', 'level', 'severity', 'lvl'],
  logger: ['name', 'logger', 'component', 'module'],
  message: ['message', 'msg', 'event'],
  request_id: ['request_id', 'requestId', 'req_id', 'reqId', 'x_request_id'],
  category: ['event_category', 'category'],
};

const LEVELS: Readonly<Record<string, LogLevel>> = {
  trace: 'trace',
  verbose: 'trace',
  debug: 'debug',
  info: 'info',
  information: 'info',
  notice: 'info',
  log: 'info',
  warn: 'warning',
  warning: 'warning',
  err: 'error',
  error: 'error',
  severe: 'error',
  crit: 'critical',
  critical: 'critical',
  fatal: 'critical',
  alert: 'critical',
  emerg: 'critical',
  emergency: 'critical',
  panic: 'critical',
};

/** pino's numbers. Python writes names in every log met so far, so its other scale does not matter. */
const PINO: Readonly<Record<number, LogLevel>> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warning', 50: 'error', 60: 'critical' };

/** A level by name or pino number; null when it is none. */
export function parseLevel(value: unknown): LogLevel | null {
  if (typeof value === 'number') return PINO[value] ?? null;
  if (typeof value !== 'string') return null;
  const name = value.trim().toLowerCase();
  return Object.hasOwn(LEVELS, name) ? (LEVELS[name] ?? null) : null;
}

function asText(value: unknown, max: number): string {
  if (typeof value === 'string') return clean(value, max);
  try {
    return clean(JSON.stringify(value) ?? '', max);
  } catch {
    return '(too deeply nested)';
  }
}

const optional = (value: unknown): string | null => (value === undefined || value === null || value === '' ? null : asText(value, SHORT));

const UVICORN = /^(TRACE|DEBUG|INFO|WARNING|ERROR|CRITICAL):\s+(.*)$/s;
const TIMED = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)[\s|]+(?:-\s+)?(.*)$/s;
const LEVELED = /^\[?([A-Za-z]{3,11})\]?:?[\s|]+(.*)$/s;
const NAMED = /^\[([^\]\s]{1,100})\]:?\s+(.*)$/s;

/** Plain text: `2026-01-01 12:00:00,123 INFO [name] …`, uvicorn's `INFO:     …`, and anything else as its own message. */
function parseText(raw: string): Pick<ParsedLine, 'at' | 'level' | 'logger' | 'message'> {
  const uvicorn = UVICORN.exec(raw);
  if (uvicorn !== null) return { at: null, level: parseLevel(uvicorn[1]), logger: 'uvicorn', message: uvicorn[2] ?? '' };
  const timed = TIMED.exec(raw);
  const at = timed === null ? null : parseTime(timed[1]);
  if (timed === null || at === null) return { at: null, level: null, logger: null, message: raw };
  let message = timed[2] ?? '';
  const leveled = LEVELED.exec(message);
  const level = parseLevel(leveled?.[1]);
  if (level !== null) message = leveled?.[2] ?? '';
  const named = NAMED.exec(message);
  return { at, level, logger: named?.[1] ?? null, message: named === null ? message : (named[2] ?? '') };
}

/** Makes a parser for a source. Never throws, whatever it is given; every text it gives is clean and capped. */
export function createParser(definition: Pick<LogDefinition, 'format' | 'columns'>): (text: string, cut: boolean) => ParsedLine {
  const columns = Object.fromEntries(
    (Object.keys(usual) as (keyof Columns)[]).map((name) => [name, [...new Set([...(definition.columns[name] ?? []), ...usual[name]])]]),
  ) as unknown as Columns;

  function parseJson(text: string, raw: string, truncated: boolean): ParsedLine | undefined {
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      return undefined;
    }
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
    const record = body as Record<string, unknown>;
    const used = new Set<string>();
    const pick = (names: readonly string[], accept: (value: unknown) => boolean): unknown => {
      const name = names.find((one) => Object.hasOwn(record, one) && accept(record[one]));
      if (name === undefined) return undefined;
      used.add(name);
      return record[name];
    };
    const any = (value: unknown): boolean => value !== undefined && value !== null;
    const at = parseTime(pick(columns.time, (value) => parseTime(value) !== null));
    const level = parseLevel(pick(columns.level, (value) => parseLevel(value) !== null));
    const message = pick(columns.message, any);
    const logger = pick(columns.logger, (value) => typeof value === 'string');
    const requestId = pick(columns.request_id, (value) => typeof value === 'string' || typeof value === 'number');
    const category = pick(columns.category, (value) => typeof value === 'string');
    const rest = Object.entries(record).filter(([name]) => !used.has(name));
    const fields = Object.fromEntries(rest.slice(0, FIELDS).map(([name, value]) => [clean(name, 100), asText(value, FIELD)]));
    return {
      at,
      level,
      fields,
      raw,
      truncated,
      logger: optional(logger),
      message: message === undefined ? '' : asText(message, MESSAGE),
      requestId: optional(requestId),
      category: optional(category),
    };
  }

  return (text, cut) => {
    const raw = clean(text, RAW);
    const truncated = cut || text.length > RAW;
    // JSON lines stand between text lines in both kinds of log, so the first character decides, not the definition.
    const json = text.trimStart().startsWith('{') ? parseJson(text, raw, truncated) : undefined;
    if (json !== undefined) return json;
    const { at, level, logger, message } = parseText(raw);
    return { at, level, logger, message: clean(message, MESSAGE), requestId: null, category: null, fields: {}, raw, truncated };
  };
}
