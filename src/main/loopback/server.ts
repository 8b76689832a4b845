import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { Problem } from '../../contract/problem.ts';
import { SESSION_PATH, SOCKET_PATH } from '../../contract/wire.ts';
import type { Assets } from '../pages/assets.ts';
import { loadAssets } from '../pages/assets.ts';
import type { PageAnswer } from '../pages/respond.ts';
import { answerPage, refusal } from '../pages/respond.ts';
import type { RpcServer, RpcServerOptions } from '../rpc/connection.ts';
import { createRpcServer } from '../rpc/connection.ts';
import type { Origins } from './origins.ts';
import { createOrigins } from './origins.ts';
import { answerSession } from './session-route.ts';
import type { Sessions } from './sessions.ts';
import { createSessions } from './sessions.ts';
import { createSocketWire } from './socket-wire.ts';

export interface LoopbackOptions extends RpcServerOptions {
  /** Where the built interface is. */
  readonly assetsFolder: string;
  /** 0 or absent: any free one. There is no default. */
  readonly port?: number;
}

/** A host that is being served on 127.0.0.1. */
export interface Loopback {
  readonly port: number;
  /** The address with the one-time token; it is printed once and kept nowhere else. */
  readonly url: string;
  /** Open WebSockets. */
  readonly connections: number;
  close(): Promise<void>;
}

const MAX_MESSAGE = 8 * 1024 * 1024;

interface Doors {
  readonly assets: Assets;
  readonly origins: Origins;
  readonly sessions: Sessions;
  readonly rpc: RpcServer;
  readonly sockets: WebSocketServer;
}

/**
 * Serves interface and host on 127.0.0.1 to the browser of whoever can read the address. Every request must name this
 * host exactly; whatever changes something must come from our own page; calls need the session cookie.
 * @throws Problem `conflict` when the port can't be taken
 * @throws Error when the interface is not built
 */
export async function createLoopback({ assetsFolder, port = 0, ...rpcOptions }: LoopbackOptions): Promise<Loopback> {
  const assets = await loadAssets(assetsFolder);
  const server = createServer({ requestTimeout: 15_000, headersTimeout: 10_000, maxHeaderSize: 16 * 1024 });
  server.listen({ host: '127.0.0.1', port, exclusive: true });
  await once(server, 'listening').catch((error: unknown) => {
    throw notListening(error, port);
  });
  const actual = (server.address() as AddressInfo).port;

  const rpc = createRpcServer(rpcOptions);
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE, perMessageDeflate: false, clientTracking: true });
  const sessions = createSessions(actual);
  const doors: Doors = { assets, origins: createOrigins(actual), sessions, rpc, sockets };

  server.on('request', (request, response) => {
    answer(request, doors).then(
      (page) => send(response, request, page),
      (error: unknown) => {
        rpcOptions.log.error('request failed', { error: error instanceof Error ? error.message : typeof error });
        send(response, request, refusal(500, 'Something went wrong.'));
      },
    );
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => upgrade(request, socket, head, doors));

  return {
    port: actual,
    url: `http://127.0.0.1:${actual}/#${sessions.token}`,
    get connections() {
      return rpc.connections;
    },
    close: () => shut(server, doors),
  };
}

function notListening(error: unknown, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE')
    return new Problem('conflict', `Port ${port} of 127.0.0.1 is in use already.`, { hint: 'Name another, or none to take any free one.' });
  if (code === 'EACCES')
    return new Problem('conflict', `Port ${port} of 127.0.0.1 is not for this user to take.`, {
      hint: 'Name one above 1023, or none to take any free one.',
    });
  return error;
}

async function answer(request: IncomingMessage, { assets, origins, sessions }: Doors): Promise<PageAnswer> {
  const host = origins.host(request);
  if (host === undefined) return refusal(403, 'This is not the name of this host.');
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  if (path === SESSION_PATH) return answerSession(request, { origins, sessions });
  return answerPage(assets, { method: request.method ?? '', path, socket: `ws://${host}` });
}

function send(response: ServerResponse, request: IncomingMessage, { status, headers, body }: PageAnswer): void {
  const length = Buffer.byteLength(body);
  // An answer before the end of the body (too long, refused) ends the connection instead of reading on.
  if (!request.complete) response.setHeader('connection', 'close');
  response.writeHead(status, status === 204 ? headers : { ...headers, 'content-length': String(length) });
  response.end(request.method === 'HEAD' || status === 204 ? undefined : body);
}

function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, { origins, sessions, sockets, rpc }: Doors): void {
  socket.on('error', () => socket.destroy());
  const refused = refusalOf(request, { origins, sessions });
  if (refused !== undefined) {
    socket.end(`HTTP/1.1 ${refused}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    return;
  }
  sockets.handleUpgrade(request, socket, head, (ws) => {
    rpc.serve(createSocketWire(ws), 'browser');
  });
}

/** Why a request may not become a socket. */
function refusalOf(request: IncomingMessage, { origins, sessions }: Pick<Doors, 'origins' | 'sessions'>): string | undefined {
  if (!origins.own(request)) return '403 Forbidden';
  if (!sessions.admits(request.headers.cookie)) return '401 Unauthorized';
  return request.url === SOCKET_PATH ? undefined : '404 Not Found';
}

async function shut(server: Server, { rpc, sockets }: Doors): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  rpc.close();
  server.closeAllConnections();
  // The browser has a moment to say goodbye, and is then not waited for.
  const deadline = setTimeout(() => {
    for (const client of sockets.clients) client.terminate();
  }, 500);
  await closed;
  clearTimeout(deadline);
  for (const client of sockets.clients) client.terminate();
  sockets.close();
}
