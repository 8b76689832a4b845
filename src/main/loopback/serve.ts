import type { AnyRouter } from '@orpc/server';
import type { RpcLog } from '../rpc/problems.ts';
import { createLoopback } from './server.ts';

/** The host, as far as serving it needs to know. */
export interface ServedHost {
  readonly router: AnyRouter;
  close(): Promise<void>;
}

export interface ServeOptions {
  readonly openHost: () => Promise<ServedHost>;
  readonly assetsFolder: string;
  /** 0 or absent: any free one. */
  readonly port?: number;
  readonly log: RpcLog;
  /** Takes the one line that says where. */
  readonly print: (line: string) => void;
}

/** What is being served. */
export interface Serving {
  /** Holds the one-time token. */
  readonly url: string;
  /** Closes the way in first, then the host. Safe to call again. */
  close(): Promise<void>;
}

/** Opens a host, serves it on 127.0.0.1 and prints `Quarterdeck is ready: <address>` once it can be used. */
export async function serve({ openHost, assetsFolder, port, log, print }: ServeOptions): Promise<Serving> {
  const host = await openHost();
  try {
    const loopback = await createLoopback({ router: host.router, assetsFolder, log, ...(port === undefined ? {} : { port }) });
    print(`Quarterdeck is ready: ${loopback.url}`);
    let closing: Promise<void> | undefined;
    return {
      url: loopback.url,
      close: () => (closing ??= loopback.close().finally(() => host.close())),
    };
  } catch (error) {
    await host.close();
    throw error;
  }
}

/** Reads `QUARTERDECK_PORT`: a port, or nothing for any free one. Throws when it is set to something else. */
export function portFrom(environment: { readonly [name: string]: string | undefined }): number | undefined {
  const text = environment['QUARTERDECK_PORT'];
  if (text === undefined || text === '') return undefined;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) throw new RangeError('QUARTERDECK_PORT must be a number from 1 to 65535.');
  return port;
}

/** Resolves at the first SIGINT or SIGTERM. A second one ends the process at once, for whoever can't wait for an orderly end. */
export function untilSignalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];
    let first = true;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (!first) process.exit(signal === 'SIGINT' ? 130 : 143);
      first = false;
      resolve(signal);
    };
    for (const signal of signals) process.on(signal, onSignal);
  });
}
