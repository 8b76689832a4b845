import type { WebSocket } from 'ws';
import type { Wire } from '../rpc/outlet.ts';

/** A wire on a WebSocket. A frame counts as under way until the system has taken it all. */
export function createSocketWire(socket: WebSocket): Wire {
  // Protocol errors end in `close`, which is where they are dealt with.
  socket.on('error', () => undefined);
  return {
    transmit: (frame, done) => socket.send(frame, () => done()),
    onFrame(listener) {
      socket.on('message', (data: Buffer, binary) => {
        if (binary) socket.close(1003);
        else listener(data.toString('utf8'));
      });
    },
    onClose: (listener) => socket.once('close', listener),
    close(reason) {
      socket.close(1001, reason);
      // A reader that takes nothing does not take the farewell either.
      if (socket.bufferedAmount > 0) socket.terminate();
    },
  };
}
