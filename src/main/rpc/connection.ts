import type { AnyRouter } from '@orpc/server';
import { RPCHandler } from '@orpc/server/websocket';
import { splitFrame } from '../../contract/wire.ts';
import type { ClientKind, HostContext } from './context.ts';
import { createGuard } from './guard.ts';
import type { OutletLimits, Wire } from './outlet.ts';
import { createOutlet } from './outlet.ts';
import type { RpcLog } from './problems.ts';
import { toWire } from './problems.ts';

export interface RpcServerOptions {
  /** Implements the contract; made with `os.router(…)`. */
  readonly router: AnyRouter;
  readonly log: RpcLog;
  readonly limits?: OutletLimits;
}

/** A connection being served. */
export interface Connection {
  /** Ends it: every call's and stream's signal aborts. */
  close(reason: string): void;
}

/** Serves the host's router over any number of wires. */
export interface RpcServer {
  /** Serves until the wire closes. */
  serve(wire: Wire, client: ClientKind): Connection;
  /** How many wires are open. */
  readonly connections: number;
  /** Closes every connection. */
  close(): void;
}

/** Makes the server side of the RPC for the transports with a wire: WebSocket and message port. */
export function createRpcServer({ router, log, limits }: RpcServerOptions): RpcServer {
  const handler = new RPCHandler<HostContext>(router, { clientInterceptors: [createGuard(log, toWire)] });
  const open = new Set<Connection>();

  const serve = (wire: Wire, client: ClientKind): Connection => {
    const gone = new AbortController();
    const context: HostContext = { client, signal: gone.signal };
    const outlet = createOutlet(wire, limits);
    const connection: Connection = { close: (reason) => wire.close(reason) };
    const peer = {
      // The contract has no binary fields, so messages are always text.
      send: (message: unknown) =>
        typeof message === 'string' ? outlet.send(message) : Promise.reject(new TypeError('not a text message')),
      addEventListener: () => undefined,
    };
    wire.onFrame((frame) => {
      for (const message of splitFrame(frame)) {
        handler.message(peer, message, { context }).catch((error: unknown) => {
          // Only the kind of error: a parser's message quotes what it could not read.
          if (!gone.signal.aborted) log.error('message not handled', { client, error: error instanceof Error ? error.name : typeof error });
        });
      }
    });
    wire.onClose(() => {
      open.delete(connection);
      gone.abort();
      handler.close(peer);
      outlet.close();
    });
    open.add(connection);
    return connection;
  };

  return {
    serve,
    get connections() {
      return open.size;
    },
    close() {
      for (const connection of [...open]) connection.close('the host is closing');
    },
  };
}
