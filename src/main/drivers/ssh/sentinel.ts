/** Takes the mark of completion out of a byte stream. */
export interface SentinelFilter {
  /** The code that followed the mark, once it came. */
  readonly exitCode: number | undefined;
  /** Gives the bytes that are certainly not part of the mark. */
  push(chunk: Buffer): Buffer;
  /** Gives what was held back, at the end of the stream. */
  flush(): Buffer;
}

/** Makes the filter for one mark (see `program.ts`); the mark may come split at any byte. */
export function createSentinelFilter(mark: string): SentinelFilter {
  const needle = Buffer.from(mark, 'latin1');
  // Mark, space, up to three digits, line feed.
  const longest = needle.length + 5;
  let held: Buffer = Buffer.alloc(0);
  let exitCode: number | undefined;
  return {
    get exitCode() {
      return exitCode;
    },
    push(chunk) {
      if (exitCode !== undefined) return chunk;
      const all = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      let from = 0;
      for (let at = all.indexOf(needle); at >= 0; at = all.indexOf(needle, from)) {
        const rest = all.toString('latin1', at + needle.length, at + longest);
        const found = /^ (\d{1,3})\n/.exec(rest);
        if (found !== null) {
          exitCode = Number(found[1]);
          held = Buffer.alloc(0);
          return Buffer.concat([all.subarray(0, at), all.subarray(at + needle.length + found[0].length)]);
        }
        if (/^(?: \d{0,3})?$/.test(rest)) {
          held = Buffer.from(all.subarray(at));
          return all.subarray(0, at);
        }
        // A server that knows the mark could otherwise have everything after it held for ever.
        from = at + needle.length;
      }
      const keep = possibleStart(all.subarray(from), needle);
      held = Buffer.from(all.subarray(all.length - keep));
      return all.subarray(0, all.length - keep);
    },
    flush() {
      const rest = held;
      held = Buffer.alloc(0);
      return rest;
    },
  };
}

/** How many last bytes could be the beginning of the needle. */
function possibleStart(bytes: Buffer, needle: Buffer): number {
  for (let length = Math.min(needle.length - 1, bytes.length); length > 0; length--) {
    if (bytes.subarray(bytes.length - length).equals(needle.subarray(0, length))) return length;
  }
  return 0;
}

/** Takes away what a login shell's start-up files print before the script begins. */
export interface StartFilter {
  push(chunk: Buffer): Buffer;
  /** What came before the mark; all there is when the script never began. */
  noise(): Buffer;
}

/** Start-up noise beyond this many bytes is not kept. */
const noiseLimit = 64 * 1024;

/** Makes the filter for the first line of stdout (see `program.ts`). */
export function createStartFilter(mark: string): StartFilter {
  const needle = Buffer.from(`${mark}\n`, 'latin1');
  let before: Buffer = Buffer.alloc(0);
  let begun = false;
  return {
    push(chunk) {
      if (begun) return chunk;
      const all = Buffer.concat([before, chunk]);
      const at = all.indexOf(needle);
      begun = at >= 0;
      before = begun ? all.subarray(0, at) : all.subarray(Math.max(0, all.length - noiseLimit));
      return begun ? all.subarray(at + needle.length) : Buffer.alloc(0);
    },
    noise: () => before,
  };
}
