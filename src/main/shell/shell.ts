import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AnyRouter } from '@orpc/server';
import { loadAssets } from '../pages/assets.ts';
import { createRpcServer } from '../rpc/connection.ts';
import type { RpcLog } from '../rpc/problems.ts';
import { registerAppScheme, serveApp } from './app-scheme.ts';
import type { BrowserWindow, ElectronParts } from './electron.ts';
import { lockContents, lockSession } from './lock-down.ts';
import { menuTemplate } from './menu.ts';
import type { PortDesk } from './port-hand-over.ts';
import { createPortDesk } from './port-hand-over.ts';
import { openWindow } from './window.ts';

/** The host, as far as the shell needs to know. */
export interface ShellHost {
  readonly router: AnyRouter;
  readonly log: RpcLog;
  close(): Promise<void>;
}

export interface ShellOptions {
  readonly electron: ElectronParts;
  readonly openHost: () => Promise<ShellHost>;
  readonly paths: { readonly assets: string; readonly preload: string; readonly data: string };
  readonly platform?: NodeJS.Platform;
  /** Developer tools in a packaged app. They are always there in one that is not packaged. */
  readonly devTools?: boolean;
}

/**
 * Runs the desktop app until it is quit. Call it before Electron is ready: scheme and sandbox can't be set later. Resolves
 * when the window is open, or at once where another instance has it.
 */
export async function createShell({
  electron,
  openHost,
  paths,
  platform = process.platform,
  devTools = false,
}: ShellOptions): Promise<void> {
  const { app } = electron;
  app.enableSandbox();
  registerAppScheme(electron);
  // One data folder, one instance: the lock lies in here too. Electron wants the folder to be there.
  const userData = join(paths.data, 'electron');
  mkdirSync(userData, { recursive: true, mode: 0o700 });
  app.setPath('userData', userData);
  if (!app.requestSingleInstanceLock()) {
    app.quit();
    return;
  }
  app.on('web-contents-created', (_event, contents) => lockContents(contents, electron));
  await app.whenReady();
  try {
    await open({ electron, openHost, paths, platform, devTools: devTools || !app.isPackaged });
  } catch (error) {
    // There may be no host yet, and so no log.
    process.stderr.write(`quarterdeck: ${error instanceof Error ? (error.stack ?? error.message) : typeof error}\n`);
    electron.dialog.showErrorBox(
      'Quarterdeck could not start',
      error instanceof Error ? error.message : 'The terminal it was started from says why.',
    );
    app.exit(1);
  }
}

async function open({ electron, openHost, paths, platform, devTools }: Required<ShellOptions>): Promise<void> {
  const { app, session, Menu, nativeTheme } = electron;
  lockSession(session.defaultSession);
  serveApp(electron, await loadAssets(paths.assets));
  nativeTheme.themeSource = 'system';
  const host = await openHost();
  const { log } = host;
  const rpc = createRpcServer({ router: host.router, log });
  const desk = createPortDesk({ ipcMain: electron.ipcMain, rpc, log });
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate({ platform, devTools, send: desk.send })));

  let window: BrowserWindow | undefined;
  const show = (): void => {
    if (window !== undefined) {
      if (window.isMinimized()) window.restore();
      window.focus();
      return;
    }
    const onStateLost = (error: unknown): void =>
      log.error('window state not kept', { error: error instanceof Error ? error.message : typeof error });
    window = openWindow(electron, { preload: paths.preload, stateFile: join(paths.data, 'window.json'), devTools, onStateLost });
    watch(window, electron, desk, log);
    window.once('closed', () => {
      window = undefined;
      desk.drop();
    });
  };
  app.on('second-instance', show);
  app.on('activate', show);
  app.on('window-all-closed', () => {
    if (platform !== 'darwin') app.quit();
  });

  let closing = false;
  app.on('will-quit', (event) => {
    // Not `before-quit`: the windows must have closed first, to have remembered their place. Quitting then waits for the host.
    event.preventDefault();
    if (closing) return;
    closing = true;
    rpc.close();
    host.close().then(
      () => app.exit(0),
      (error: unknown) => {
        log.error('host not closed', { error: error instanceof Error ? (error.stack ?? error.message) : typeof error });
        app.exit(1);
      },
    );
  });
  show();
}

/** Serves the window's page, and offers what can be done when it crashes or hangs. Runs go on in the host meanwhile. */
function watch(window: BrowserWindow, { app, dialog }: Pick<ElectronParts, 'app' | 'dialog'>, desk: PortDesk, log: RpcLog): void {
  const { webContents } = window;
  desk.expect(webContents);
  const offer = async (message: string, other: string): Promise<boolean> => {
    const detail = 'Nothing that is running on a server is affected: runs go on, and are shown again afterwards.';
    const { response } = await dialog.showMessageBox(window, {
      type: 'warning',
      message,
      detail,
      buttons: ['Reload', other],
      defaultId: 0,
      cancelId: 1,
    });
    if (response === 0) webContents.reload();
    return response === 0;
  };
  webContents.on('render-process-gone', (_event, { reason }) => {
    desk.drop();
    if (reason === 'clean-exit' || window.isDestroyed()) return;
    log.error('page crashed', { reason });
    void offer('The Quarterdeck window has crashed.', 'Quit').then((reloaded) => {
      if (!reloaded) app.quit();
    });
  });
  window.on('unresponsive', () => {
    log.error('page hangs');
    void offer('The Quarterdeck window does not answer.', 'Wait');
  });
}
