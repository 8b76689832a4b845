import type { EventEmitter } from 'node:events';
import { PORT_CHANNEL } from '../../../src/contract/hand-over.ts';
import { tell } from './control.ts';
import type { Emitted, ProtocolAnswer, Question, Sender } from './messages.ts';
import { portOf } from './ports.ts';
import { StandInContents, StandInWindow } from './windows.ts';

interface MenuEntry {
  readonly id?: string;
  readonly click?: () => void;
  readonly submenu?: readonly MenuEntry[];
}

interface Parts {
  readonly app: EventEmitter & { quit(): void };
  readonly ipcMain: EventEmitter;
  readonly handlers: {
    protocol?: (request: Request) => Response | Promise<Response>;
    permission?: unknown;
    check?: unknown;
    before?: unknown;
  };
  readonly menu: { entries: readonly MenuEntry[] };
}

/** Answers what the test asks, on the process's IPC channel. */
export function answerQuestions(parts: Parts): void {
  StandInWindow.created = (contents) => void parts.app.emit('web-contents-created', {}, contents);
  process.on('message', ({ id, question }: { id: number; question: Question }) => {
    Promise.resolve()
      .then(() => answer(question, parts))
      .then(
        (value) => tell({ kind: 'answer', id, value }),
        (error: unknown) => tell({ kind: 'answer', id, error: String(error) }),
      );
  });
}

async function answer(question: Question, parts: Parts): Promise<unknown> {
  const { app, handlers } = parts;
  const [window] = StandInWindow.open;
  switch (question.what) {
    case 'request':
      return request(question, handlers.protocol);
    case 'hand-over':
      parts.ipcMain.emit(
        PORT_CHANNEL,
        senderEvent(
          question.sender,
          Array.from({ length: question.ports ?? 1 }, (_, n) => portOf(question.port + n)),
        ),
        null,
      );
      return undefined;
    case 'port-message':
      return portOf(question.port).deliver(question.data);
    case 'port-close':
      return portOf(question.port).gone();
    case 'emit':
      return emit(
        question.target === 'app' ? app : question.target === 'window' ? window : window?.webContents,
        question.event,
        question.details,
      );
    case 'menu':
      return click(parts.menu.entries, question.id);
    case 'window-open':
      return window?.webContents.openHandler({ url: question.url });
    case 'permission':
      return permission(handlers, question);
    case 'may-load': {
      const before = handlers.before as (details: { url: string }, callback: (answer: { cancel?: boolean }) => void) => void;
      return new Promise((resolve) => before({ url: question.url }, ({ cancel }) => resolve(cancel !== true)));
    }
    case 'close-window':
      window?.close();
      if (StandInWindow.open.length === 0) app.emit('window-all-closed');
      return undefined;
    case 'quit':
      return app.quit();
  }
}

async function request({ method, url }: { method: string; url: string }, handler: Parts['handlers']['protocol']): Promise<ProtocolAnswer> {
  if (handler === undefined) throw new Error('no protocol handler');
  const response = await handler({ method, url } as Request);
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: Buffer.from(await response.arrayBuffer()).toString('base64'),
  };
}

function senderEvent({ ours, main, origin }: Sender, ports: unknown[]): unknown {
  const sender = ours ? StandInWindow.open[0]?.webContents : new StandInContents();
  if (sender === undefined) throw new Error('no window');
  // The main frame is one object; what it shows is what the sender says.
  if (main === true) Object.assign(sender.mainFrame, { origin });
  const senderFrame = main === null ? null : main ? sender.mainFrame : { origin, parent: sender.mainFrame };
  return { sender, senderFrame, ports };
}

function emit(target: EventEmitter | undefined, event: string, details: unknown): Emitted {
  if (target === undefined) throw new Error('no window');
  let prevented = false;
  const preventDefault = (): void => {
    prevented = true;
  };
  const listeners = target.listenerCount(event);
  target.emit(event, Object.assign({ preventDefault }, details), details);
  return { prevented, listeners };
}

function click(entries: readonly MenuEntry[], id: string): boolean {
  for (const entry of entries) {
    if (entry.id === id && entry.click !== undefined) {
      entry.click();
      return true;
    }
    if (click(entry.submenu ?? [], id)) return true;
  }
  return false;
}

async function permission(
  handlers: Parts['handlers'],
  { permission: name, origin }: { permission: string; origin: string },
): Promise<{ request: boolean; check: boolean }> {
  const ask = handlers.permission as (contents: unknown, name: string, callback: (granted: boolean) => void) => void;
  const check = handlers.check as (contents: unknown, name: string, origin: string) => boolean;
  const requested = await new Promise<boolean>((resolve) => ask({ mainFrame: { origin } }, name, resolve));
  return { request: requested, check: check(null, name, origin) };
}
