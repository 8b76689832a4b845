import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
import { authenticate, hasRole } from './auth.ts';
import type { ServiceConfig } from './config.ts';
import type { Faults } from './faults.ts';
import { authFailureLine, rateLimitLine, requestLines, tracebackLines } from './logs.ts';
import type { Metrics } from './metrics.ts';
import { createRateLimiter, sensitiveLimits, stormLimit } from './rate-limit.ts';
import type { Answer, Route, RouteRequest } from './routes.ts';

const maxBody = 1024 * 1024;

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBody) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}

const pattern = (path: string) => new RegExp(`^${path.replace(/\{[^}]+\}/g, '([^/]+)')}$`);

/** The HTTP side of the service: limits, authentication, roles, routing, and what each request leaves in log and metrics. */
export function createHttp(options: {
  config: ServiceConfig;
  routes: readonly Route[];
  faults: Faults;
  metrics: Metrics;
  write: (line: string) => void;
}): Server {
  const { config, faults, metrics, write } = options;
  const limiter = createRateLimiter();
  const routes = options.routes.map((route) => ({ ...route, regex: pattern(route.path) }));

  function match(method: string, path: string) {
    // The whole API is mounted twice.
    const short = path.startsWith('/api/v1/') ? path.slice('/api/v1'.length) : path;
    const found = routes.filter((route) => route.regex.test(short));
    const route = found.find((candidate) => candidate.method === method);
    return { route, known: found.length > 0, params: route?.regex.exec(short)?.slice(1) ?? [] };
  }

  /** The limit a request is over, in requests per minute, or null. */
  function limitHit(route: Route | undefined, client: string): number | null {
    const name = route === undefined ? '' : `${route.method} ${route.path}`;
    const storm = faults.isOn('rate-limit-storm') && route?.path.startsWith('/events') === true;
    if (storm && !limiter.allow('storm', client, stormLimit)) return stormLimit;
    if (config.rateLimit === null) return null;
    if (!limiter.allow('all', client, config.rateLimit)) return config.rateLimit;
    const own = sensitiveLimits[name];
    return own !== undefined && !limiter.allow(name, client, own) ? own : null;
  }

  async function answer(request: IncomingMessage, url: URL, id: string, found: ReturnType<typeof match>): Promise<Answer> {
    const { route } = found;
    const method = request.method ?? 'GET';
    const client = request.socket.remoteAddress ?? 'unknown';
    const now = new Date();
    const limit = limitHit(route, client);
    if (limit !== null) {
      write(rateLimitLine(config.logFormat, now, method, url.pathname, client));
      return {
        status: 429,
        json: {
          error: 'rate_limit_exceeded',
          message: `${limit} per 1 minute`,
          request_id: id,
        },
      };
    }
    if (route === undefined) {
      return found.known ? { status: 405, json: { detail: 'Method Not Allowed' } } : { status: 404, json: { detail: 'Not Found' } };
    }
    const auth = authenticate(config, url.pathname, request.headers, url.searchParams);
    if (!auth.ok) {
      write(authFailureLine(config.logFormat, now, method, url.pathname, client, auth.reason));
      return { status: auth.status, json: { detail: auth.detail } };
    }
    if (route.role !== undefined && !hasRole(auth.roles, route.role))
      return { status: 403, json: { detail: `Requires one of roles: ${route.role}` } };
    const handled: RouteRequest = { query: url.searchParams, params: found.params, body: () => readBody(request) };
    return route.handle(handled);
  }

  function send(request: IncomingMessage, response: ServerResponse, id: string, result: Answer): void {
    const plain = result.text !== undefined;
    let body: Buffer = Buffer.from(result.text ?? JSON.stringify(result.json));
    const type = plain ? `text/plain; ${result.status === 200 ? 'version=0.0.4; ' : ''}charset=utf-8` : 'application/json';
    const headers: Record<string, string> = {
      'content-type': type,
      server: 'uvicorn',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    };
    // The unhandled 500 is made outside the middlewares, so it carries no request id.
    if (result.status !== 500) headers['x-request-id'] = id;
    if (result.status === 429) headers['retry-after'] = '60';
    if (body.length >= 500 && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))) {
      body = gzipSync(body);
      headers['content-encoding'] = 'gzip';
      headers['vary'] = 'Accept-Encoding';
    }
    headers['content-length'] = String(body.length);
    response.writeHead(result.status, headers);
    response.end(body);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const began = performance.now();
    const id = randomUUID().slice(0, 8);
    const method = request.method ?? 'GET';
    const target = request.url ?? '/';
    // Never `new URL(target, base)` alone: `//host` in a target would be taken for an authority.
    const url = new URL(`http://service${target.startsWith('/') ? target : '/'}`);
    const found = match(method, url.pathname);
    let result: Answer;
    let trace: string[] = [];
    try {
      faults.refresh();
      if (found.route?.path !== '/metrics') await faults.delay();
      result = await answer(request, url, id, found);
    } catch (error) {
      result = { status: 500, text: 'Internal Server Error' };
      trace = tracebackLines(error);
    }
    const durationMs = performance.now() - began;
    metrics.record(found.route?.path ?? 'none', method, result.status, durationMs / 1000);
    const client = `${request.socket.remoteAddress ?? 'unknown'}:${request.socket.remotePort ?? 0}`;
    const [line = '', access = ''] = requestLines(config.logFormat, new Date(), {
      id,
      method,
      path: url.pathname,
      target,
      client,
      status: result.status,
      durationMs,
    });
    if (trace.length === 0) write(line);
    write(access);
    for (const text of trace) write(text);
    request.resume();
    if (!response.destroyed) send(request, response, id, result);
  }

  const server = createServer((request, response) => void serve(request, response));
  server.keepAliveTimeout = 5000;
  return server;
}
