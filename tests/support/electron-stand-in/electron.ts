/**
 * Stands for the `electron` module in Node: what the shell uses of it, recorded, and driven by the test over the process's
 * IPC channel. It checks that the built bundles load, ask for the right things in the right order, and hand ports over
 * rightly; it is not Electron: isolation between processes is not there to be tested.
 */
import { EventEmitter } from 'node:events';
import { record } from './control.ts';
import { answerQuestions } from './questions.ts';
import { StandInWindow } from './windows.ts';

type Handler = (request: Request) => Response | Promise<Response>;

class StandInApp extends EventEmitter {
  readonly isPackaged = process.env['STAND_IN_PACKAGED'] === '1';
  #ready = false;
  enableSandbox(): void {
    record('app.enableSandbox', this.#ready);
  }
  setPath(name: string, path: string): void {
    record('app.setPath', name, path);
  }
  requestSingleInstanceLock(): boolean {
    record('app.requestSingleInstanceLock');
    return process.env['STAND_IN_SECOND'] !== '1';
  }
  async whenReady(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#ready = true;
    record('app.whenReady');
  }
  getVersion(): string {
    return '0.0.0-stand-in';
  }
  quit(): void {
    record('app.quit');
    for (const window of StandInWindow.open) window.close();
    let prevented = false;
    this.emit('will-quit', { preventDefault: () => (prevented = true) });
    if (!prevented) this.exit(0);
  }
  exit(code = 0): void {
    record('app.exit', code);
    process.exitCode = code;
    setImmediate(() => process.disconnect?.());
    // What the program left open would keep a real process too; a test sees it by this not ending.
  }
}

export const app = new StandInApp();
export const BrowserWindow = StandInWindow;
export const ipcMain = new EventEmitter();

export const handlers: { protocol?: Handler; permission?: unknown; check?: unknown; before?: unknown } = {};

export const protocol = {
  registerSchemesAsPrivileged: (schemes: unknown) => record('protocol.registerSchemesAsPrivileged', schemes),
  handle(scheme: string, handler: Handler) {
    record('protocol.handle', scheme);
    handlers.protocol = handler;
  },
};

const defaultSession = Object.assign(new EventEmitter(), {
  setPermissionRequestHandler(handler: unknown) {
    handlers.permission = handler;
  },
  setPermissionCheckHandler(handler: unknown) {
    handlers.check = handler;
  },
  setDevicePermissionHandler: () => record('session.setDevicePermissionHandler'),
  setDisplayMediaRequestHandler: () => record('session.setDisplayMediaRequestHandler'),
  webRequest: {
    onBeforeRequest(handler: unknown) {
      handlers.before = handler;
    },
  },
});
export const session = { defaultSession };

export const shell = {
  openExternal: async (url: string) => record('shell.openExternal', url),
};

interface MenuEntry {
  readonly id?: string;
  readonly click?: () => void;
  readonly submenu?: readonly MenuEntry[];
}
export const menu: { entries: readonly MenuEntry[] } = { entries: [] };
export const Menu = {
  buildFromTemplate: (template: readonly MenuEntry[]) => template,
  setApplicationMenu(template: readonly MenuEntry[]) {
    menu.entries = template;
    record('Menu.setApplicationMenu', template);
  },
};

export const nativeTheme = { themeSource: 'light', shouldUseDarkColors: false };
export const screen = { getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1040 } }] };
export const dialog = {
  showErrorBox: (title: string, text: string) => record('dialog.showErrorBox', title, text),
  async showMessageBox(_window: unknown, options: unknown) {
    record('dialog.showMessageBox', options);
    return { response: Number(process.env['STAND_IN_DIALOG'] ?? '0') };
  },
};

answerQuestions({ app, ipcMain, handlers, menu });
