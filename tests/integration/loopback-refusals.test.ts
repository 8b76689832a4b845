import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Loopback } from '../../src/main/loopback/server.ts';
import { createLoopback } from '../../src/main/loopback/server.ts';
import { createFixtureHost } from '../support/rpc/fixture-host.ts';
import type { RawAnswer } from '../support/rpc/raw-http.ts';
import { rawRequest } from '../support/rpc/raw-http.ts';
import { makeAssets, takeSession } from '../support/rpc/transports.ts';

let loopback: Loopback;
let assets: Awaited<ReturnType<typeof makeAssets>>;
let cookie: string;
let host: string;
const fixture = createFixtureHost();

beforeAll(async () => {
  assets = await makeAssets({ 'notes.txt': 'an asset', '.hidden.txt': 'hidden', 'dump.sqlite': 'not of the interface' });
  await mkdir(join(assets.folder, 'assets'));
  await writeFile(join(assets.folder, 'assets', 'main-Bq3kX9_a.js'), 'export {};');
  await symlink('/etc/hostname', join(assets.folder, 'link.txt'));
  loopback = await createLoopback({ router: fixture.router, log: fixture.log, assetsFolder: assets.folder });
  cookie = await takeSession(loopback);
  host = `127.0.0.1:${loopback.port}`;
});
afterAll(async () => {
  await loopback.close();
  await assets.remove();
});

const get = (path: string, ...headers: string[]): Promise<RawAnswer> =>
  rawRequest(loopback.port, [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...headers]);
const handshake = ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
const upgrade = (...headers: string[]): Promise<RawAnswer> =>
  // Beside the helper's `Connection: close`: the values of a doubled header are one list.
  rawRequest(loopback.port, ['GET /rpc HTTP/1.1', ...headers, ...handshake, 'Connection: Upgrade']);
const post = (body: string, ...headers: string[]): Promise<RawAnswer> =>
  rawRequest(loopback.port, ['POST /session HTTP/1.1', ...headers], body);
const json = 'Content-Type: application/json';
const claim = (): string => JSON.stringify({ token: new URL(loopback.url).hash.slice(1) });

describe('another name for this machine (DNS rebinding)', () => {
  test.each([
    ['a foreign name', () => ['Host: evil.example']],
    ['a foreign name with our port', () => [`Host: evil.example:${loopback.port}`]],
    ['our address without the port', () => ['Host: 127.0.0.1']],
    ['our address with another port', () => ['Host: 127.0.0.1:1']],
    ['another address of the loopback', () => [`Host: 127.0.0.2:${loopback.port}`]],
    ['the address in another notation', () => [`Host: 2130706433:${loopback.port}`]],
    ['a name that begins like ours', () => [`Host: localhost:${loopback.port}.evil.example`]],
    ['an empty name', () => ['Host: ']],
  ])('%s is refused', async (_, headers) => {
    for (const path of ['/', '/session', '/notes.txt'])
      expect((await rawRequest(loopback.port, [`GET ${path} HTTP/1.1`, ...headers()])).status).toBe(403);
    expect((await upgrade(...headers(), `Origin: http://${host}`, `Cookie: ${cookie}`)).status).toBe(403);
  });

  test('two names at once, or none, are refused', async () => {
    expect([400, 403]).toContain((await rawRequest(loopback.port, ['GET / HTTP/1.1', `Host: ${host}`, 'Host: evil.example'])).status);
    expect((await rawRequest(loopback.port, ['GET / HTTP/1.1'])).status).toBe(400);
    expect((await rawRequest(loopback.port, ['GET / HTTP/1.0'])).status).toBe(403);
  });

  test('localhost with our port is our name too', async () => {
    expect((await rawRequest(loopback.port, ['GET / HTTP/1.1', `Host: localhost:${loopback.port}`])).status).toBe(200);
  });
});

describe('a foreign page', () => {
  test.each([
    ['a foreign origin', () => ['Origin: http://evil.example']],
    ['another port of this machine', () => ['Origin: http://127.0.0.1:1']],
    ['https at our address', () => [`Origin: https://${host}`]],
    ['a sandboxed frame', () => ['Origin: null']],
    ['our other name', () => [`Origin: http://localhost:${loopback.port}`]],
    ['no origin at all', () => []],
    ['two origins', () => [`Origin: http://${host}`, 'Origin: http://evil.example']],
  ])('cannot post or open a socket: %s', async (_, origin) => {
    expect((await post(claim(), `Host: ${host}`, json, ...origin())).status).toBe(403);
    expect((await upgrade(`Host: ${host}`, `Cookie: ${cookie}`, ...origin())).status).toBe(403);
  });

  test('is given no CORS permission, not even when asking beforehand', async () => {
    const asked = await rawRequest(loopback.port, [
      'OPTIONS /session HTTP/1.1',
      `Host: ${host}`,
      'Origin: http://evil.example',
      'Access-Control-Request-Method: POST',
    ]);
    expect(asked.status).toBe(405);
    for (const answer of [asked, await get('/'), await get('/session')]) {
      expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });

  test('cannot post a form', async () => {
    expect((await post(claim(), `Host: ${host}`, `Origin: http://${host}`, 'Content-Type: text/plain')).status).toBe(415);
  });
});

describe('the socket', () => {
  test('needs a session', async () => {
    const own = [`Host: ${host}`, `Origin: http://${host}`];
    expect((await upgrade(...own)).status).toBe(401);
    expect((await upgrade(...own, `Cookie: quarterdeck-${loopback.port}=${'A'.repeat(43)}`)).status).toBe(401);
    expect((await upgrade(...own, `Cookie: quarterdeck-1=${cookie.split('=')[1]}`)).status).toBe(401);
    expect((await upgrade(...own, `Cookie: other=1; ${cookie}`)).status).toBe(101);
  });

  test('is at one path only', async () => {
    const answer = await rawRequest(loopback.port, [
      'GET /other HTTP/1.1',
      `Host: ${host}`,
      `Origin: http://${host}`,
      `Cookie: ${cookie}`,
      ...handshake,
      'Connection: Upgrade',
    ]);
    expect(answer.status).toBe(404);
  });

  test('a plain request there is no way in', async () => {
    expect((await get('/rpc', `Cookie: ${cookie}`)).status).toBe(404);
  });
});

describe('the files', () => {
  test.each([
    '/../package.json',
    '/%2e%2e/package.json',
    '/..%2fpackage.json',
    '/%2e%2e%2f%2e%2e%2fetc/passwd',
    '/assets/../../package.json',
    '/..\\package.json',
    '/%5c..%5cpackage.json',
    '/notes.txt%00.html',
    '//etc/passwd',
    '/etc/passwd',
    '/assets/',
    '/.hidden.txt',
    '/link.txt',
    '/dump.sqlite',
    '/%6eotes.txt',
  ])('%s is not there', async (path) => {
    const answer = await get(path);
    expect(answer.status).toBe(404);
    expect(answer.body).not.toMatch(/quarterdeck|root:|hidden/);
  });

  test('a whole address in the request line is not there either', async () => {
    expect((await get(`http://${host}/notes.txt`)).status).toBe(404);
  });

  test('are only read', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const answer = await rawRequest(loopback.port, [`${method} /notes.txt HTTP/1.1`, `Host: ${host}`, `Origin: http://${host}`]);
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toBe('GET, HEAD');
    }
    const head = await rawRequest(loopback.port, ['HEAD /notes.txt HTTP/1.1', `Host: ${host}`]);
    expect([head.status, head.body, head.headers.get('content-length')]).toEqual([200, '', '8']);
  });

  test('a query changes nothing', async () => {
    expect((await get('/notes.txt?x=1')).body).toBe('an asset');
  });
});

describe('what every answer says', () => {
  test('the page has a strict policy with a nonce of its own, and is not kept', async () => {
    const [first, second] = [await get('/'), await get('/index.html')];
    const nonces = [first, second].map(({ headers, body }) => {
      const policy = headers.get('content-security-policy') ?? '';
      const nonce = /'nonce-([\w-]{24})'/.exec(policy)?.[1] ?? '';
      expect(policy).toBe(
        `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; font-src 'self'; connect-src 'self' ws://${host}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
      );
      expect(body).toContain(`content="${nonce}"`);
      expect(headers.get('cache-control')).toBe('no-store');
      return nonce;
    });
    expect(nonces[0]).not.toBe(nonces[1]);
  });

  test('safety headers are on answers and refusals alike', async () => {
    for (const answer of [
      await get('/'),
      await get('/nothing'),
      await get('/session'),
      await rawRequest(loopback.port, ['GET / HTTP/1.1', 'Host: evil.example']),
    ]) {
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'permissions-policy': expect.stringContaining('camera=()') as string,
        'content-security-policy': expect.stringContaining("default-src 'none'") as string,
      });
      expect(answer.headers.has('server') || answer.headers.has('x-powered-by')).toBe(false);
    }
  });

  test('a hashed file may be kept for ever', async () => {
    const answer = await get('/assets/main-Bq3kX9_a.js');
    expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  });
});

test('nothing listens but 127.0.0.1', async () => {
  const others = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? [])
      .filter(({ address }) => address !== '127.0.0.1')
      .map(({ address, scopeid }) => (scopeid ? `${address}%${scopeid}` : address)),
  );
  for (const address of ['127.0.0.2', ...others]) {
    const reached = await new Promise((resolve) => {
      const socket = connect({ host: address, port: loopback.port, timeout: 1000 });
      const end = (answer: boolean) => () => {
        socket.destroy();
        resolve(answer);
      };
      socket.on('connect', end(true)).on('error', end(false)).on('timeout', end(false));
    });
    expect([address, reached]).toEqual([address, false]);
  }
});
