import { readFileSync, writeFileSync } from 'node:fs';

/** A text as an archive in the custom format holds it: a sign, four bytes of length, the bytes. */
function packed(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Writes a copy of an archive in which a text of its table of contents is another one. Throws when it is not there. */
export function forge(from: string, to: string, replacements: readonly (readonly [string, string])[]): void {
  let bytes = readFileSync(from);
  for (const [old, text] of replacements) {
    const at = bytes.indexOf(packed(old));
    if (at < 0) throw new Error(`the archive does not hold “${old}”`);
    bytes = Buffer.concat([bytes.subarray(0, at), packed(text), bytes.subarray(at + packed(old).length)]);
  }
  writeFileSync(to, bytes);
}

/** The first text in an archive's contents that matches. */
export function textIn(file: string, pattern: RegExp): string {
  const bytes = readFileSync(file);
  const found = pattern.exec(bytes.toString('latin1'))?.[0];
  if (found === undefined) throw new Error(`the archive holds nothing like ${String(pattern)}`);
  return found;
}
