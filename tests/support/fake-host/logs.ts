import type { LogFilter, LogLevel, LogLine } from '../../../src/contract/logs.ts';
import { LogLevel as Level } from '../../../src/contract/logs.ts';

const messages: readonly [LogLevel, string, string][] = [
  ['info', 'friendlyface.api', 'POST /recognize 200'],
  ['info', 'friendlyface.api', 'GET /health 200'],
  ['debug', 'friendlyface.store', 'event appended to chain'],
  ['info', 'uvicorn.access', '127.0.0.1:51234 - "GET /metrics HTTP/1.1" 200'],
  ['warning', 'friendlyface.ratelimit', 'rate limit exceeded for client 10.4.0.17: 120 requests in 60 s'],
  ['error', 'friendlyface.store', 'sqlite3.OperationalError: database is locked while appending event; retry 2 of 5'],
  ['info', 'friendlyface.audit', 'authentication failure'],
];

/** The n-th line of a source, always the same one. Now and then hostile text, as real logs have it. */
export function lineOf(seq: number, at: number): LogLine {
  const pick = seq % 97 === 13 ? 5 : seq % 29 === 7 ? 4 : seq % 41 === 3 ? 6 : seq % 4;
  const [level, logger, base] = messages[pick] ?? ['info', 'app', 'line'];
  const audit = pick === 6;
  const message = seq % 53 === 20 ? `${base} <img src=x onerror=alert(1)> <b>not markup</b> ${'long '.repeat(60)}` : base;
  const requestId = pick === 3 ? null : `req-${((Math.floor(seq / 3) * 2654435761) % 4294967296).toString(16).padStart(8, '0')}`;
  const fields: Record<string, string> =
    pick === 0 || pick === 1
      ? {
          method: pick === 0 ? 'POST' : 'GET',
          path: pick === 0 ? '/recognize' : '/health',
          status_code: seq % 61 === 0 ? '503' : '200',
          duration_ms: String(12 + (seq % 37) * 3.1),
        }
      : audit
        ? { action: 'auth_failure', reason: 'unknown key', path: '/admin/backups' }
        : {};
  const raw = JSON.stringify({
    asctime: new Date(at).toISOString(),
    levelname: level.toUpperCase(),
    name: logger,
    message,
    request_id: requestId,
    ...(audit ? { event_category: 'audit' } : {}),
    ...fields,
  });
  return { seq, at, level, logger, message, requestId, category: audit ? 'audit' : null, fields, raw, truncated: message.length > 300 };
}

/** Whether a line passes, as the contract says it. */
export function passes(line: LogLine, { text, requestId, minLevel, category }: LogFilter): boolean {
  if (text !== undefined && !line.raw.toLowerCase().includes(text.toLowerCase())) return false;
  if (requestId !== undefined && line.requestId !== requestId) return false;
  if (category !== undefined && line.category !== category) return false;
  return minLevel === undefined || (line.level !== null && Level.options.indexOf(line.level) >= Level.options.indexOf(minLevel));
}
