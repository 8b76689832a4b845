import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from '@playwright/test';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { StandIn } from '../support/electron-stand-in/driver.ts';
import { startStandIn } from '../support/electron-stand-in/driver.ts';
import { bridgePage } from '../support/electron-stand-in/page-bridge.ts';
import { browserFile, openBrowser } from '../support/rpc/browser.ts';
import { buildFixturePage, buildPreload } from '../support/rpc/build-page.ts';
import { addInPage, commandsOfPage, countInPage, floodInPage, stateOfPage, stylesInPage } from '../support/rpc/fixture-window.ts';

const entry = fileURLToPath(new URL('../support/electron-stand-in/fixture-main.ts', import.meta.url));

if (browserFile === undefined) console.log('skipped: the shell with a page needs Chromium');

describe.skipIf(browserFile === undefined)('shell, preload and a page', () => {
  let home: string;
  let browser: Browser;
  let page: Page;
  let standIn: StandIn;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'quarterdeck-shell-page-'));
    [browser] = await Promise.all([openBrowser(), buildFixturePage(join(home, 'page')), buildPreload(join(home, 'preload'))]);
  });
  afterAll(async () => {
    await browser.close();
    await rm(home, { recursive: true });
  });
  beforeEach(async () => {
    standIn = startStandIn({ entry, env: { QUARTERDECK_HOME: home } });
    await standIn.called('window.loadURL');
    page = await browser.newPage();
    await bridgePage(page, standIn, join(home, 'preload', 'index.cjs'));
  });
  afterEach(async () => {
    await page.close();
    standIn.kill();
  });

  test('the page is handed its port and calls the host', async () => {
    expect(await addInPage(page, 20, 22)).toBe(42);
    expect(await countInPage(page, 300)).toHaveLength(300);
    expect(await stateOfPage(page)).toBe('open');
  });

  test('the page has the port and nothing else of Electron or Node', async () => {
    const names = ['require', 'process', 'module', 'Buffer', 'ipcRenderer', 'electron', 'quarterdeck'];
    expect(await page.evaluate((all) => all.filter((name) => name in globalThis), names)).toEqual([]);
  });

  test('a menu entry reaches the page', async () => {
    await addInPage(page, 1, 1);
    await standIn.ask({ what: 'menu', id: 'go-journal' });
    await expect.poll(() => commandsOfPage(page)).toEqual(['go-journal']);
  });

  test('a reload gets a new port, and what the old page had open ends', async () => {
    await floodInPage(page, 'before');
    await page.reload();
    expect(await addInPage(page, 2, 2)).toBe(4);
    expect(await standIn.quit()).toBe(0);
  });

  test('a frame inside the page gets no port', async () => {
    await addInPage(page, 1, 1);
    await page.evaluate(() => {
      const { document } = globalThis as unknown as {
        document: { createElement(name: string): { src: string }; body: { append(element: unknown): void } };
      };
      const frame = document.createElement('iframe');
      frame.src = '/';
      document.body.append(frame);
    });
    // The policy forbids the frame; what is left is that nothing was handed over and the page goes on.
    expect(await addInPage(page, 2, 2)).toBe(4);
    expect(standIn.stderr()).toBe('');
  });

  test('the page runs under its policy', async () => {
    expect(await page.title()).toBe('fixture');
    expect(await stylesInPage(page)).toEqual({ withNonce: true, without: false, inline: true });
  });
});
