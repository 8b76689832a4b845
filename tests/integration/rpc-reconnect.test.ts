import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Problem } from '../../src/contract/problem.ts';
import type { Loopback } from '../../src/main/loopback/server.ts';
import { createLoopback } from '../../src/main/loopback/server.ts';
import { createClient } from '../../src/renderer/rpc/channel.ts';
import { createConnection } from '../../src/renderer/rpc/connection.ts';
import type { SessionState } from '../../src/renderer/rpc/session.ts';
import { createSocketTransport } from '../../src/renderer/rpc/socket-transport.ts';
import { createSubscribe } from '../../src/renderer/rpc/subscribe.ts';
import type { FixtureHost } from '../support/rpc/fixture-host.ts';
import { createFixtureHost } from '../support/rpc/fixture-host.ts';
import type { FixtureClient } from '../support/rpc/transports.ts';
import { browserSocket, makeAssets, takeSession } from '../support/rpc/transports.ts';

let host: FixtureHost;
let assets: Awaited<ReturnType<typeof makeAssets>>;
let loopback: Loopback;
let cookie: string;
let session: SessionState;
const sockets: WebSocket[] = [];

const start = async (port?: number): Promise<void> => {
  loopback = await createLoopback({
    router: host.router,
    log: host.log,
    assetsFolder: assets.folder,
    ...(port === undefined ? {} : { port }),
  });
  cookie = await takeSession(loopback);
};

beforeEach(async () => {
  host = createFixtureHost();
  assets = await makeAssets();
  session = 'granted';
  await start();
});
afterEach(async () => {
  await loopback.close();
  await assets.remove();
});

/** A `WebSocket` with the cookie of the moment, kept for the test to cut. */
function watched(port: number): typeof WebSocket {
  return new Proxy(WebSocket, {
    construct(_target, [url]: [string]) {
      const socket = new (browserSocket(port, cookie))(url);
      sockets.push(socket);
      return socket;
    },
  });
}

/** The page's client, with hands on the session's state and on the sockets it opens. */
function openPage() {
  const connection = createConnection();
  const states: string[] = [];
  connection.store.subscribe(({ state }) => states.push(state));
  const { port } = loopback;
  const transport = createSocketTransport({
    url: `ws://127.0.0.1:${port}/rpc`,
    connection,
    session: async () => session,
    delay: () => 10,
    WebSocket: watched(port),
  });
  return {
    rpc: createClient<FixtureClient>(connection.source),
    store: connection.store,
    subscribe: createSubscribe(connection.store),
    states,
    cut: () => (sockets.at(-1) as unknown as { terminate(): void }).terminate(),
    close: transport.close,
  };
}

const problemOf = async (promise: PromiseLike<unknown>): Promise<Problem> => {
  const result = await Promise.resolve(promise).catch((error: unknown) => error);
  if (!(result instanceof Problem)) throw new Error('not a problem');
  return result;
};

test('calls made before the first connection wait for it', async () => {
  const page = openPage();
  expect(page.store.getState().state).toBe('connecting');
  expect(await page.rpc.calls.add({ a: 1, b: 2 })).toEqual({ sum: 3 });
  page.close();
});

test('a call under way when the line drops ends as unknown, and is not sent again', async () => {
  const page = openPage();
  const call = problemOf(page.rpc.calls.hang({ name: 'cut' }));
  await vi.waitFor(() => expect(host.hanging.has('cut')).toBe(true));
  host.hanging.delete('cut');
  page.cut();
  const problem = await call;
  expect([problem.code, problem.data.retryable]).toEqual(['outcome-unknown', false]);
  expect((await problemOf(page.rpc.calls.add({ a: 1, b: 2 }))).code).toBe('not-connected');
  await vi.waitFor(() => expect(page.store.getState().state).toBe('open'));
  expect(await page.rpc.calls.add({ a: 1, b: 2 })).toEqual({ sum: 3 });
  expect(host.hanging.has('cut')).toBe(false);
  expect(page.states).toEqual(['open', 'lost', 'open']);
  page.close();
});

test('a subscription goes on after the line is back, from where its factory says', async () => {
  const page = openPage();
  const controller = new AbortController();
  const got: number[] = [];
  const again = vi.fn();
  const onProblem = vi.fn();
  let names = 0;
  page.subscribe(
    (signal) => {
      names += 1;
      return page.rpc.streams.feed({ name: `sub-${names}`, capacity: 100 }, { signal });
    },
    (item) => {
      if (item.kind === 'numbers') got.push(...item.numbers);
    },
    { signal: controller.signal, onAgain: again, onProblem },
  );
  (await vi.waitUntil(() => host.feeds.get('sub-1'))).push({ kind: 'numbers', numbers: [1] });
  await vi.waitFor(() => expect(got).toEqual([1]));
  page.cut();
  (await vi.waitUntil(() => host.feeds.get('sub-2'))).push({ kind: 'numbers', numbers: [2] });
  await vi.waitFor(() => expect(got).toEqual([1, 2]));
  expect(again).toHaveBeenCalledTimes(1);
  expect(host.live).toBe(1);
  controller.abort();
  await vi.waitFor(() => expect(host.live).toBe(0));
  expect(onProblem).not.toHaveBeenCalled();
  page.close();
});

test('a subscription ends when the host ends it, and tells of a problem once', async () => {
  const page = openPage();
  const onEnd = vi.fn();
  const onProblem = vi.fn();
  const signal = new AbortController().signal;
  page.subscribe(
    (own) => page.rpc.streams.count({ to: 3 }, { signal: own }),
    () => undefined,
    { signal, onEnd },
  );
  page.subscribe(
    (own) => page.rpc.streams.refuse({ after: 1 }, { signal: own }),
    () => undefined,
    { signal, onProblem },
  );
  await vi.waitFor(() => expect(onEnd).toHaveBeenCalledTimes(1));
  await vi.waitFor(() => expect(onProblem).toHaveBeenCalledTimes(1));
  expect(onProblem.mock.calls[0]?.[0]).toMatchObject({ code: 'ssh-connection-lost' });
  page.close();
});

test('a host started anew at the same port needs a new token, and the page says so instead of knocking on', async () => {
  const page = openPage();
  await vi.waitFor(() => expect(page.store.getState().state).toBe('open'));
  const { port } = loopback;
  session = 'unreachable';
  await loopback.close();
  await vi.waitFor(() => expect(page.store.getState().attempt).toBeGreaterThan(2));
  expect(page.store.getState().state).toBe('lost');
  await start(port);
  session = 'refused';
  await vi.waitFor(() => expect(page.store.getState().state).toBe('needs-token'));
  expect((await problemOf(page.rpc.calls.add({ a: 1, b: 2 }))).code).toBe('unauthenticated');
  page.close();
});
