import type { Locator, Page } from '@playwright/test';
import { test as base } from '@playwright/test';
import type { Desktop } from './desktop.ts';
import { startDesktop } from './desktop.ts';
import type { HostOptions, JourneyHost } from './host.ts';
import { startHost } from './host.ts';

export { expect } from '@playwright/test';

/** The text of one element. */
export const textOf = async (one: Locator): Promise<string> => (await one.textContent()) ?? '';

/** What a page must not say. A journey announces what belongs to it with `allow`. */
export interface PageWatch {
  /** Console errors that match are part of the journey: a host that is killed, say. */
  allow(pattern: RegExp): void;
  /** Watches another page too. */
  add(page: Page): Promise<void>;
}

interface Journey {
  /** Starts a host that ends with the test. */
  readonly host: (options?: HostOptions) => Promise<JourneyHost>;
  /** Closes something when the test ends, the last thing first; before the hosts. */
  readonly closing: <T extends { stop(): Promise<void> }>(thing: T) => T;
  readonly watch: PageWatch;
}

/** A test with a watched page and things that end with it. */
export const test = base.extend<Journey & { desktop: Desktop | undefined }>({
  // In the `electron` project the page is the app's own window; what only the headless host can show is skipped.
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names out of this pattern
  desktop: async ({}, use, testInfo) => {
    await use(testInfo.project.name === 'electron' ? await startDesktop() : undefined);
  },
  page: async ({ page, desktop }, use) => {
    await use(desktop?.page ?? page);
  },
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names out of this pattern
  closing: async ({}, use) => {
    const things: { stop(): Promise<void> }[] = [];
    await use((thing) => {
      things.push(thing);
      return thing;
    });
    const ends: unknown[] = [];
    for (const thing of things.reverse())
      ends.push(
        await thing.stop().then(
          () => undefined,
          (error: unknown) => error,
        ),
      );
    const failed = ends.filter((error) => error !== undefined);
    if (failed.length > 0) throw new AggregateError(failed, `could not be stopped: ${failed.map(String).join('; ')}`);
  },
  // Depends on `closing`: hosts end first, then what they are connected to.
  host: async ({ closing: _after, desktop }, use, testInfo) => {
    const hosts: JourneyHost[] = [];
    await use(async (options) => {
      testInfo.skip(desktop !== undefined && options !== undefined, 'skipped: needs the headless host, to be furnished or killed');
      const host = desktop?.host ?? (await startHost(options));
      hosts.push(host);
      return host;
    });
    const ends = await Promise.allSettled(hosts.map((host) => host.close()));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  },
  watch: async ({ page }, use) => {
    const allowed: RegExp[] = [];
    const said: string[] = [];
    const add = async (one: Page): Promise<void> => {
      one.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning')
          said.push(`console.${message.type()}: ${message.text()} (${message.location().url})`);
      });
      one.on('pageerror', (error) => said.push(`page error: ${error.stack ?? error.message}`));
      await one.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) => {
          console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
        });
      });
    };
    await add(page);
    await use({ allow: (pattern) => void allowed.push(pattern), add });
    const unexpected = [...new Set(said)].filter((line) => !allowed.some((pattern) => pattern.test(line)));
    if (unexpected.length > 0) throw new Error(`The page:\n  - ${unexpected.join('\n  - ')}`);
  },
});
