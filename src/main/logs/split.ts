/** Bytes of a line that are kept unless told; the rest of a longer one is counted and left out. */
const KEPT = 64 * 1024;

/** Lines that ended in one go, and how many bytes they and their line ends were. */
export interface SplitBatch {
  readonly lines: readonly { readonly text: string; readonly cut: boolean }[];
  readonly bytes: number;
  /** The last of those bytes, at most 256. */
  readonly tail: Buffer;
}

/**
 * Splits bytes into lines; a line that has not ended yet is held back. Memory is bounded by one kept line however long a
 * line gets. `tailOf` keeps the last bytes before the last line end, to recognise the place again.
 */
export function createSplitter(maxLines = 2000, keptBytes = KEPT) {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let lost = 0;
  let tail: Buffer = Buffer.alloc(0);
  /** The same for the line that has not ended: it counts as seen only when it ends. */
  let partial: Buffer = Buffer.alloc(0);

  const last = (before: Buffer, bytes: Buffer): Buffer =>
    bytes.length >= 256 ? Buffer.from(bytes.subarray(-256)) : Buffer.concat([before, bytes]).subarray(-256);
  const settle = (bytes: Buffer): void => {
    tail = last(last(tail, partial), bytes);
    partial = Buffer.alloc(0);
  };
  const hold = (bytes: Buffer): void => {
    const room = Math.max(0, keptBytes - heldBytes);
    if (room > 0) held.push(Buffer.from(bytes.subarray(0, room)));
    heldBytes += Math.min(room, bytes.length);
    lost += Math.max(0, bytes.length - room);
  };
  const finish = (): { text: string; cut: boolean } => {
    const line = { text: Buffer.concat(held).toString('utf8').replace(/\r$/, ''), cut: lost > 0 };
    held = [];
    heldBytes = lost = 0;
    return line;
  };

  return {
    /** Sets what stands before the first byte, for a splitter that begins in the middle. */
    begin(before: Buffer): void {
      tail = Buffer.from(before.subarray(-256));
      partial = Buffer.alloc(0);
      held = [];
      heldBytes = lost = 0;
    },
    *push(chunk: Buffer): Generator<SplitBatch> {
      let from = 0;
      while (from < chunk.length) {
        const lines: { text: string; cut: boolean }[] = [];
        const start = from;
        const carried = heldBytes + lost;
        while (lines.length < maxLines) {
          const end = chunk.indexOf(10, from);
          if (end < 0) break;
          hold(chunk.subarray(from, end));
          lines.push(finish());
          from = end + 1;
        }
        if (lines.length === 0) {
          partial = last(partial, chunk.subarray(from));
          hold(chunk.subarray(from));
          return;
        }
        settle(chunk.subarray(start, from));
        yield { lines, bytes: carried + (from - start), tail };
      }
    },
    /** Ends a line that had no line end. */
    flush(): SplitBatch | undefined {
      const bytes = heldBytes + lost;
      if (bytes === 0) return undefined;
      settle(Buffer.alloc(0));
      return { lines: [finish()], bytes, tail };
    },
  };
}
