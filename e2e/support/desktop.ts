import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { _electron, test } from '@playwright/test';
import { electronBinary } from '../../scripts/machine.mjs';
import type { JourneyHost } from './host.ts';

/** The desktop app with its one window, in place of a host and a browser. */
export interface Desktop {
  readonly page: Page;
  readonly host: JourneyHost;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Starts the built app in real Electron, with a data folder and an empty HOME of its own. */
export async function startDesktop(): Promise<Desktop> {
  const folder = mkdtempSync(join(tmpdir(), 'quarterdeck-desktop-'));
  const home = join(folder, 'home');
  const dataFolder = join(folder, 'data');
  mkdirSync(home);
  const kept = ['PATH', 'DISPLAY', 'WAYLAND_DISPLAY', 'XDG_RUNTIME_DIR'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const app = await _electron.launch({
    executablePath: electronBinary() ?? 'electron',
    args: [root],
    env: { ...Object.fromEntries(kept), LANG: 'C.UTF-8', HOME: home, QUARTERDECK_HOME: dataFolder },
  });
  const close = async (): Promise<void> => {
    await app.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const page = await app.firstWindow();
    const only = async (): Promise<never> => {
      test.skip(true, 'skipped: needs a host that can be killed and started again');
      throw new Error('not reached');
    };
    return { page, host: { url: page.url(), home, dataFolder, allowErrors: () => undefined, kill: only, restart: only, close } };
  } catch (error) {
    await close();
    throw error;
  }
}
