import type { Page } from '@playwright/test';
import type { ConnectionStatus } from '../../../src/renderer/rpc/connection.ts';
import type { FixtureClient } from './transports.ts';

/** What the fixture's page keeps for tests. */
interface FixtureWindow {
  readonly rpc: FixtureClient;
  readonly connection: { getState(): ConnectionStatus };
  readonly commands: readonly string[];
}

/** Adds two numbers by way of the page's client. */
export function addInPage(page: Page, a: number, b: number): Promise<number> {
  return page.evaluate(
    async ([x, y]) => (await (globalThis as unknown as { fixture: FixtureWindow }).fixture.rpc.calls.add({ a: x, b: y })).sum,
    [a, b] as const,
  );
}

/** How the page stands with its host. */
export function stateOfPage(page: Page): Promise<ConnectionStatus['state']> {
  return page.evaluate(() => (globalThis as unknown as { fixture: FixtureWindow }).fixture.connection.getState().state);
}

/** Menu entries the page was told of. */
export function commandsOfPage(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => (globalThis as unknown as { fixture: FixtureWindow }).fixture.commands);
}

/** Reads a stream to its end. */
export function countInPage(page: Page, to: number): Promise<number[]> {
  return page.evaluate(async (end) => {
    const items: number[] = [];
    for await (const item of await (globalThis as unknown as { fixture: FixtureWindow }).fixture.rpc.streams.count({ to: end }))
      items.push(item);
    return items;
  }, to);
}

/** Opens an endless stream and leaves it running. */
export function floodInPage(page: Page, name: string): Promise<void> {
  return page.evaluate(async (streamName) => {
    const { rpc } = (globalThis as unknown as { fixture: FixtureWindow }).fixture;
    const stream = await rpc.streams.flood({ name: streamName, size: 100 });
    void (async () => {
      for await (const _ of stream);
    })().catch(() => undefined);
  }, name);
}

/** Whether a style element made by script takes effect, with and without the page's nonce. */
export function stylesInPage(page: Page): Promise<{ withNonce: boolean; without: boolean; inline: boolean }> {
  return page.evaluate(() => {
    interface Element {
      textContent: string;
      readonly style: { color: string };
      setAttribute(name: string, value: string): void;
    }
    const { document, getComputedStyle, fixture } = globalThis as unknown as {
      document: { createElement(name: string): Element; head: { append(element: Element): void }; body: Element };
      getComputedStyle(element: Element): Record<string, string>;
      fixture: { styleNonce(): string };
    };
    const works = (property: string, nonce?: string): boolean => {
      const style = document.createElement('style');
      if (nonce !== undefined) style.setAttribute('nonce', nonce);
      style.textContent = `body { ${property}: 7px }`;
      document.head.append(style);
      return getComputedStyle(document.body)[property] === '7px';
    };
    const answer = { withNonce: works('padding-left', fixture.styleNonce()), without: works('padding-right'), inline: false };
    document.body.style.color = 'rgb(1, 2, 3)';
    return { ...answer, inline: getComputedStyle(document.body)['color'] === 'rgb(1, 2, 3)' };
  });
}
