import type { ClientLink, ClientOptions } from '@orpc/client';
import { createORPCClient, mapEventIterator } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import { splitFrame } from '../../contract/wire.ts';
import { cancelled, fromWire, notConnected, outcomeUnknown } from './problems.ts';

type Context = Record<never, never>;

/** One open connection, whatever it runs over. When it is closed it stays closed; the next one is another channel. */
export interface Channel {
  call(path: readonly string[], input: unknown, options: ClientOptions<Context>): Promise<unknown>;
  /** Takes a frame that came in. */
  deliver(frame: string): void;
  /** The connection is gone: calls under way end as `outcome-unknown`, streams as `not-connected`. */
  close(): void;
}

function isIterator(value: unknown): value is AsyncIterator<unknown> {
  return typeof value === 'object' && value !== null && 'next' in value && Symbol.asyncIterator in value;
}

/** Makes a channel that sends its messages by `send`. */
export function createChannel(send: (message: string) => void): Channel {
  // The library wants a WebSocket; it gets its four members, so that sockets and ports share one path.
  const socket = Object.assign(new EventTarget(), {
    readyState: 1,
    send: (message: unknown) => {
      if (typeof message !== 'string') throw new TypeError('not a text message');
      send(message);
    },
  });
  const link = new RPCLink({ websocket: socket as unknown as WebSocket });
  let closed = false;

  return {
    async call(path, input, options) {
      const call = path.join('.');
      const aborted = (): boolean => options.signal?.aborted === true;
      if (aborted()) throw cancelled(call);
      if (closed) throw notConnected();
      let sent: unknown;
      try {
        sent = await link.call(path, input, options);
      } catch (error) {
        if (aborted()) throw cancelled(call);
        throw closed ? outcomeUnknown(call) : fromWire(error, call);
      }
      if (!isIterator(sent)) return sent;
      return mapEventIterator(sent as Parameters<typeof mapEventIterator>[0], {
        value: async (value: unknown) => value,
        error: async (error: unknown) => {
          if (aborted()) return cancelled(call);
          return closed ? notConnected() : fromWire(error, call);
        },
      });
    },
    deliver(frame) {
      for (const data of splitFrame(frame)) socket.dispatchEvent(new MessageEvent('message', { data }));
    },
    close() {
      if (closed) return;
      closed = true;
      socket.readyState = 3;
      socket.dispatchEvent(new Event('close'));
    },
  };
}

/** Gives the channel in use now, waiting for the first one. Throws a problem when there is none. */
export type ChannelSource = (signal: AbortSignal | undefined) => Promise<Channel>;

/** A client that sends each call over the channel in use when it is made. No call is ever sent twice. */
export function createClient<T>(source: ChannelSource): T {
  const link: ClientLink<Context> = {
    call: async (path, input, options) => (await source(options.signal)).call(path, input, options),
  };
  return createORPCClient(link) as T;
}
