import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

/** Gives any duplex the few methods that an HTTP client calls on a socket and a tunnelled stream does not have. */
export function asSocket(stream: Duplex): Socket {
  const socket = stream as Duplex & Record<string, unknown>;
  for (const name of ['ref', 'unref', 'setNoDelay', 'setKeepAlive', 'setTimeout']) {
    if (typeof socket[name] !== 'function') socket[name] = () => socket;
  }
  return socket as unknown as Socket;
}

/** TLS over a tunnelled stream. The certificate is checked against the name in the URL, as if there were no tunnel. */
export function secure(stream: Duplex, host: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ socket: stream, ...(isIP(host) === 0 ? { servername: host } : {}), host, ALPNProtocols: ['http/1.1'] });
    const settle = (error?: Error): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', settle);
      if (error === undefined) {
        resolve(socket);
        return;
      }
      socket.on('error', () => undefined);
      socket.destroy();
      stream.destroy();
      reject(error);
    };
    const onAbort = (): void => settle(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    socket.once('secureConnect', () => settle());
    socket.once('error', settle);
    socket.once('close', () => settle(new Error('the connection was closed during the TLS handshake')));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
