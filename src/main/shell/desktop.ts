import { app, BrowserWindow, dialog, ipcMain, Menu, nativeTheme, protocol, screen, session, shell } from 'electron';
import type { ShellOptions } from './shell.ts';
import { createShell } from './shell.ts';

/** Runs the desktop app on the real Electron. */
export function runDesktop(options: Omit<ShellOptions, 'electron'>): Promise<void> {
  return createShell({
    ...options,
    electron: { app, BrowserWindow, dialog, ipcMain, Menu, nativeTheme, protocol, screen, session, shell },
  });
}
