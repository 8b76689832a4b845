import type { Client, Dispatcher } from 'undici';
import type { HttpRequest } from './types.ts';

/** How one exchange on one connection went, before it is judged. */
export interface Exchange {
  /** The first byte of the request may have left. */
  readonly sent: boolean;
  /** Any byte of an answer came. */
  readonly answered: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly latencyMs: number;
  readonly closeDelimited: boolean;
  /** Unset when the answer was seen whole. */
  readonly error?: Error;
  readonly tooLong: boolean;
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

/** True when the end of the body is only the end of the connection (RFC 9112 §6.3, item 8). */
function endsWithConnection(status: number, headers: Readonly<Record<string, string>>): boolean {
  if (status === 204 || status === 304) return false;
  const coding = headers['transfer-encoding'];
  if (coding !== undefined) return !/(^|,)\s*chunked\s*$/i.test(coding);
  return headers['content-length'] === undefined;
}

/**
 * One request on one open connection. Never throws: whatever happens is in the result. `signal` ends it at once and gives
 * the connection up.
 */
export function exchange(client: Client, request: HttpRequest, signal: AbortSignal): Promise<Exchange> {
  const url = new URL(request.url);
  const maxBytes = request.maxBytes ?? 8 * 1024 * 1024;
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let sent = false;
    let answered = false;
    let tooLong = false;
    let status: number | undefined;
    let headers: Readonly<Record<string, string>> = {};
    const began = performance.now();
    let sentAt = began;
    let controller: Dispatcher.DispatchController | undefined;

    const end = (error?: Error): void => {
      signal.removeEventListener('abort', onAbort);
      resolve({
        sent,
        answered,
        tooLong,
        headers,
        latencyMs: performance.now() - sentAt,
        closeDelimited: status !== undefined && endsWithConnection(status, headers),
        body: Buffer.concat(chunks, bytes),
        ...(status === undefined ? {} : { status }),
        ...(error === undefined ? {} : { error }),
      });
    };
    const giveUp = (reason: Error): void => {
      end(reason);
      // `abort` alone would leave a connection behind that still expects the rest of this answer.
      controller?.abort(reason);
      client.destroy(reason).catch(() => undefined);
    };
    const onAbort = (): void => giveUp(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });

    try {
      client.dispatch(
        {
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method: request.method,
          headers: { ...request.headers },
          body: request.body ?? null,
          // A queue is never wanted: each connection carries one request at a time.
          blocking: true,
        },
        {
          onRequestStart: (given) => {
            controller = given;
            sent = true;
            sentAt = performance.now();
          },
          onResponseStarted: () => {
            answered = true;
          },
          onResponseStart: (_, code, received) => {
            answered = true;
            if (code < 200) return;
            status = code;
            headers = flatten(received);
          },
          onResponseData: (_, chunk) => {
            bytes += chunk.length;
            if (bytes <= maxBytes) return void chunks.push(chunk);
            bytes -= chunk.length;
            tooLong = true;
            giveUp(new Error(`the body is longer than ${maxBytes} bytes`));
          },
          onResponseEnd: () => end(),
          onResponseError: (_, error) => end(error),
        },
      );
    } catch (error) {
      end(error instanceof Error ? error : new Error(String(error)));
    }
  });
}
