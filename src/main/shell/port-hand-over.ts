import { PORT_CHANNEL } from '../../contract/hand-over.ts';
import type { ShellCommand } from '../../contract/wire.ts';
import type { Connection, RpcServer } from '../rpc/connection.ts';
import type { PortLike, PortWire } from '../rpc/port-wire.ts';
import { createPortWire } from '../rpc/port-wire.ts';
import type { RpcLog } from '../rpc/problems.ts';
import { APP_ORIGIN } from './app-scheme.ts';
import type { ElectronParts, IpcMainEvent, WebContents } from './electron.ts';

/** The ways from the shell to the page of the window. */
export interface PortDesk {
  /** Serves the ports this page hands over from now on. One at a time: a new one (a reload) ends the one before. */
  expect(contents: WebContents): void;
  /** Sends a menu entry to the page; lost when the page has no port yet. */
  send(command: ShellCommand): void;
  /** The page is gone: its calls and streams end. */
  drop(): void;
}

/** Takes message ports from the preload: only from our window's main frame, and only while it shows our own page. */
export function createPortDesk({ ipcMain, rpc, log }: Pick<ElectronParts, 'ipcMain'> & { rpc: RpcServer; log: RpcLog }): PortDesk {
  let expected: WebContents | undefined;
  let current: { wire: PortWire; connection: Connection } | undefined;

  const drop = (): void => {
    const last = current;
    current = undefined;
    last?.connection.close('the page is gone');
  };

  ipcMain.on(PORT_CHANNEL, (event) => {
    const [port, ...more] = event.ports;
    const reason = objection(event, expected);
    if (reason !== undefined || port === undefined || more.length > 0) {
      log.error('port refused', { reason: reason ?? 'not exactly one port' });
      for (const each of event.ports) each.close();
      return;
    }
    drop();
    const wire = createPortWire(port as unknown as PortLike);
    current = { wire, connection: rpc.serve(wire, 'window') };
  });

  return {
    expect(contents) {
      drop();
      expected = contents;
    },
    send: (command) => current?.wire.command({ command }),
    drop,
  };
}

/** Why a port may not be taken from whoever sent it. */
function objection(event: IpcMainEvent, expected: WebContents | undefined): string | undefined {
  const { sender, senderFrame } = event;
  if (expected === undefined || sender !== expected) return 'not from the window';
  if (senderFrame === null) return 'from a frame that is gone';
  if (senderFrame !== sender.mainFrame || senderFrame.parent !== null) return 'not from the main frame';
  if (senderFrame.origin !== APP_ORIGIN) return 'not from the interface';
  return undefined;
}
