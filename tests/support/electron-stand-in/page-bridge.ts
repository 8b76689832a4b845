import { readFile } from 'node:fs/promises';
import type { CDPSession, Page } from '@playwright/test';
import type { StandIn } from './driver.ts';
import type { ProtocolAnswer } from './messages.ts';

/** Where the page is in the browser: Chromium knows no `app:`. What main is told says `app://quarterdeck` again. */
export const PAGE_ORIGIN = 'https://quarterdeck.test';

const WORLD = 'quarterdeck-preload';

/** What the preload's world tells: a hand-over, a message on a port, the end of a port. */
type Told =
  | { readonly kind: 'hand-over'; readonly port: number; readonly channel: string }
  | { readonly kind: 'message'; readonly port: number; readonly data: unknown };

interface Context {
  readonly id: number;
  readonly name: string;
  readonly auxData?: { readonly frameId?: string };
}

/**
 * Shows the program's page in a browser: `app://quarterdeck/` is fetched from its protocol handler, the built preload runs in
 * an isolated world as in Electron, and the port it hands over leads to the program.
 */
export async function bridgePage(page: Page, standIn: StandIn, preloadFile: string): Promise<void> {
  await page.route(`${PAGE_ORIGIN}/**`, async (route) => {
    const request = route.request();
    const url = `app://quarterdeck${request.url().slice(PAGE_ORIGIN.length)}`;
    const { status, headers, body } = await standIn.ask<ProtocolAnswer>({ what: 'request', method: request.method(), url });
    await route.fulfill({ status, headers, body: Buffer.from(body, 'base64') });
  });
  const cdp = await page.context().newCDPSession(page);
  await bridgePorts(cdp, standIn, await readFile(preloadFile, 'utf8'));
  await page.goto(`${PAGE_ORIGIN}/`);
}

async function bridgePorts(cdp: CDPSession, standIn: StandIn, preload: string): Promise<void> {
  const contexts = new Map<number, Context>();
  const open = new Map<number, number>();

  await cdp.send('Page.enable');
  await cdp.send('Runtime.enable');
  const { frameTree } = await cdp.send('Page.getFrameTree');

  const drop = (context: number): void => {
    for (const [port, at] of open) {
      if (at !== context) continue;
      open.delete(port);
      void standIn.ask({ what: 'port-close', port }).catch(() => undefined);
    }
  };
  cdp.on('Runtime.executionContextCreated', ({ context }) => contexts.set(context.id, context as Context));
  cdp.on('Runtime.executionContextDestroyed', ({ executionContextId }) => drop(executionContextId));
  cdp.on('Runtime.executionContextsCleared', () => {
    for (const context of new Set(open.values())) drop(context);
  });
  cdp.on('Runtime.bindingCalled', ({ name, payload, executionContextId }) => {
    if (name !== '__standInTell') return;
    const told = JSON.parse(payload) as Told;
    const local = executionContextId * 1000 + told.port;
    if (told.kind === 'message') {
      void standIn.ask({ what: 'port-message', port: local, data: told.data }).catch(() => undefined);
      return;
    }

    open.set(local, executionContextId);
    const main = contexts.get(executionContextId)?.auxData?.frameId === frameTree.frame.id;
    void standIn.ask({ what: 'hand-over', port: local, sender: { ours: true, main, origin: 'app://quarterdeck' } }).catch(() => undefined);
  });
  standIn.onPort((port, data) => {
    const contextId = open.get(port);
    if (contextId === undefined) return;
    const expression = `__standInDeliver(${port % 1000}, ${JSON.stringify(data)})`;
    void cdp.send('Runtime.evaluate', { contextId, expression }).catch(() => undefined);
  });
  await cdp.send('Runtime.addBinding', { name: '__standInTell', executionContextName: WORLD });
  await cdp.send('Page.addScriptToEvaluateOnNewDocument', { source: isolated(preload), worldName: WORLD });
}

/** The preload as it is, with a `require` that knows `electron` and nothing else: what a sandboxed preload has. */
function isolated(preload: string): string {
  return `{
  const ports = new Map();
  globalThis.__standInDeliver = (id, data) => ports.get(id)?.postMessage(data);
  const tell = (message) => __standInTell(JSON.stringify(message));
  const ipcRenderer = {
    postMessage(channel, _message, [port]) {
      const id = ports.size + 1;
      ports.set(id, port);
      port.onmessage = ({ data }) => tell({ kind: 'message', port: id, data });
      tell({ kind: 'hand-over', port: id, channel });
    },
  };
  const require = (name) => {
    if (name === 'electron') return { ipcRenderer };
    throw new Error('a sandboxed preload cannot require ' + name);
  };
  const module = { exports: {} };
  ((require, module, exports) => {${preload}
  })(require, module, module.exports);
}`;
}
