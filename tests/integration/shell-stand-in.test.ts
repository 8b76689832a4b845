import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { StandIn } from '../support/electron-stand-in/driver.ts';
import { startStandIn } from '../support/electron-stand-in/driver.ts';
import type { Emitted, ProtocolAnswer, Sender } from '../support/electron-stand-in/messages.ts';

const entry = fileURLToPath(new URL('../support/electron-stand-in/fixture-main.ts', import.meta.url));
const page: Sender = { ours: true, main: true, origin: 'app://quarterdeck' };
const add = JSON.stringify({ i: '1', p: { u: '/calls/add', b: { json: { a: 1, b: 2 } } } });

let home: string;
let standIn: StandIn;

const start = async (env: Record<string, string> = {}): Promise<void> => {
  standIn = startStandIn({ entry, env: { QUARTERDECK_HOME: home, ...env } });
  await standIn.called('window.loadURL');
};

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'quarterdeck-shell-'));
  await mkdir(join(home, 'page'));
  await writeFile(join(home, 'page', 'index.html'), '<meta name="csp-nonce" content="__CSP_NONCE__">');
});
afterEach(async () => {
  standIn.kill();
  await rm(home, { recursive: true });
});

describe('the window', () => {
  beforeEach(() => start());

  test('is sandboxed, isolated, and has nothing it does not need', () => {
    const [[options]] = standIn.argsOf('BrowserWindow') as [[{ webPreferences: Record<string, unknown> }]];
    expect(options.webPreferences).toEqual({
      preload: expect.stringMatching(/\.cjs$/) as string,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      safeDialogs: true,
      spellcheck: false,
      devTools: true,
    });
    expect(standIn.argsOf('window.loadURL')).toEqual([['app://quarterdeck/']]);
  });

  test('sandbox and scheme are set before Electron is ready, the lock is taken before anything is opened', () => {
    const order = standIn.calls.map(({ name }) => name);
    const before = [
      'app.enableSandbox',
      'protocol.registerSchemesAsPrivileged',
      'app.setPath',
      'app.requestSingleInstanceLock',
      'app.whenReady',
    ];
    expect(order.slice(0, before.length)).toEqual(before);
    expect(standIn.argsOf('app.setPath')).toEqual([['userData', join(home, 'electron')]]);
    expect(standIn.argsOf('protocol.registerSchemesAsPrivileged')).toEqual([
      [[{ scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } }]],
    ]);
  });

  test('shows nothing but the interface', async () => {
    for (const [target, event] of [
      ['contents', 'will-navigate'],
      ['contents', 'will-frame-navigate'],
      ['contents', 'will-redirect'],
      ['contents', 'will-attach-webview'],
    ] as const) {
      expect([event, await standIn.ask<Emitted>({ what: 'emit', target, event })]).toEqual([event, { prevented: true, listeners: 1 }]);
    }
  });

  test('opens no other window, and outside only https addresses of the list', async () => {
    const refused = [
      'https://evil.example/',
      'http://github.com/',
      'https://github.com.evil.example/',
      'https://github.com@evil.example/',
      'https://user@github.com/',
      'https://github.com:8443/',
      'file:///etc/passwd',
      'javascript:alert(1)',
      'smb://github.com/',
      'app://quarterdeck/',
      'nonsense',
    ];
    for (const url of [...refused, 'https://github.com/a?b#c'])
      expect(await standIn.ask({ what: 'window-open', url })).toEqual({ action: 'deny' });
    expect(standIn.argsOf('shell.openExternal')).toEqual([['https://github.com/a?b#c']]);
  });

  test('has no permission but writing text to the clipboard', async () => {
    for (const permission of ['media', 'geolocation', 'notifications', 'clipboard-read', 'openExternal', 'usb', 'hid', 'unknown']) {
      expect(await standIn.ask({ what: 'permission', permission, origin: 'app://quarterdeck' })).toEqual({ request: false, check: false });
    }
    const permission = 'clipboard-sanitized-write';
    expect(await standIn.ask({ what: 'permission', permission, origin: 'app://quarterdeck' })).toEqual({ request: true, check: true });
    expect(await standIn.ask({ what: 'permission', permission, origin: 'https://evil.example' })).toEqual({ request: false, check: false });
  });

  test('loads nothing but its own files', async () => {
    for (const url of [
      'https://evil.example/',
      'http://127.0.0.1/',
      'ws://127.0.0.1/',
      'file:///etc/passwd',
      'app://quarterdeck.evil/',
      'app://other/',
      'data:text/html,x',
    ]) {
      expect([url, await standIn.ask({ what: 'may-load', url })]).toEqual([url, false]);
    }
    expect(await standIn.ask({ what: 'may-load', url: 'app://quarterdeck/assets/a.js' })).toBe(true);
  });
});

describe('app://', () => {
  beforeEach(() => start());
  const get = (url: string, method = 'GET'): Promise<ProtocolAnswer> => standIn.ask({ what: 'request', method, url });

  test('serves the page with the strict policy and a nonce of its own', async () => {
    const { status, headers, body } = await get('app://quarterdeck/');
    const nonce = /'nonce-([\w-]+)'/.exec(headers['content-security-policy'] ?? '')?.[1];
    expect(status).toBe(200);
    expect(Buffer.from(body, 'base64').toString()).toContain(`content="${nonce}"`);
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
    );
  });

  test.each([
    'app://other/',
    'app://quarterdeck.evil/',
    'app://quarterdeck/../window.json',
    'app://quarterdeck/%2e%2e/window.json',
    'app://quarterdeck//etc/passwd',
    'app://quarterdeck/window.json',
  ])('does not serve %s', async (url) => {
    expect((await get(url)).status).toBe(404);
  });

  test('is only read', async () => {
    expect((await get('app://quarterdeck/', 'POST')).status).toBe(405);
  });
});

describe('the port', () => {
  beforeEach(() => start());

  test.each([
    ['another window', { ...page, ours: false }],
    ['a frame inside the page', { ...page, main: false }],
    ['a frame that is gone', { ...page, main: null }],
    ['a foreign page in our window', { ...page, origin: 'https://evil.example' }],
    ['another host of our scheme', { ...page, origin: 'app://other' }],
    ['an opaque origin', { ...page, origin: 'null' }],
  ])('is not taken from %s', async (_, sender) => {
    const heard = vi.fn();
    standIn.onPort(heard);
    await standIn.ask({ what: 'hand-over', port: 7, sender });
    await standIn.ask({ what: 'port-message', port: 7, data: add });
    await vi.waitFor(() => expect(standIn.closedPorts.has(7)).toBe(true));
    await vi.waitFor(() => expect(standIn.stderr()).toContain('port refused'));
    expect(heard).not.toHaveBeenCalled();
  });

  test('is taken alone or not at all', async () => {
    await standIn.ask({ what: 'hand-over', port: 20, sender: page, ports: 2 });
    await vi.waitFor(() => expect([...standIn.closedPorts]).toEqual([20, 21]));
    await standIn.ask({ what: 'hand-over', port: 30, sender: page, ports: 0 });
    expect(standIn.stderr()).toContain('not exactly one port');
  });

  test('serves calls, carries the menu, and ends when the page hands over another', async () => {
    const heard: [number, unknown][] = [];
    standIn.onPort((port, data) => heard.push([port, data]));
    await standIn.ask({ what: 'hand-over', port: 1, sender: page });
    await standIn.ask({ what: 'port-message', port: 1, data: add });
    await vi.waitFor(() => expect(heard).toEqual([[1, expect.stringContaining('"sum":3')]]));

    expect(await standIn.ask({ what: 'menu', id: 'go-logs' })).toBe(true);
    await vi.waitFor(() => expect(heard).toContainEqual([1, { command: 'go-logs' }]));

    await standIn.ask({ what: 'hand-over', port: 2, sender: page });
    await vi.waitFor(() => expect([...standIn.closedPorts]).toEqual([1]));
    await standIn.ask({ what: 'menu', id: 'palette-open' });
    await vi.waitFor(() => expect(heard.at(-1)).toEqual([2, { command: 'palette-open' }]));
  });
});

describe('the life of the app', () => {
  test('another start brings the open window forward and opens nothing', async () => {
    await start();
    await standIn.ask({ what: 'emit', target: 'app', event: 'second-instance' });
    await standIn.called('window.focus');
    expect(standIn.argsOf('BrowserWindow')).toHaveLength(1);
    expect(standIn.argsOf('window.restore')).toHaveLength(1);
  });

  test('a second instance quits before it opens anything', async () => {
    standIn = startStandIn({ entry, env: { QUARTERDECK_HOME: home, STAND_IN_SECOND: '1' } });
    expect((await standIn.called('app.exit')).args).toEqual([0]);
    expect(standIn.calls.map(({ name }) => name)).not.toContain('app.whenReady');
  });

  test('quitting remembers the window, closes the host and leaves nothing open', async () => {
    await start();
    await standIn.ask({ what: 'hand-over', port: 1, sender: page });
    expect(await standIn.quit()).toBe(0);
    expect(standIn.closedPorts.has(1)).toBe(true);
    expect(JSON.parse(await readFile(join(home, 'window.json'), 'utf8'))).toEqual({
      bounds: { x: 40, y: 30, width: 1280, height: 820 },
      maximized: false,
    });
  });

  test('the window opens where it was left, unless that display is gone', async () => {
    const left = (x: number) =>
      writeFile(join(home, 'window.json'), JSON.stringify({ bounds: { x, y: 10, width: 900, height: 700 }, maximized: true }));
    await left(500);
    await start();
    expect(standIn.argsOf('BrowserWindow')[0]).toMatchObject([{ x: 500, y: 10, width: 900, height: 700 }]);
    expect(standIn.argsOf('window.maximize')).toHaveLength(1);
    await standIn.quit();
    await left(5000);
    await start();
    expect(standIn.argsOf('BrowserWindow')[0]).toMatchObject([{ width: 1280, height: 820 }]);
    expect(standIn.argsOf('window.maximize')).toHaveLength(0);
  });

  test('closing the window quits', async () => {
    await start();
    await standIn.ask({ what: 'close-window' });
    expect((await standIn.called('app.exit')).args).toEqual([0]);
  });

  test('a crashed page is offered to be reloaded', async () => {
    await start();
    await standIn.ask({ what: 'hand-over', port: 1, sender: page });
    await standIn.ask({ what: 'emit', target: 'contents', event: 'render-process-gone', details: { reason: 'crashed' } });
    await standIn.called('contents.reload');
    expect(standIn.closedPorts.has(1)).toBe(true);
  });

  test('a packaged app has no developer tools', async () => {
    await start({ STAND_IN_PACKAGED: '1' });
    expect(standIn.argsOf('BrowserWindow')[0]).toMatchObject([{ webPreferences: { devTools: false } }]);
    expect(JSON.stringify(standIn.argsOf('Menu.setApplicationMenu'))).not.toContain('toggleDevTools');
  });

  test('an interface that is missing is said in a box, and the app ends', async () => {
    await rm(join(home, 'page', 'index.html'));
    standIn = startStandIn({ entry, env: { QUARTERDECK_HOME: home } });
    expect((await standIn.called('dialog.showErrorBox')).args[1]).toContain('not built');
    expect((await standIn.called('app.exit')).args).toEqual([1]);
  });
});
