import { EventEmitter } from 'node:events';
import { record } from './control.ts';

/** Stands for a frame. */
export interface StandInFrame {
  readonly origin: string;
  readonly parent: StandInFrame | null;
}

/** Stands for `WebContents`. */
export class StandInContents extends EventEmitter {
  readonly mainFrame: StandInFrame = { origin: 'app://quarterdeck', parent: null };
  openHandler: (details: { url: string }) => unknown = () => ({ action: 'allow' });

  setWindowOpenHandler(handler: (details: { url: string }) => unknown): void {
    this.openHandler = handler;
  }
  reload(): void {
    record('contents.reload');
  }
}

/** Stands for `BrowserWindow`. */
export class StandInWindow extends EventEmitter {
  static readonly open: StandInWindow[] = [];
  /** Set by the stand-in's `app`, which tells of new web contents. */
  static created: (contents: StandInContents) => void = () => undefined;
  static allClosed: () => void = () => undefined;

  readonly webContents = new StandInContents();
  #maximized = false;
  #destroyed = false;
  readonly #bounds: Record<string, unknown>;

  constructor(options: Record<string, unknown>) {
    super();
    record('BrowserWindow', options);
    this.#bounds = { x: 40, y: 30, width: options['width'], height: options['height'], ...pick(options) };
    StandInWindow.open.push(this);
    StandInWindow.created(this.webContents);
  }

  async loadURL(url: string): Promise<void> {
    record('window.loadURL', url);
    await new Promise((resolve) => setImmediate(resolve));
    this.emit('ready-to-show');
  }
  show(): void {
    record('window.show');
  }
  focus(): void {
    record('window.focus');
  }
  restore(): void {
    record('window.restore');
  }
  maximize(): void {
    this.#maximized = true;
    record('window.maximize');
  }
  isMaximized(): boolean {
    return this.#maximized;
  }
  isMinimized(): boolean {
    return true;
  }
  isDestroyed(): boolean {
    return this.#destroyed;
  }
  getNormalBounds(): Record<string, unknown> {
    return this.#bounds;
  }
  close(): void {
    if (this.#destroyed) return;
    this.emit('close', { preventDefault: () => undefined });
    this.#destroyed = true;
    StandInWindow.open.splice(StandInWindow.open.indexOf(this), 1);
    this.emit('closed');
    record('window.closed');
  }
}

function pick(options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => name === 'x' || name === 'y'));
}
