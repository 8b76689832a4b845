/** Fields a log line may carry beside the four of every line. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;
export type LogLevel = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

/** One line of the program's own logger. JSON lines carry seconds without a zone (the host runs in UTC), text lines milliseconds. */
export function formatLine(
  format: 'json' | 'text',
  at: Date,
  level: LogLevel,
  logger: string,
  message: string,
  fields: LogFields = {},
): string {
  const iso = at.toISOString();
  if (format === 'json') return JSON.stringify({ asctime: iso.slice(0, 19), levelname: level, name: logger, message, ...fields });
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)},${iso.slice(20, 23)} ${level} [${logger}] ${message}`;
}

const reasons: Record<number, string> = {
  200: 'OK',
  201: 'Created',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** A uvicorn access line: plain text, and with the query string as it came — a key sent as `?api_key=` ends up in the log. */
export function accessLine(client: string, method: string, target: string, status: number): string {
  return `INFO:     ${client} - "${method} ${target} HTTP/1.1" ${status} ${reasons[status] ?? ''}`.trimEnd();
}

/** What one served request leaves in the log: the program's line, then uvicorn's. */
export function requestLines(
  format: 'json' | 'text',
  at: Date,
  request: { id: string; method: string; path: string; target: string; client: string; status: number; durationMs: number },
): string[] {
  const duration = Math.round(request.durationMs * 10) / 10;
  const message = `${request.method} ${request.path} ${request.status} ${duration.toFixed(1)}ms [${request.id}]`;
  const fields = { request_id: request.id, path: request.path, method: request.method, status_code: request.status, duration_ms: duration };
  return [
    formatLine(format, at, 'INFO', 'friendlyface', message, fields),
    accessLine(request.client, request.method, request.target, request.status),
  ];
}

/** The audit line of a refused request. */
export function authFailureLine(
  format: 'json' | 'text',
  at: Date,
  method: string,
  path: string,
  host: string,
  reason: 'no_token' | 'invalid_token',
): string {
  const words = reason === 'no_token' ? 'no token' : 'invalid token';
  const extra: LogFields = reason === 'no_token' ? {} : { provider: 'api_key', error: 'Invalid API key' };
  return formatLine(format, at, 'WARNING', 'friendlyface.audit', `Auth failure (${words}): ${method} ${path} from ${host}`, {
    event_category: 'audit',
    action: 'auth_failure',
    reason,
    path,
    ...extra,
  });
}

/** The audit line of a 429. */
export function rateLimitLine(format: 'json' | 'text', at: Date, method: string, path: string, host: string): string {
  return formatLine(format, at, 'WARNING', 'friendlyface.audit', `Rate limit exceeded: ${method} ${path} from ${host}`, {
    event_category: 'audit',
    action: 'rate_limit_exceeded',
  });
}

/** What uvicorn prints for an unhandled exception: several lines of plain text. */
export function tracebackLines(error: unknown): string[] {
  const message = error instanceof Error ? error.message : String(error);
  return [
    'ERROR:    Exception in ASGI application',
    'Traceback (most recent call last):',
    '  File "/app/.venv/lib/python3.12/site-packages/uvicorn/protocols/http/httptools_impl.py", line 409, in run_asgi',
    '    result = await app(self.scope, self.receive, self.send)',
    '  File "/app/friendlyface/storage/database.py", line 212, in get_event_count',
    '    cursor = await self.db.execute("SELECT COUNT(*) FROM events")',
    `sqlite3.OperationalError: ${message}`,
  ];
}
