/** What comes between two places of a marked stream. */
export type MarkedPart = { readonly data: Buffer } | { readonly mark: string; readonly words: readonly string[] };

/** Parts the bytes of a stream from the marks that its script puts in between: nonce, space, words, line feed. */
export function createMarkReader(nonce: string) {
  const sign = Buffer.from(`${nonce} `);
  let held: Buffer = Buffer.alloc(0);

  /** Length of the longest end of `bytes` with which the sign could begin. */
  function undecided(bytes: Buffer): number {
    for (let length = Math.min(sign.length - 1, bytes.length); length > 0; length--) {
      if (bytes.subarray(bytes.length - length).equals(sign.subarray(0, length))) return length;
    }
    return 0;
  }

  return {
    *push(chunk: Buffer): Generator<MarkedPart> {
      let bytes: Buffer = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      held = Buffer.alloc(0);
      for (let at = bytes.indexOf(sign); at >= 0; at = bytes.indexOf(sign)) {
        const end = bytes.indexOf(10, at + sign.length);
        if (end < 0) {
          if (at > 0) yield { data: bytes.subarray(0, at) };
          held = Buffer.from(bytes.subarray(at));
          return;
        }
        if (at > 0) yield { data: bytes.subarray(0, at) };
        const [mark = '', ...words] = bytes
          .subarray(at + sign.length, end)
          .toString('utf8')
          .split(' ');
        yield { mark, words };
        bytes = bytes.subarray(end + 1);
      }
      const keep = undecided(bytes);
      if (bytes.length > keep) yield { data: bytes.subarray(0, bytes.length - keep) };
      held = Buffer.from(bytes.subarray(bytes.length - keep));
    },
  };
}
