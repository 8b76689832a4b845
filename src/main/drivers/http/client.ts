import type { Duplex } from 'node:stream';
import { Client } from 'undici';
import { Problem } from '../../../contract/problem.ts';
import type { Outcome } from '../ssh/types.ts';
import type { Exchange } from './exchange.ts';
import { exchange } from './exchange.ts';
import { judge, neverSent } from './outcome.ts';
import { asSocket, secure } from './socket.ts';
import type { HttpAnswer, HttpClient, HttpRequest } from './types.ts';

/** Opens a connection as seen from the deployment's host: `session.forwardTcp`, or `net.connect` in a test. */
export type HttpConnect = (host: string, port: number) => Promise<Duplex>;

/** Kept connections are given up before uvicorn (5 s) and the like do it, so that a reused one is rarely stale. */
const IDLE_MS = 4000;
const IDLE_PER_ORIGIN = 4;
const DEFAULT_TIMEOUT_MS = 10_000;

interface Link {
  readonly client: Client;
  readonly stream: Duplex;
  readonly reused: boolean;
}

/**
 * HTTP/1.1 over connections made by `connect`. A connection is kept for the next GET of the same origin; anything that may
 * change something goes over a fresh one, so that a connection the server had already closed never makes its outcome doubtful.
 * A GET that finds its kept connection closed before a byte of answer is asked once more on a fresh one: it changes nothing,
 * and otherwise the laptop's own pool would read as an outage of the service.
 */
export function createHttpClient(options: { connect: HttpConnect }): HttpClient {
  const idle = new Map<string, { client: Client; stream: Duplex; timer: NodeJS.Timeout }[]>();
  const open = new Set<Client>();
  let closed = false;

  function drop(client: Client, stream: Duplex): void {
    open.delete(client);
    client.destroy().catch(() => undefined);
    stream.destroy();
  }

  function keep(origin: string, { client, stream }: Link): void {
    const list = idle.get(origin) ?? [];
    if (closed || client.closed || client.destroyed || stream.destroyed || stream.readableEnded || list.length >= IDLE_PER_ORIGIN) {
      drop(client, stream);
      return;
    }
    const timer = setTimeout(() => {
      const waiting = idle.get(origin) ?? [];
      idle.set(
        origin,
        waiting.filter((entry) => entry.client !== client),
      );
      drop(client, stream);
    }, IDLE_MS);
    timer.unref();
    idle.set(origin, [...list, { client, stream, timer }]);
  }

  function reuse(origin: string): Link | undefined {
    const list = idle.get(origin) ?? [];
    for (let entry = list.pop(); entry !== undefined; entry = list.pop()) {
      clearTimeout(entry.timer);
      if (!entry.stream.destroyed && !entry.stream.readableEnded && !entry.client.destroyed)
        return { client: entry.client, stream: entry.stream, reused: true };
      drop(entry.client, entry.stream);
    }
    return undefined;
  }

  async function dial(url: URL, signal: AbortSignal): Promise<Link> {
    const tls = url.protocol === 'https:';
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const dialled = options.connect(host, url.port === '' ? (tls ? 443 : 80) : Number(url.port));
    const plain = await untilAborted(dialled, signal, (late) => late.destroy());
    // Errors of a stream whose exchange is over must not end the process.
    plain.on('error', () => undefined);
    const stream = tls ? await secure(plain, host, signal) : asSocket(plain);
    stream.on('error', () => undefined);
    let used = false;
    const client = new Client(url.origin, {
      allowH2: false,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      maxHeaderSize: 64 * 1024,
      connect: (_, callback) => {
        // One connection, once: a client that wanted a second one would be retrying.
        if (used || stream.destroyed) return void callback(new Error('the connection was closed'), null);
        used = true;
        // Not at once: the client is still inside its own queue then, and would not look at it again.
        queueMicrotask(() => callback(null, stream));
      },
    });
    if (closed) {
      drop(client, stream);
      throw new Problem('cancelled', 'The HTTP client is closed.');
    }
    open.add(client);
    return { client, stream, reused: false };
  }

  async function once(request: HttpRequest, url: URL, signal: AbortSignal, fresh: boolean): Promise<{ result: Exchange; reused: boolean }> {
    const link = (fresh ? undefined : reuse(url.origin)) ?? (await dial(url, signal));
    const result = await exchange(link.client, request, signal);
    const again =
      request.method === 'GET' &&
      result.error === undefined &&
      !result.closeDelimited &&
      !/\bclose\b/i.test(result.headers?.['connection'] ?? '');
    if (again) keep(url.origin, link);
    else drop(link.client, link.stream);
    return { result, reused: link.reused };
  }

  return {
    async request(request): Promise<Outcome<HttpAnswer>> {
      const url = parse(request.url);
      if (closed) return neverSent(request, new Problem('cancelled', 'The HTTP client is closed.'));
      const deadline = new AbortController();
      const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS;
      const timer = setTimeout(() => deadline.abort(new DOMException(`no whole answer within ${timeoutMs} ms`, 'TimeoutError')), timeoutMs);
      const signal = request.signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, request.signal]);
      const mutating = request.method !== 'GET';
      try {
        let { result, reused } = await once(request, url, signal, mutating);
        if (result.error !== undefined && reused && !result.answered && !signal.aborted)
          ({ result, reused } = await once(request, url, signal, true));
        return judge(request, result, signal);
      } catch (error) {
        // Only making the connection throws; an exchange never does.
        return neverSent(request, error);
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      closed = true;
      for (const { timer } of [...idle.values()].flat()) clearTimeout(timer);
      idle.clear();
      await Promise.all([...open].map((client) => client.destroy().catch(() => undefined)));
      open.clear();
    },
  };
}

function parse(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new Problem('bad-input', 'The address is not an http or https URL without a user name.', {
      hint: 'Correct the base URL of this environment.',
    });
  }
  return url;
}

/** `late` gets what arrives after the caller has left. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal, late: (value: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let left = false;
    const onAbort = (): void => {
      left = true;
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(
      (value) => {
        signal.removeEventListener('abort', onAbort);
        if (left) late(value);
        else resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener('abort', onAbort);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
