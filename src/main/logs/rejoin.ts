/** Bytes of a line that docker keeps in one piece. */
const PIECE = 16 * 1024;
const LONGEST_STAMP = 64;
const SPACE = 32;
const LINE_FEED = 10;
const nothing: Buffer = Buffer.alloc(0);

/**
 * Takes out what `docker logs --timestamps` puts into long lines: it keeps a line in pieces of 16 KiB and writes the line's
 * time before each of them. Only the very same time at that very place goes.
 */
export function createRejoiner() {
  let part: 'stamp' | 'body' | 'repeat' = 'stamp';
  let stamp = nothing;
  let left = PIECE;
  let matched = 0;

  const begin = (): void => {
    part = 'stamp';
    stamp = nothing;
    left = PIECE;
  };

  return {
    push(chunk: Buffer): Buffer {
      const kept: Buffer[] = [];
      let at = 0;
      while (at < chunk.length) {
        const from = at;
        if (part === 'stamp') {
          while (at < chunk.length && chunk[at] !== SPACE && chunk[at] !== LINE_FEED) at++;
          const end = chunk[at];
          if (end !== undefined) at++;
          if (stamp.length <= LONGEST_STAMP) stamp = Buffer.concat([stamp, chunk.subarray(from, Math.min(at, from + LONGEST_STAMP + 1))]);
          if (end === LINE_FEED) begin();
          else if (end === SPACE) {
            part = 'body';
            left = stamp.length <= LONGEST_STAMP ? PIECE : Number.POSITIVE_INFINITY;
          }
          kept.push(chunk.subarray(from, at));
        } else if (part === 'body') {
          const end = chunk.indexOf(LINE_FEED, at);
          const room = (end < 0 ? chunk.length : end) - at;
          if (room >= left && !(room === left && end >= 0)) {
            at += left;
            part = 'repeat';
            matched = 0;
          } else if (end >= 0) {
            at = end + 1;
            begin();
          } else {
            at = chunk.length;
            left -= room;
          }
          kept.push(chunk.subarray(from, at));
        } else {
          while (at < chunk.length && matched < stamp.length && chunk[at] === stamp[matched]) {
            at++;
            matched++;
          }
          if (matched < stamp.length && at === chunk.length) break;
          left = PIECE;
          if (matched < stamp.length) {
            kept.push(stamp.subarray(0, matched));
            left = Number.POSITIVE_INFINITY;
          }
          part = 'body';
        }
      }
      return Buffer.concat(kept);
    },
  };
}
