import { afterEach, beforeEach, expect, test } from 'vitest';
import { portFrom, serve } from '../../src/main/loopback/serve.ts';
import type { Loopback } from '../../src/main/loopback/server.ts';
import { createLoopback } from '../../src/main/loopback/server.ts';
import { createSessions } from '../../src/main/loopback/sessions.ts';
import { claimSession } from '../../src/renderer/rpc/session.ts';
import { createFixtureHost } from '../support/rpc/fixture-host.ts';
import { makeAssets, openSocketClient, takeSession } from '../support/rpc/transports.ts';

let loopback: Loopback;
let assets: Awaited<ReturnType<typeof makeAssets>>;
const host = createFixtureHost();

beforeEach(async () => {
  assets = await makeAssets();
  loopback = await createLoopback({ router: host.router, log: host.log, assetsFolder: assets.folder });
});
afterEach(async () => {
  await loopback.close();
  await assets.remove();
});

/** A page in a browser with a cookie jar, at the given address. */
function openPage(url: string, jar: { cookie?: string } = {}) {
  const { origin, hash } = new URL(url);
  const page = {
    bar: url,
    posts: 0,
    location: { hash, pathname: '/', search: '' },
    history: {
      replaceState: (_data: unknown, _unused: string, to: string) => {
        page.bar = origin + to;
      },
    },
    fetch: async (path: string, init: RequestInit = {}) => {
      if (init.method === 'POST') page.posts += 1;
      // The token has left the address bar before anything is sent.
      expect(page.bar).not.toContain('#');
      const response = await fetch(origin + path, {
        ...init,
        headers: { ...(init.headers as Record<string, string>), origin, cookie: jar.cookie ?? '' },
      });
      const set = response.headers.get('set-cookie');
      if (set !== null) jar.cookie = set.split(';', 1)[0] ?? '';
      return response;
    },
  };
  return page;
}

test('the token becomes a cookie scripts cannot read, once', async () => {
  const { origin, hash } = new URL(loopback.url);
  const claim = () =>
    fetch(`${origin}/session`, {
      method: 'POST',
      headers: { origin, 'content-type': 'application/json' },
      body: JSON.stringify({ token: hash.slice(1) }),
    });
  const first = await claim();
  expect(first.status).toBe(204);
  expect(first.headers.get('set-cookie')).toMatch(
    new RegExp(`^quarterdeck-${loopback.port}=[\\w-]{43}; HttpOnly; SameSite=Strict; Path=/$`),
  );
  expect(first.headers.get('set-cookie')).not.toContain(hash.slice(1));
  const second = await claim();
  expect([second.status, second.headers.get('set-cookie')]).toEqual([403, null]);
});

test('a page trades its token, survives a reload, and keeps its session when the address is opened again', async () => {
  const jar = {};
  const page = openPage(loopback.url, jar);
  expect(await claimSession(page)).toBe('granted');
  expect(page.bar).toBe(new URL('/', loopback.url).href);
  const reloaded = openPage(page.bar, jar);
  expect([await claimSession(reloaded), reloaded.posts]).toEqual(['granted', 0]);
  expect(await claimSession(openPage(loopback.url, jar))).toBe('granted');
});

test('another browser with the used token, and one without any, are told they need one', async () => {
  await takeSession(loopback);
  expect(await claimSession(openPage(loopback.url))).toBe('refused');
  expect(await claimSession(openPage(new URL('/', loopback.url).href))).toBe('refused');
});

test('a host that is not there is no refusal', async () => {
  const page = openPage(new URL('/', loopback.url).href);
  await loopback.close();
  expect(await claimSession(page)).toBe('unreachable');
});

test.each([
  ['{"token":"short"}'],
  ['{"token":1}'],
  ['[]'],
  ['not json'],
  [`{"token":"${'A'.repeat(5000)}"}`],
  [`{"token":"${'A'.repeat(43)}","more":1}`],
])('%.40s is not a token', async (body) => {
  const { origin } = new URL(loopback.url);
  const response = await fetch(`${origin}/session`, { method: 'POST', headers: { origin, 'content-type': 'application/json' }, body });
  expect(response.status).toBe(400);
});

test('guessing is slowed down, and does not use the token up', () => {
  let now = 0;
  const sessions = createSessions(1, () => now);
  const wrong = 'A'.repeat(43);
  expect(Array.from({ length: 12 }, () => sessions.claim(wrong))).toEqual([...Array.from({ length: 10 }, () => 'wrong'), 'wait', 'wait']);
  expect(sessions.claim(sessions.token)).toBe('wait');
  now = 60_001;
  expect(sessions.claim(sessions.token)).toEqual({ session: expect.stringMatching(/^[\w-]{43}$/) as string });
  expect(sessions.claim(sessions.token)).toBe('used');
});

test('serving prints one line when it is ready, and closes the way in before the host', async () => {
  const order: string[] = [];
  const lines: string[] = [];
  const serving = await serve({
    openHost: async () => ({ router: host.router, close: async () => void order.push('host') }),
    assetsFolder: assets.folder,
    log: host.log,
    print: (line) => lines.push(line),
  });
  expect(lines).toEqual([`Quarterdeck is ready: ${serving.url}`]);
  expect(serving.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#[\w-]{43}$/);
  await Promise.all([serving.close(), serving.close()]);
  expect(order).toEqual(['host']);
  await expect(fetch(serving.url)).rejects.toThrow();
});

test('an interface that was not built is said so, and the host is closed', async () => {
  let closed = 0;
  const openHost = async () => ({
    router: host.router,
    close: async () => {
      closed += 1;
    },
  });
  await expect(serve({ openHost, assetsFolder: '/nonexistent', log: host.log, print: () => undefined })).rejects.toThrow();
  expect(closed).toBe(1);
});

test('closing does not wait for clients, whatever they are doing', async () => {
  const client = openSocketClient(loopback, await takeSession(loopback));
  const call = client.rpc.calls.hang({ name: 'closing' }).catch((error: unknown) => error);
  await expect.poll(() => host.hanging.has('closing')).toBe(true);
  await loopback.close();
  expect(await call).toMatchObject({ code: 'outcome-unknown' });
  client.close();
  await expect.poll(() => host.aborted.has('closing')).toBe(true);
});

test('QUARTERDECK_PORT is a port or nothing', () => {
  expect([portFrom({}), portFrom({ QUARTERDECK_PORT: '' }), portFrom({ QUARTERDECK_PORT: '4711' })]).toEqual([undefined, undefined, 4711]);
  for (const wrong of ['0', '-1', '65536', '80a', '1e3', ' 80']) expect(() => portFrom({ QUARTERDECK_PORT: wrong })).toThrow(RangeError);
});
