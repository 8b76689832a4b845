import { joinMessages } from '../../contract/wire.ts';
import { createChannel } from './channel.ts';
import type { ConnectionKeeper } from './connection.ts';
import type { SessionState } from './session.ts';

export interface SocketTransportOptions {
  readonly url: string;
  readonly connection: ConnectionKeeper;
  /** Trades or checks the session before each try; the first time it may use the token of the address. */
  readonly session: () => Promise<SessionState>;
  /** Delay before the n-th try in a row (from 1), in milliseconds. */
  readonly delay?: (attempt: number) => number;
  readonly WebSocket?: typeof globalThis.WebSocket;
}

/** 0.2 s doubling to 5 s, with jitter so that several windows don't knock together. */
const backOff = (attempt: number): number => Math.min(5000, 200 * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);

/** Keeps a WebSocket to the loopback host open: reconnects for ever, with back-off, and stops only when the session is refused. */
export function createSocketTransport({
  url,
  connection,
  session,
  delay = backOff,
  WebSocket = globalThis.WebSocket,
}: SocketTransportOptions): { close(): void } {
  let closed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let socket: WebSocket | undefined;

  const retry = (): void => {
    connection.lost();
    if (!closed) timer = setTimeout(attempt, delay(connection.store.getState().attempt));
  };

  const attempt = (): void => {
    session().then(
      (state) => {
        if (closed) return;
        if (state === 'granted') open();
        else if (state === 'refused') connection.refused();
        else retry();
      },
      () => retry(),
    );
  };

  const open = (): void => {
    const mine = new WebSocket(url);
    socket = mine;
    const channel = createChannel((message) => mine.send(joinMessages([message])));
    mine.addEventListener('open', () => {
      if (!closed) connection.opened(channel);
    });
    mine.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') channel.deliver(data);
    });
    mine.addEventListener('close', () => {
      channel.close();
      if (!closed) retry();
    });
    // `close` follows and says the same; without a listener Node's WebSocket would throw.
    mine.addEventListener('error', () => undefined);
  };

  attempt();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.close();
      connection.lost();
    },
  };
}
