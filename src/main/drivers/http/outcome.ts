import { Problem } from '../../../contract/problem.ts';
import type { Outcome } from '../ssh/types.ts';
import { cleanText } from '../text.ts';
import type { Exchange } from './exchange.ts';
import type { HttpAnswer, HttpRequest } from './types.ts';

/** The request as it may be shown: method, host and path. A query may carry what should not be shown again. */
export function nameOf(request: Pick<HttpRequest, 'method' | 'url'>): string {
  const url = URL.parse(request.url);
  return url === null ? request.method : `${request.method} ${url.host}${url.pathname}`;
}

const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === 'TimeoutError';
const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

/** The kernel's and the library's words as a person says them. */
function words(error: unknown): string {
  const { code = '', message = '' } = (error ?? {}) as { code?: string; message?: string };
  if (code === 'ECONNREFUSED') return 'nothing listens there (connection refused)';
  if (code === 'ECONNRESET' || /ECONNRESET/.test(message)) return 'the connection was reset';
  if (code === 'UND_ERR_SOCKET' || /other side closed/.test(message)) return 'the connection was closed before the answer was complete';
  if (code.startsWith('HPE_') || code.startsWith('UND_ERR_'))
    return `the answer is not proper HTTP (${cleanText(message, { maxLength: 200 })})`;
  return cleanText(message || 'the connection failed', { maxLength: 300 });
}

/** The outcome of a request of which no byte can have left: certain, and safe to try again. */
export function neverSent(request: HttpRequest, error: unknown): Outcome<HttpAnswer> {
  if (error instanceof Problem) return { outcome: 'failed', problem: error.data };
  const name = nameOf(request);
  if (isTimeout(error))
    return failed(
      new Problem('timed-out', `${name}: no connection within ${request.timeoutMs ?? 10_000} ms. Nothing was sent.`, { retryable: true }),
    );
  if (isAbort(error) || request.signal?.aborted === true)
    return failed(new Problem('cancelled', `${name} was cancelled before anything was sent.`));
  return failed(
    new Problem('http-unreachable', `${name}: ${words(error)}. Nothing was sent.`, {
      retryable: true,
      hint: 'Is the service running, and is the base URL right?',
    }),
  );
}

/** What an exchange says about the request: `failed` only when it is certain that nothing was done by it. */
export function judge(request: HttpRequest, result: Exchange, signal: AbortSignal): Outcome<HttpAnswer> {
  const name = nameOf(request);
  const reads = request.method === 'GET';
  if (result.error === undefined && result.status !== undefined) {
    if (result.closeDelimited && !reads) {
      return unknown(
        new Problem('outcome-unknown', `${name}: the answer has neither length nor end mark, so it can't be told whether it is whole.`, {
          hint: hintUnknown,
        }),
      );
    }
    const { status, headers = {}, body = Buffer.alloc(0), latencyMs } = result;
    return { outcome: 'done', status, headers, body, latencyMs, ...(result.closeDelimited ? { closeDelimited: true } : {}) };
  }
  if (!result.sent) return neverSent(request, result.error);
  const { code, why } = reason(request, result, signal);
  if (reads) return failed(new Problem(code, `${name}: ${why}.`, { retryable: code !== 'http-unexpected' && code !== 'cancelled' }));
  return unknown(
    new Problem(code === 'http-unreachable' ? 'outcome-unknown' : code, `${name}: ${why}. It was sent, and may have been carried out.`, {
      hint: hintUnknown,
    }),
  );
}

const hintUnknown = 'Look at the deployment before doing it again.';

function reason(
  request: HttpRequest,
  result: Exchange,
  signal: AbortSignal,
): { code: 'timed-out' | 'cancelled' | 'http-unexpected' | 'http-unreachable'; why: string } {
  const part = result.status === undefined ? '' : ` (after the status ${result.status} and ${result.body?.length ?? 0} bytes)`;
  if (request.signal?.aborted === true) return { code: 'cancelled', why: 'cancelled before the whole answer came' };
  if (signal.aborted) return { code: 'timed-out', why: `no whole answer within ${request.timeoutMs ?? 10_000} ms${part}` };
  if (result.tooLong) return { code: 'http-unexpected', why: `${result.error?.message ?? 'the body is too long'}` };
  // An end in the middle of an answer is a parser's error too, but the connection's fault.
  const malformed = result.error?.name === 'HTTPParserError' && result.status === undefined && !cutEarly(result.error);
  return { code: malformed ? 'http-unexpected' : 'http-unreachable', why: `${words(result.error)}${part}` };
}

const failed = (problem: Problem): Outcome<HttpAnswer> => ({ outcome: 'failed', problem: problem.data });
const unknown = (problem: Problem): Outcome<HttpAnswer> => ({ outcome: 'unknown', problem: problem.data });

const cutEarly = (error: Error): boolean => (error as { code?: string }).code === 'HPE_INVALID_EOF_STATE';
