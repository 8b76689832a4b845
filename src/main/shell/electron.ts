import type * as Electron from 'electron';

/** The parts of Electron the shell uses; handed in, so that a stand-in can take their place. */
export type ElectronParts = Pick<
  typeof Electron,
  'app' | 'BrowserWindow' | 'dialog' | 'ipcMain' | 'Menu' | 'nativeTheme' | 'protocol' | 'screen' | 'session' | 'shell'
>;

export type { BrowserWindow, IpcMainEvent, MenuItemConstructorOptions, Session, WebContents } from 'electron';
