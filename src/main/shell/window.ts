import { APP_URL } from './app-scheme.ts';
import type { BrowserWindow, ElectronParts } from './electron.ts';
import { readWindowState, writeWindowState } from './window-state.ts';

export interface WindowOptions {
  readonly preload: string;
  readonly stateFile: string;
  readonly devTools: boolean;
  readonly onStateLost: (error: unknown) => void;
}

/** Opens the window on the interface, where it was last time, with everything that could weaken it turned off. */
export function openWindow(
  { BrowserWindow, screen, nativeTheme }: Pick<ElectronParts, 'BrowserWindow' | 'screen' | 'nativeTheme'>,
  { preload, stateFile, devTools, onStateLost }: WindowOptions,
): BrowserWindow {
  const state = readWindowState(
    stateFile,
    screen.getAllDisplays().map(({ workArea }) => workArea),
  );
  const window = new BrowserWindow({
    title: 'Quarterdeck',
    width: 1280,
    height: 820,
    ...state?.bounds,
    minWidth: 720,
    minHeight: 480,
    show: false,
    // What is seen before the page has painted itself.
    backgroundColor: nativeTheme.shouldUseDarkColors ? '#101418' : '#ffffff',
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      safeDialogs: true,
      spellcheck: false,
      devTools,
    },
  });
  if (state?.maximized === true) window.maximize();
  window.once('ready-to-show', () => window.show());
  window.on('close', () => {
    try {
      writeWindowState(stateFile, { bounds: window.getNormalBounds(), maximized: window.isMaximized() });
    } catch (error) {
      onStateLost(error);
    }
  });
  void window.loadURL(APP_URL);
  return window;
}
