import type { Browser } from '@playwright/test';
import { chromium } from '@playwright/test';
import { systemChromium } from '../../../scripts/machine.mjs';

/** The machine's own Chromium, or nothing. */
export const browserFile: string | undefined = systemChromium();

/** Starts it, headless. As root its own sandbox can't run; the page's isolation is not what these tests are about. */
export function openBrowser(): Promise<Browser> {
  if (browserFile === undefined) throw new Error('no Chromium');
  return chromium.launch({ executablePath: browserFile, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
}
