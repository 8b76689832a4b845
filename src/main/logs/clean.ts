import { cleanText } from '../drivers/text.ts';

/** Anything that `cleanText` would touch. Most log lines have none of it, and there are many of them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const SUSPICIOUS = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/;

/** {@link cleanText} with a quick way past clean text. */
export function clean(text: string, maxLength: number): string {
  return text.length <= maxLength && !SUSPICIOUS.test(text) ? text : cleanText(text, { maxLength });
}
