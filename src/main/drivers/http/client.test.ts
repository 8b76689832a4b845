import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpClient } from './client.ts';
import type { HttpClient } from './types.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A server that talks raw bytes: `talk` gets each connection with the requests seen on it. */
async function serve(
  talk: (socket: Socket, request: string, nth: number) => void,
): Promise<{ origin: string; requests: string[]; connections: () => number }> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    const nth = connections;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      requests.push(text);
      const request = text;
      text = '';
      talk(socket, request, nth);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  return { origin: `http://127.0.0.1:${address.port}`, requests, connections: () => connections };
}

function client(): HttpClient {
  const http = createHttpClient({
    connect: async (host, port) => {
      const socket = connect({ host, port });
      await once(socket, 'connect');
      return socket;
    },
  });
  closers.push(() => http.close());
  return http;
}

const ok = (body = 'ok', extra = '') => `HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${extra}\r\n${body}`;

describe('answers', () => {
  it('gives any status whole, with lower-case headers and a latency', async () => {
    const { origin } = await serve((socket) =>
      socket.write('HTTP/1.1 503 Nope\r\nX-Thing: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'),
    );
    const answer = await client().request({ method: 'GET', url: `${origin}/a?b=1` });
    expect(answer).toMatchObject({ outcome: 'done', status: 503, headers: { 'x-thing': 'a' } });
    if (answer.outcome === 'done') {
      expect(answer.body.toString()).toBe('hello');
      expect(answer.latencyMs).toBeGreaterThan(0);
      expect(answer.closeDelimited).toBeUndefined();
    }
  });

  it('does not follow a redirect, so no credential reaches another place', async () => {
    const elsewhere = await serve((socket) => socket.write(ok('stolen')));
    const { origin } = await serve((socket) =>
      socket.write(`HTTP/1.1 307 Temporary Redirect\r\nLocation: ${elsewhere.origin}/x\r\nContent-Length: 0\r\n\r\n`),
    );
    const answer = await client().request({ method: 'GET', url: `${origin}/`, headers: { 'X-API-Key': 'key' } });
    expect(answer).toMatchObject({ outcome: 'done', status: 307, headers: { location: `${elsewhere.origin}/x` } });
    expect(elsewhere.connections()).toBe(0);
  });

  it('keeps a connection for the next GET, but never uses it for a POST', async () => {
    const { origin, connections } = await serve((socket) => socket.write(ok()));
    const http = client();
    for (let i = 0; i < 3; i++) expect((await http.request({ method: 'GET', url: origin })).outcome).toBe('done');
    expect(connections()).toBe(1);
    expect((await http.request({ method: 'POST', url: origin, body: 'x' })).outcome).toBe('done');
    expect(connections()).toBe(2);
  });

  it('asks a GET again on a fresh connection when the kept one turned out closed', async () => {
    let answered = 0;
    const { origin, connections } = await serve((socket, _, nth) => {
      if (nth === 1 && answered > 0) return void socket.resetAndDestroy();
      answered += 1;
      socket.write(ok());
    });
    const http = client();
    expect((await http.request({ method: 'GET', url: origin })).outcome).toBe('done');
    expect((await http.request({ method: 'GET', url: origin })).outcome).toBe('done');
    expect(connections()).toBe(2);
  });

  it('excludes the time to connect from the latency', async () => {
    const { origin } = await serve((socket) => socket.write(ok()));
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const http = createHttpClient({
      connect: async (host, port) => {
        await held;
        const socket = connect({ host, port });
        await once(socket, 'connect');
        return socket;
      },
    });
    closers.push(() => http.close());
    const began = performance.now();
    const pending = http.request({ method: 'GET', url: origin });
    await new Promise((resolve) => setTimeout(resolve, 60));
    release();
    const answer = await pending;
    const whole = performance.now() - began;
    expect(answer.outcome === 'done' && answer.latencyMs < whole - 50).toBe(true);
  });
});

describe('what was not seen', () => {
  const cuts: [string, string][] = [
    ['in the status line', 'HTTP/1.1 20'],
    ['in the headers', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['in a body with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'],
    ['in a body with a length on a closing connection', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\nhalf'],
    ['in a chunked body', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
    [
      'in a chunked body on a closing connection',
      'HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
    ],
    ['before anything came', ''],
  ];
  for (const end of ['end', 'reset'] as const) {
    it.each(cuts)(`cut %s by ${end}: a GET failed, a POST is unknown`, async (_, bytes) => {
      const { origin, requests } = await serve((socket) =>
        socket.write(bytes, () => (end === 'end' ? socket.end() : socket.resetAndDestroy())),
      );
      const http = client();
      expect(await http.request({ method: 'GET', url: origin })).toMatchObject({
        outcome: 'failed',
        problem: { code: 'http-unreachable', retryable: true },
      });
      expect(await http.request({ method: 'POST', url: origin })).toMatchObject({
        outcome: 'unknown',
        problem: { code: 'outcome-unknown', retryable: false },
      });
      expect(requests.filter((request) => request.startsWith('POST'))).toHaveLength(1);
    });
  }

  it('flags a GET whose body ends with the connection, and calls a POST unknown then', async () => {
    const { origin } = await serve((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nmaybe whole'));
    const http = client();
    expect(await http.request({ method: 'GET', url: origin })).toMatchObject({ outcome: 'done', closeDelimited: true });
    expect(await http.request({ method: 'POST', url: origin })).toMatchObject({ outcome: 'unknown', problem: { code: 'outcome-unknown' } });
  });

  it('is unknown when a sent POST is not answered in time, and the connection is given up', async () => {
    const { origin } = await serve(() => undefined);
    const http = client();
    expect(await http.request({ method: 'POST', url: origin, timeoutMs: 50 })).toMatchObject({
      outcome: 'unknown',
      problem: { code: 'timed-out' },
    });
    expect(await http.request({ method: 'GET', url: origin, timeoutMs: 50 })).toMatchObject({
      outcome: 'failed',
      problem: { code: 'timed-out' },
    });
  });

  it('ends a body that drips for ever', async () => {
    const { origin } = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n');
      const timer = setInterval(() => socket.write('x'), 5);
      socket.on('close', () => clearInterval(timer));
    });
    expect(await client().request({ method: 'GET', url: origin, timeoutMs: 80 })).toMatchObject({
      outcome: 'failed',
      problem: { code: 'timed-out' },
    });
  });

  it('refuses a giant body without keeping it', async () => {
    const { origin } = await serve((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const chunk = Buffer.alloc(65_536, 120);
      const more = () => {
        while (!socket.destroyed && socket.write(Buffer.concat([Buffer.from('10000\r\n'), chunk, Buffer.from('\r\n')])));
      };
      socket.on('drain', more);
      more();
    });
    const http = client();
    expect(await http.request({ method: 'GET', url: origin, maxBytes: 200_000 })).toMatchObject({
      outcome: 'failed',
      problem: { code: 'http-unexpected' },
    });
    expect(await http.request({ method: 'POST', url: origin, maxBytes: 200_000 })).toMatchObject({
      outcome: 'unknown',
      problem: { code: 'http-unexpected' },
    });
  });

  it('calls what is not HTTP unexpected', async () => {
    const { origin } = await serve((socket) => socket.write('SSH-2.0-OpenSSH\r\n\r\n'));
    expect(await client().request({ method: 'GET', url: origin })).toMatchObject({
      outcome: 'failed',
      problem: { code: 'http-unexpected' },
    });
  });

  it('takes a whole answer that is followed by a reset', async () => {
    const { origin } = await serve((socket) => socket.write(ok('all'), () => socket.resetAndDestroy()));
    expect(await client().request({ method: 'POST', url: origin })).toMatchObject({ outcome: 'done', status: 200 });
  });
});

describe('what was certainly not sent', () => {
  it('is failed when nothing listens, also for a POST', async () => {
    expect(await client().request({ method: 'POST', url: 'http://127.0.0.1:1/' })).toMatchObject({
      outcome: 'failed',
      problem: { code: 'http-unreachable', retryable: true },
    });
  });

  it('is failed when the tunnel is not there in time, and closes it when it comes late', async () => {
    const { origin } = await serve((socket) => socket.write(ok()));
    const port = Number(new URL(origin).port);
    let late: (socket: Socket) => void = () => undefined;
    const http = createHttpClient({ connect: () => new Promise((resolve) => (late = resolve)) });
    closers.push(() => http.close());
    expect(await http.request({ method: 'POST', url: origin, timeoutMs: 30 })).toMatchObject({
      outcome: 'failed',
      problem: { code: 'timed-out' },
    });
    const socket = connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    late(socket);
    await once(socket, 'close');
  });

  it('is failed when a header could not be sent, without showing it', async () => {
    const { origin, requests } = await serve((socket) => socket.write(ok()));
    const answer = await client().request({ method: 'POST', url: origin, headers: { 'X-API-Key': 'secret\nvalue' } });
    expect(answer.outcome).toBe('failed');
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(requests).toHaveLength(0);
  });

  it('refuses credentials in the URL', async () => {
    await expect(client().request({ method: 'GET', url: 'http://user:pass@127.0.0.1/' })).rejects.toMatchObject({ code: 'bad-input' });
  });

  it('tells a cancelled POST apart by whether it was sent', async () => {
    const { origin, requests } = await serve(() => undefined);
    const http = client();
    expect(await http.request({ method: 'POST', url: origin, signal: AbortSignal.abort() })).toMatchObject({
      outcome: 'failed',
      problem: { code: 'cancelled' },
    });
    const controller = new AbortController();
    const pending = http.request({ method: 'POST', url: origin, signal: controller.signal });
    await expect.poll(() => requests.length).toBe(1);
    controller.abort();
    expect(await pending).toMatchObject({ outcome: 'unknown', problem: { code: 'cancelled' } });
  });
});
