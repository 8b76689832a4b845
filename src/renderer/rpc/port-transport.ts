import { PORT_CHANNEL, PORT_WANTED } from '../../contract/hand-over.ts';
import type { ShellCommand } from '../../contract/wire.ts';
import { joinMessages, ShellMessage } from '../../contract/wire.ts';
import { createChannel } from './channel.ts';
import type { ConnectionKeeper } from './connection.ts';

/** A message event, as far as it is looked at. */
interface Posted {
  readonly data: unknown;
  readonly source?: unknown;
  readonly ports?: readonly PagePort[];
}

/** The page's `MessagePort`, as far as it is used. */
export interface PagePort {
  postMessage(message: unknown): void;
  addEventListener(type: 'message' | 'close', listener: (event: Posted) => void): void;
  start(): void;
  close(): void;
}

/** The page's `window`, as far as the hand-over needs it. */
export interface PortPage {
  readonly location: { readonly origin: string };
  postMessage(message: unknown, origin: string): void;
  addEventListener(type: 'message', listener: (event: Posted) => void): void;
  removeEventListener(type: 'message', listener: (event: Posted) => void): void;
}

export interface PortTransportOptions {
  readonly connection: ConnectionKeeper;
  /** A menu entry was chosen. */
  readonly onCommand: (command: ShellCommand) => void;
}

/** Speaks over a message port. Each frame taken is answered by the number taken so far: the host's measure of how slow we are. */
export function createPortTransport(port: PagePort, { connection, onCommand }: PortTransportOptions): { close(): void } {
  const channel = createChannel((message) => port.postMessage(joinMessages([message])));
  let taken = 0;
  const gone = (): void => {
    channel.close();
    connection.lost();
  };
  port.addEventListener('message', ({ data }) => {
    if (typeof data === 'string') {
      channel.deliver(data);
      taken += 1;
      port.postMessage(taken);
      return;
    }
    const shell = ShellMessage.safeParse(data);
    if (shell.success) onCommand(shell.data.command);
  });
  port.addEventListener('close', gone);
  port.start();
  connection.opened(channel);
  return {
    close() {
      port.close();
      gone();
    },
  };
}

/** Asks the preload for the page's port. It comes once for each document, and only from this very window. */
export function requestPort(page: PortPage): Promise<PagePort> {
  return new Promise((resolve) => {
    const take = (event: Posted): void => {
      const port = event.ports?.[0];
      if (event.source !== page || event.data !== PORT_CHANNEL || port === undefined) return;
      page.removeEventListener('message', take);
      resolve(port);
    };
    page.addEventListener('message', take);
    page.postMessage(PORT_WANTED, page.location.origin);
  });
}
