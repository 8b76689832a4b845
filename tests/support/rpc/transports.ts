import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import type { ContractRouterClient } from '@orpc/contract';
import { WebSocket as NodeSocket } from 'ws';
import { SESSION_PATH, SOCKET_PATH } from '../../../src/contract/wire.ts';
import type { Loopback } from '../../../src/main/loopback/server.ts';
import { createLoopback } from '../../../src/main/loopback/server.ts';
import { createRpcServer } from '../../../src/main/rpc/connection.ts';
import { createLocalClient } from '../../../src/main/rpc/local.ts';
import type { PortLike } from '../../../src/main/rpc/port-wire.ts';
import { createPortWire } from '../../../src/main/rpc/port-wire.ts';
import { createClient } from '../../../src/renderer/rpc/channel.ts';
import type { ConnectionKeeper } from '../../../src/renderer/rpc/connection.ts';
import { createConnection } from '../../../src/renderer/rpc/connection.ts';
import type { PagePort } from '../../../src/renderer/rpc/port-transport.ts';
import { createPortTransport } from '../../../src/renderer/rpc/port-transport.ts';
import { createSocketTransport } from '../../../src/renderer/rpc/socket-transport.ts';
import type { fixtureContract } from './fixture-contract.ts';
import type { FixtureHost } from './fixture-host.ts';

export type FixtureClient = ContractRouterClient<typeof fixtureContract>;

/** A client at the end of one transport. */
export interface Line {
  readonly rpc: FixtureClient;
  /** Goes away as a closed window does: without a word to the calls under way. */
  leave(): void;
  close(): Promise<void>;
}

/** The three ways to a host, each as the product wires it. */
export const transports: Record<string, (host: FixtureHost) => Promise<Line>> = {
  WebSocket: openSocketLine,
  'message port': openPortLine,
  'in process': openLocalLine,
};

/** An interface of one page, for hosts that need one. */
export async function makeAssets(files: Record<string, string> = {}): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'quarterdeck-assets-'));
  const all = { 'index.html': '<!doctype html><meta name="csp-nonce" content="__CSP_NONCE__"><title>fixture</title>', ...files };
  for (const [name, text] of Object.entries(all)) await writeFile(join(folder, name), text);
  return { folder, remove: () => rm(folder, { recursive: true }) };
}

/** Trades the host's token for a cookie, as the page does. */
export async function takeSession(loopback: Loopback): Promise<string> {
  const { origin, hash } = new URL(loopback.url);
  const response = await fetch(origin + SESSION_PATH, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ token: hash.slice(1) }),
  });
  const cookie = response.headers.get('set-cookie')?.split(';', 1)[0];
  if (cookie === undefined) throw new Error(`no session: ${response.status}`);
  return cookie;
}

/** A `WebSocket` as a browser would open it from our page: with cookie and origin. */
export function browserSocket(port: number, cookie: string): typeof WebSocket {
  return class extends NodeSocket {
    constructor(url: string) {
      super(url, { headers: { cookie }, origin: `http://127.0.0.1:${port}` });
    }
  } as unknown as typeof WebSocket;
}

/** Opens a client on a loopback host, reconnecting as the page's does. */
export function openSocketClient(loopback: Loopback, cookie: string): { rpc: FixtureClient; connection: ConnectionKeeper; close(): void } {
  const connection = createConnection();
  const transport = createSocketTransport({
    url: `ws://127.0.0.1:${loopback.port}${SOCKET_PATH}`,
    connection,
    session: async () => 'granted',
    delay: () => 20,
    WebSocket: browserSocket(loopback.port, cookie),
  });
  return { rpc: createClient<FixtureClient>(connection.source), connection, close: () => transport.close() };
}

async function openSocketLine(host: FixtureHost): Promise<Line> {
  const assets = await makeAssets();
  const loopback = await createLoopback({ router: host.router, log: host.log, assetsFolder: assets.folder });
  const client = openSocketClient(loopback, await takeSession(loopback));
  return {
    rpc: client.rpc,
    leave: client.close,
    async close() {
      client.close();
      await loopback.close();
      await assets.remove();
    },
  };
}

async function openPortLine(host: FixtureHost): Promise<Line> {
  const { port1, port2 } = new MessageChannel();
  const server = createRpcServer({ router: host.router, log: host.log });
  server.serve(createPortWire(port1 as unknown as PortLike), 'window');
  const connection = createConnection();
  const transport = createPortTransport(port2 as unknown as PagePort, { connection, onCommand: () => undefined });
  return {
    rpc: createClient<FixtureClient>(connection.source),
    leave: transport.close,
    async close() {
      transport.close();
      server.close();
    },
  };
}

async function openLocalLine(host: FixtureHost): Promise<Line> {
  const client = createLocalClient<typeof fixtureContract>({ router: host.router, log: host.log });
  return { rpc: client.rpc, leave: client.close, close: async () => client.close() };
}
