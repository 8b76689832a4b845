import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from '@playwright/test';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { StandIn } from '../support/electron-stand-in/driver.ts';
import { startStandIn } from '../support/electron-stand-in/driver.ts';
import { bridgePage } from '../support/electron-stand-in/page-bridge.ts';
import { browserFile, openBrowser } from '../support/rpc/browser.ts';

const built = (path: string): string => fileURLToPath(new URL(`../../out/${path}`, import.meta.url));

/** The bundles exactly as they are shipped: `npm test` builds them first. */
describe('the built desktop app', () => {
  let home: string;
  let standIn: StandIn;

  beforeAll(async () => {
    for (const file of ['main/index.js', 'preload/index.cjs', 'renderer/index.html']) {
      if (!existsSync(built(file))) throw new Error(`out/${file} is not there: run "npm run build"`);
    }
    home = await mkdtemp(join(tmpdir(), 'quarterdeck-bundle-'));
    standIn = startStandIn({ entry: built('main/index.js'), env: { QUARTERDECK_HOME: home } });
    await standIn.called('window.loadURL');
  });
  afterAll(async () => {
    standIn.kill();
    await rm(home, { recursive: true });
  });

  test('starts, and asks Electron for a locked-down window with the built preload', () => {
    expect(standIn.calls[0]?.name).toBe('app.enableSandbox');
    const [[options]] = standIn.argsOf('BrowserWindow') as [[{ webPreferences: Record<string, unknown> }]];
    expect(options.webPreferences).toMatchObject({
      preload: built('preload/index.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
    });
  });

  test.each([
    ['another window', { ours: false, main: true, origin: 'app://quarterdeck' }],
    ['a frame inside the page', { ours: true, main: false, origin: 'app://quarterdeck' }],
    ['a foreign page', { ours: true, main: true, origin: 'https://evil.example' }],
  ])('takes no port from %s', async (_, sender) => {
    const port = 900_000 + Math.trunc(Math.random() * 1000);
    await standIn.ask({ what: 'hand-over', port, sender });
    await vi.waitFor(() => expect(standIn.closedPorts.has(port)).toBe(true));
  });

  test.skipIf(browserFile === undefined)('shows the interface, which calls the host, without a complaint from page or policy', async () => {
    const heard: string[] = [];
    standIn.onPort((_port, data) => heard.push(String(data)));
    const browser: Browser = await openBrowser();
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      await bridgePage(page, standIn, built('preload/index.cjs'));
      await page.getByRole('main').first().waitFor();
      await vi.waitFor(() => expect(heard.join('\n')).toContain('"b":{"json"'));
      expect(await page.title()).toMatch(/Quarterdeck/);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  test('quits leaving nothing open', async () => {
    expect([await standIn.quit(), standIn.stderr()]).toEqual([0, '']);
  });
});
