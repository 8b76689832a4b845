import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** How a connection is taken away: closed in order, reset, or gone silent without a sign. */
export type CutMode = 'fin' | 'rst' | 'silent';

/** A TCP proxy that takes connections away on command. */
export interface CutProxy {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Connections that were accepted so far, and that are open. */
  readonly accepted: number;
  readonly open: number;
  /** Bytes relayed so far: `up` from the client to the server, `down` the other way. */
  readonly relayed: { readonly up: number; readonly down: number };
  /** Cuts every open connection. New ones are relayed as before. */
  cut(mode: CutMode): void;
  /** Cuts every open connection as soon as that many more bytes were relayed in that direction. Resolves when it did. */
  cutAfter(direction: 'up' | 'down', bytes: number, mode: CutMode): Promise<void>;
  /** Limits each direction of each connection; undefined lifts the limit. */
  throttle(bytesPerSecond: number | undefined): void;
  /** Ends for good what was cut silently: the server too learns that nobody is there any more. True when there was any. */
  bury(): boolean;
  /** Refuses new connections until `restore`. */
  refuse(): void;
  restore(): void;
  close(): Promise<void>;
}

/** Starts the proxy on a free port of 127.0.0.1, in front of `target`. */
export async function startCutProxy(target: { readonly host?: string; readonly port: number }): Promise<CutProxy> {
  const pairs = new Set<{ client: Socket; server: Socket; silent: boolean }>();
  const relayed = { up: 0, down: 0 };
  let accepted = 0;
  let rate: number | undefined;
  let refusing = false;
  let trap: { direction: 'up' | 'down'; left: number; mode: CutMode; sprung: () => void } | undefined;

  const cut = (mode: CutMode): void => {
    for (const pair of pairs) {
      if (mode === 'silent') {
        pair.silent = true;
        pair.client.pause();
        pair.server.pause();
        continue;
      }
      for (const socket of [pair.client, pair.server]) {
        if (mode === 'rst') socket.resetAndDestroy();
        else socket.end();
      }
    }
  };

  const server = createServer((client) => {
    if (refusing) {
      client.resetAndDestroy();
      return;
    }
    accepted++;
    const upstream = connect({ host: target.host ?? '127.0.0.1', port: target.port });
    const pair = { client, server: upstream, silent: false };
    pairs.add(pair);
    const relay = (direction: 'up' | 'down', from: Socket, to: Socket): void => {
      from.setNoDelay(true);
      from.on('error', () => undefined);
      from.on('data', (chunk) => {
        if (pair.silent) return;
        relayed[direction] += chunk.length;
        if (trap?.direction === direction) {
          trap.left -= chunk.length;
          if (trap.left <= 0) {
            const { mode, sprung } = trap;
            trap = undefined;
            cut(mode);
            sprung();
            return;
          }
        }
        const flowing = to.writable ? to.write(chunk) : true;
        const resume = (): void => {
          if (!pair.silent) from.resume();
        };
        if (rate !== undefined) {
          from.pause();
          setTimeout(resume, (chunk.length / rate) * 1000);
        } else if (!flowing) {
          from.pause();
          to.once('drain', resume);
        }
      });
      from.on('end', () => {
        if (!pair.silent) to.end();
      });
      from.on('close', () => {
        if (!pair.silent) to.destroySoon();
        if (client.destroyed && upstream.destroyed) pairs.delete(pair);
      });
    };
    relay('up', client, upstream);
    relay('down', upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');

  return {
    host: '127.0.0.1',
    port: address.port,
    relayed,
    get accepted() {
      return accepted;
    },
    get open() {
      return pairs.size;
    },
    cut,
    cutAfter: (direction, bytes, mode) =>
      new Promise((resolve) => {
        trap = { direction, left: bytes, mode, sprung: resolve };
      }),
    throttle: (bytesPerSecond) => {
      rate = bytesPerSecond;
    },
    bury: () => {
      const silent = [...pairs].filter((pair) => pair.silent);
      for (const pair of silent) {
        pair.client.destroy();
        pair.server.destroy();
      }
      return silent.length > 0;
    },
    refuse: () => {
      refusing = true;
    },
    restore: () => {
      refusing = false;
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const pair of pairs) {
        pair.client.destroy();
        pair.server.destroy();
      }
      await closed;
    },
  };
}
