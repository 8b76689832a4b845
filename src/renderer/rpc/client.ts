import type { AnyContractRouter, ContractRouterClient } from '@orpc/contract';
import type { contract } from '../../contract/index.ts';
import type { ShellCommand } from '../../contract/wire.ts';
import { SOCKET_PATH } from '../../contract/wire.ts';
import { createClient } from './channel.ts';
import type { ConnectionStore } from './connection.ts';
import { createConnection } from './connection.ts';
import { createPortTransport, requestPort } from './port-transport.ts';
import { checkSession, claimSession } from './session.ts';
import { createSocketTransport } from './socket-transport.ts';
import { createSubscribe } from './subscribe.ts';

/** The host, as the page sees it. Every call throws a `Problem` and nothing else. */
export interface Rpc<C extends AnyContractRouter = typeof contract> {
  readonly rpc: ContractRouterClient<C>;
  /** How the page stands with its host. */
  readonly connection: ConnectionStore;
  /** Keeps a stream going over reconnects. */
  readonly subscribe: ReturnType<typeof createSubscribe>;
  /** Calls `listener` for each menu entry chosen in the desktop shell; gives the way to stop. */
  onShellCommand(listener: (command: ShellCommand) => void): () => void;
  close(): void;
}

/** Connects the page to its host: in the desktop shell by the message port it is handed, otherwise by WebSocket to where it came from. */
export function createRpc<C extends AnyContractRouter = typeof contract>(page: Window = window): Rpc<C> {
  const connection = createConnection();
  const listeners = new Set<(command: ShellCommand) => void>();
  let transport: { close(): void } | undefined;

  if (page.location.protocol === 'http:') {
    const fetch: typeof page.fetch = (input, init) => page.fetch(input, init);
    let first = true;
    transport = createSocketTransport({
      url: `ws://${page.location.host}${SOCKET_PATH}`,
      connection,
      session: () => {
        const claim = first ? claimSession({ location: page.location, history: page.history, fetch }) : checkSession(fetch);
        first = false;
        return claim;
      },
    });
  } else {
    const onCommand = (command: ShellCommand): void => {
      for (const listener of listeners) listener(command);
    };
    void requestPort(page).then((port) => {
      transport = createPortTransport(port, { connection, onCommand });
    });
  }

  return {
    rpc: createClient<ContractRouterClient<C>>(connection.source),
    connection: connection.store,
    subscribe: createSubscribe(connection.store),
    onShellCommand(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => transport?.close(),
  };
}
