import type { ShellMessage } from '../../contract/wire.ts';
import type { Wire } from './outlet.ts';

/** What is common to Electron's `MessagePortMain` and Node's `MessagePort`. */
export interface PortLike {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  start(): void;
  close(): void;
}

/** A wire on a message port that also carries the shell's commands to the page. */
export interface PortWire extends Wire {
  /** Tells the page of a menu entry that was chosen. */
  command(message: ShellMessage): void;
}

/** Electron wraps a message in an event, Node gives it bare. */
function bare(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'data' in message ? message.data : message;
}

/**
 * A wire on a message port. A port has no measure of what is waiting in it, so the page answers each frame by a number:
 * how many frames it has taken so far.
 */
export function createPortWire(port: PortLike): PortWire {
  const underWay: (() => void)[] = [];
  let taken = 0;
  let closed = false;
  let gone: () => void = () => undefined;
  let received: (frame: string) => void = () => undefined;

  const over = (): void => {
    if (closed) return;
    closed = true;
    underWay.length = 0;
    gone();
  };

  port.on('message', (raw) => {
    const message = bare(raw);
    if (typeof message === 'string') received(message);
    else if (typeof message === 'number') {
      for (; taken < message && underWay.length > 0; taken += 1) underWay.shift()?.();
    }
  });
  port.on('close', over);

  return {
    transmit(frame, done) {
      if (closed) return;
      underWay.push(done);
      port.postMessage(frame);
    },
    onFrame(listener) {
      received = listener;
      port.start();
    },
    onClose(listener) {
      gone = listener;
    },
    close() {
      port.close();
      over();
    },
    command(message) {
      if (!closed) port.postMessage(message);
    },
  };
}
