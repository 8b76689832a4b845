import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Loopback } from '../../src/main/loopback/server.ts';
import { createLoopback } from '../../src/main/loopback/server.ts';
import { browserFile, openBrowser } from '../support/rpc/browser.ts';
import { buildFixturePage } from '../support/rpc/build-page.ts';
import type { FixtureHost } from '../support/rpc/fixture-host.ts';
import { createFixtureHost } from '../support/rpc/fixture-host.ts';
import { addInPage, countInPage, floodInPage, stateOfPage, stylesInPage } from '../support/rpc/fixture-window.ts';

if (browserFile === undefined) console.log('skipped: loopback pages in a browser need Chromium');

describe.skipIf(browserFile === undefined)('a page of the loopback host', () => {
  let folder: string;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let host: FixtureHost;
  let loopback: Loopback;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quarterdeck-page-'));
    [browser] = await Promise.all([openBrowser(), buildFixturePage(folder)]);
  });
  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    host = createFixtureHost();
    loopback = await createLoopback({ router: host.router, log: host.log, assetsFolder: folder });
    context = await browser.newContext();
    page = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    await loopback.close();
  });

  test('takes its session from the address, which then holds no token', async () => {
    await page.goto(loopback.url);
    expect(await addInPage(page, 1, 2)).toBe(3);
    expect(page.url()).toBe(`http://127.0.0.1:${loopback.port}/`);
    expect(await page.evaluate('document.cookie')).toBe('');
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ name: `quarterdeck-${loopback.port}`, httpOnly: true, sameSite: 'Strict', domain: '127.0.0.1' });
    await page.goBack().catch(() => null);
    expect(page.url()).not.toContain('#');
  });

  test('survives a reload and a second tab by its cookie', async () => {
    await page.goto(loopback.url);
    await addInPage(page, 1, 2);
    await page.reload();
    expect(await addInPage(page, 2, 3)).toBe(5);
    const second = await context.newPage();
    await second.goto(loopback.url);
    expect(await addInPage(second, 3, 4)).toBe(7);
  });

  test('says that it needs a token when it has none, and when another has used it', async () => {
    await page.goto(new URL('/', loopback.url).href);
    await expect.poll(() => stateOfPage(page)).toBe('needs-token');
    await page.goto(loopback.url);
    await page.reload();
    await addInPage(page, 1, 2);
    const other = await browser.newContext();
    const late = await other.newPage();
    await late.goto(loopback.url);
    await expect.poll(() => stateOfPage(late)).toBe('needs-token');
    await other.close();
  });

  test('reads streams; closing the tab ends them', async () => {
    await page.goto(loopback.url);
    expect(await countInPage(page, 300)).toHaveLength(300);
    await floodInPage(page, 'tab');
    await expect.poll(() => host.made.get('tab') ?? 0).toBeGreaterThan(100);
    await page.close();
    await expect.poll(() => [host.live, loopback.connections]).toEqual([0, 0]);
  });

  test('runs under its policy: no inline script, style elements only with the nonce, styles by script', async () => {
    await page.goto(loopback.url);
    expect(await page.title()).toBe('fixture');
    expect(await stylesInPage(page)).toEqual({ withNonce: true, without: false, inline: true });
  });

  test('a page of another port of this machine gets nothing, though it is of the same site', async () => {
    await page.goto(loopback.url);
    await addInPage(page, 1, 2);
    const foreign = await createLoopback({ router: host.router, log: host.log, assetsFolder: folder });
    try {
      const attacker = await context.newPage();
      await context.route(`http://127.0.0.1:${foreign.port}/evil`, (route) =>
        route.fulfill({ contentType: 'text/html', body: '<title>evil</title>' }),
      );
      await attacker.goto(`http://127.0.0.1:${foreign.port}/evil`);
      const outcome = await attacker.evaluate(async (port) => {
        const { WebSocket: Socket, fetch: get } = globalThis;
        const socket = await new Promise((resolve) => {
          const ws = new Socket(`ws://127.0.0.1:${port}/rpc`);
          ws.onopen = () => resolve('open');
          ws.onerror = () => resolve('refused');
        });
        const read = await get(`http://127.0.0.1:${port}/session`, { credentials: 'include' }).then(
          () => 'read',
          () => 'refused',
        );
        return { socket, read };
      }, loopback.port);
      expect(outcome).toEqual({ socket: 'refused', read: 'refused' });
    } finally {
      await foreign.close();
    }
  });
});
