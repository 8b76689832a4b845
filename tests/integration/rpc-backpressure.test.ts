import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket as NodeSocket } from 'ws';
import type { Loopback } from '../../src/main/loopback/server.ts';
import { createLoopback } from '../../src/main/loopback/server.ts';
import { createRpcServer } from '../../src/main/rpc/connection.ts';
import type { PortLike } from '../../src/main/rpc/port-wire.ts';
import { createPortWire } from '../../src/main/rpc/port-wire.ts';
import type { FixtureHost } from '../support/rpc/fixture-host.ts';
import { createFixtureHost } from '../support/rpc/fixture-host.ts';
import { makeAssets, openSocketClient, takeSession } from '../support/rpc/transports.ts';

const KB64 = 64 * 1024;
let host: FixtureHost;
let loopback: Loopback;
let assets: Awaited<ReturnType<typeof makeAssets>>;

beforeEach(async () => {
  host = createFixtureHost();
  assets = await makeAssets();
  loopback = await createLoopback({
    router: host.router,
    log: host.log,
    assetsFolder: assets.folder,
    limits: { highWater: 256 * 1024, giveUp: 4 * 1024 * 1024 },
  });
});
afterEach(async () => {
  await loopback.close();
  await assets.remove();
});

/** Waits until a number stays the same for a while: nothing else tells that a stream stands still. */
async function settled(value: () => number | undefined): Promise<number> {
  for (let last = -1; ; ) {
    const now = value() ?? 0;
    if (now === last && now > 0) return now;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

const floodRequest = (name: string): string => JSON.stringify({ i: '1', p: { u: '/streams/flood', b: { json: { name, size: KB64 } } } });

async function openStalled(cookie: string): Promise<{ ws: NodeSocket; socket: Socket }> {
  const ws = new NodeSocket(`ws://127.0.0.1:${loopback.port}/rpc`, { headers: { cookie }, origin: `http://127.0.0.1:${loopback.port}` });
  await once(ws, 'open');
  const { _socket: socket } = ws as unknown as { _socket: Socket };
  return { ws, socket };
}

test('a browser that stops reading holds its streams back, and they go on when it reads again', async () => {
  const { ws, socket } = await openStalled(await takeSession(loopback));
  ws.send(floodRequest('stalled'));
  await once(ws, 'message');
  socket.pause();
  const stood = await settled(() => host.made.get('stalled'));
  // What the system buffers on both ends is not ours; megabytes of it are normal, hundreds are not.
  expect(stood * KB64).toBeLessThan(64 * 1024 * 1024);
  socket.resume();
  await expect.poll(() => host.made.get('stalled') ?? 0).toBeGreaterThan(stood + 100);
  ws.terminate();
  await expect.poll(() => host.live).toBe(0);
});

test('one stalled reader does not hold back another', async () => {
  const cookie = await takeSession(loopback);
  const { ws, socket } = await openStalled(cookie);
  ws.send(floodRequest('stalled'));
  await once(ws, 'message');
  socket.pause();
  await settled(() => host.made.get('stalled'));
  const other = openSocketClient(loopback, cookie);
  expect(await other.rpc.calls.add({ a: 1, b: 2 })).toEqual({ sum: 3 });
  other.close();
  ws.terminate();
});

test('a client that asks and never reads is cut off before it fills the memory', async () => {
  const { ws, socket } = await openStalled(await takeSession(loopback));
  socket.pause();
  const text = 'x'.repeat(KB64);
  let asked = 0;
  while (ws.readyState === NodeSocket.OPEN && loopback.connections === 1 && asked < 5000) {
    asked += 1;
    ws.send(JSON.stringify({ i: String(asked), p: { u: '/calls/echo', b: { json: { text } } } }));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await expect.poll(() => loopback.connections).toBe(0);
  ws.terminate();
});

test('a page that does not take its frames off the port holds its streams back too', async () => {
  const { port1, port2 } = new MessageChannel();
  const server = createRpcServer({ router: host.router, log: host.log, limits: { highWater: 256 * 1024 } });
  server.serve(createPortWire(port1 as unknown as PortLike), 'window');
  let frames = 0;
  let answer = false;
  port2.on('message', (frame) => {
    if (typeof frame !== 'string') return;
    frames += 1;
    if (answer) port2.postMessage(frames);
  });
  port2.postMessage(floodRequest('port'));
  const stood = await settled(() => host.made.get('port'));
  expect(stood * KB64).toBeLessThan(2 * 256 * 1024);
  answer = true;
  port2.postMessage(frames);
  await expect.poll(() => host.made.get('port') ?? 0).toBeGreaterThan(stood + 100);
  server.close();
  await expect.poll(() => host.live).toBe(0);
});

test('what is not a message is survived, and noted without its content', async () => {
  const { ws } = await openStalled(await takeSession(loopback));
  for (const nonsense of [
    '',
    'hunter2',
    '{}',
    '[]',
    'null',
    '{"i":1,"p":{"u":"/calls/add"}}',
    '{"i":"9","p":{"u":"/calls/__proto__","b":{}}}',
    '{"i":"10","p":{"u":"::"}}',
  ])
    ws.send(nonsense);
  const answers: string[] = [];
  ws.on('message', (data: Buffer) => answers.push(data.toString()));
  ws.send(JSON.stringify({ i: 'ok', p: { u: '/calls/add', b: { json: { a: 1, b: 2 } } } }));
  await expect.poll(() => answers.join()).toContain('"sum":3');
  expect(JSON.stringify(host.log.lines)).not.toContain('hunter2');
  ws.terminate();
});

test('bytes that are no WebSocket end that connection only', async () => {
  const cookie = await takeSession(loopback);
  const { ws, socket } = await openStalled(cookie);
  const closed = once(ws, 'close');
  socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
  await closed;
  const raw = connect(loopback.port, '127.0.0.1');
  raw.end('\0\0\0\r\n\r\n');
  await once(raw.resume(), 'close');
  expect((await fetch(`http://127.0.0.1:${loopback.port}/`)).status).toBe(200);
});
