import { joinMessages } from '../../contract/wire.ts';

/** One end of a connection, as the host sees it. Frames are text. */
export interface Wire {
  /** Sends a frame; `done` is called when the other side (or the system) has taken it, so that what is under way is known. */
  transmit(frame: string, done: () => void): void;
  onFrame(listener: (frame: string) => void): void;
  /** The other side is gone, or `close` was called. At most once. */
  onClose(listener: () => void): void;
  close(reason: string): void;
}

export interface OutletLimits {
  /** Characters waiting or under way above which senders wait. Default 1 Mi. */
  readonly highWater?: number;
  /** Above this the reader is given up. Default 64 Mi. */
  readonly giveUp?: number;
}

/** The bounded way out of one connection. */
export interface Outlet {
  /** Puts a message on its way. Resolves when more may be sent: at once, or when a slow reader has caught up. */
  send(message: string): Promise<void>;
  /** Lets everyone who waits go, and sends nothing more. */
  close(): void;
}

const FRAME_SIZE = 256 * 1024;

/**
 * Batches messages (all of one turn of the event loop share a frame) and holds senders back while the reader is slow: a
 * stream is then not read on, and its feed drops and counts. A reader that takes nothing at all is cut off at `giveUp`.
 */
export function createOutlet(wire: Wire, { highWater = 1024 * 1024, giveUp = 64 * 1024 * 1024 }: OutletLimits = {}): Outlet {
  let queue: string[] = [];
  let load = 0;
  let closed = false;
  let turn: NodeJS.Immediate | undefined;
  let waiting: (() => void)[] = [];

  const letGo = (): void => {
    const all = waiting;
    waiting = [];
    for (const go of all) go();
  };

  const transmit = (messages: string[], size: number): void => {
    wire.transmit(joinMessages(messages), () => {
      load -= size;
      if (load <= highWater / 2) letGo();
    });
  };

  const flush = (): void => {
    turn = undefined;
    let frame: string[] = [];
    let size = 0;
    const messages = queue;
    queue = [];
    for (const message of messages) {
      frame.push(message);
      size += message.length;
      if (size >= FRAME_SIZE) {
        transmit(frame, size);
        frame = [];
        size = 0;
      }
    }
    if (frame.length > 0) transmit(frame, size);
  };

  return {
    async send(message) {
      if (closed) return;
      queue.push(message);
      load += message.length;
      turn ??= setImmediate(flush);
      if (load > giveUp) {
        wire.close('too much is waiting to be read');
        return;
      }
      if (load > highWater) await new Promise<void>((go) => waiting.push(go));
    },
    close() {
      closed = true;
      queue = [];
      clearImmediate(turn);
      letGo();
    },
  };
}
