import type { ShellCommand } from '../../contract/wire.ts';
import type { MenuItemConstructorOptions } from './electron.ts';

export interface MenuOptions {
  readonly platform: NodeJS.Platform;
  readonly devTools: boolean;
  /** Hands an entry to the page. */
  readonly send: (command: ShellCommand) => void;
}

/** The menu bar. Entries of the product are commands the page carries out; the rest are the system's own roles. */
export function menuTemplate({ platform, devTools, send }: MenuOptions): MenuItemConstructorOptions[] {
  const mac = platform === 'darwin';
  const entry = (label: string, command: ShellCommand, accelerator?: string): MenuItemConstructorOptions => ({
    label,
    id: command,
    ...(accelerator === undefined ? {} : { accelerator }),
    click: () => send(command),
  });
  const line: MenuItemConstructorOptions = { type: 'separator' };
  const about = entry('About Quarterdeck', 'about-show');
  const settings = entry('Settings…', 'settings-open', 'CmdOrCtrl+,');

  const application: MenuItemConstructorOptions = {
    label: 'Quarterdeck',
    submenu: [
      about,
      line,
      settings,
      line,
      { role: 'services' },
      line,
      { role: 'hide' },
      { role: 'hideOthers' },
      { role: 'unhide' },
      line,
      { role: 'quit' },
    ],
  };
  const file: MenuItemConstructorOptions = {
    label: 'File',
    submenu: [
      entry('New environment…', 'environment-new', 'CmdOrCtrl+N'),
      entry('Import environments…', 'environment-import'),
      ...(mac ? [line, { role: 'close' } as const] : [line, settings, line, { role: 'quit' } as const]),
    ],
  };
  const edit: MenuItemConstructorOptions = {
    label: 'Edit',
    submenu: [
      { role: 'undo' },
      { role: 'redo' },
      line,
      { role: 'cut' },
      { role: 'copy' },
      { role: 'paste' },
      { role: 'selectAll' },
      line,
      entry('Find', 'find', 'CmdOrCtrl+F'),
    ],
  };
  const view: MenuItemConstructorOptions = {
    label: 'View',
    submenu: [
      entry('Command palette', 'palette-open', 'CmdOrCtrl+K'),
      entry('Read again', 'reload-data', 'CmdOrCtrl+R'),
      line,
      { role: 'resetZoom' },
      { role: 'zoomIn' },
      { role: 'zoomOut' },
      line,
      { role: 'togglefullscreen' },
      ...(devTools ? [line, { role: 'reload' } as const, { role: 'toggleDevTools' } as const] : []),
    ],
  };
  const go: MenuItemConstructorOptions = {
    label: 'Go',
    submenu: [
      entry('Back', 'go-back', mac ? 'Cmd+[' : 'Alt+Left'),
      entry('Forward', 'go-forward', mac ? 'Cmd+]' : 'Alt+Right'),
      line,
      entry('Overview', 'go-overview', 'CmdOrCtrl+1'),
      entry('Logs', 'go-logs', 'CmdOrCtrl+2'),
      entry('Backups', 'go-backups', 'CmdOrCtrl+3'),
      entry('Runs', 'go-runs', 'CmdOrCtrl+4'),
      entry('Journal', 'go-journal', 'CmdOrCtrl+5'),
    ],
  };
  const help: MenuItemConstructorOptions = {
    label: 'Help',
    role: 'help',
    submenu: [entry('Keyboard shortcuts', 'shortcuts-show', 'F1'), ...(mac ? [] : [line, about])],
  };
  return [...(mac ? [application] : []), file, edit, view, go, ...(mac ? [{ role: 'windowMenu' } as const] : []), help];
}
