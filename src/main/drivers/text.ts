// biome-ignore-all lint/suspicious/noControlCharactersInRegex: control characters are what this file is about.
/** What {@link cleanText} may do. */
export interface CleanTextOptions {
  /** Longest result in UTF-16 units, the mark of the cut included. Default 2000. */
  readonly maxLength?: number;
  /** Keep line breaks and tabs. Without it they become spaces. Default false. */
  readonly multiline?: boolean;
}

// Strings of a terminal's control language: OSC, DCS, SOS, PM and APC run up to BEL or ST (or the end of the text: an
// unterminated one would otherwise show its payload); CSI (SGR among them) up to its final byte; then two-byte escapes.
// Both the seven-bit (ESC x) and the eight-bit (C1) introducers count.
const controlStrings = /(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c|(?=\u001b)|$)/g;
const controlSequences = /(?:\u001b\[|\u009b)[0-?]*[ -/]*(?:[@-~]|$)/g;
const shortEscapes = /\u001b[ -/]*[0-~]?/g;
const lineBreaks = /\r\n?|[\n\u2028\u2029\u0085]/g;
const otherControls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
// Bidi marks, embeddings, overrides and isolates, and the invisible joiners that hide text within a name.
const invisibles = /[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;
const loneSurrogates = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * Makes hostile remote text safe to show as text: terminal control strings (OSC, DCS, CSI and with it SGR), C0 and C1
 * controls, bidi and invisible characters are removed, and its length is capped. Line breaks become spaces unless
 * `multiline`. Never throws; the result of a result is itself.
 */
export function cleanText(text: string, options: CleanTextOptions = {}): string {
  const max = Math.max(1, options.maxLength ?? 2000);
  // Removal can only shorten, so looking at a generous beginning bounds the work on a huge text.
  const beginning = text.length > max * 16 + 4096 ? text.slice(0, max * 16 + 4096) : text;
  let clean = beginning;
  // Removing one thing may bring two halves of another together: go on until nothing changes.
  for (let before = ''; before !== clean; ) {
    before = clean;
    clean = clean
      .replace(controlStrings, '')
      .replace(controlSequences, '')
      .replace(shortEscapes, '')
      .replace(lineBreaks, options.multiline === true ? '\n' : ' ')
      .replace(otherControls, '')
      .replace(invisibles, '')
      .replace(loneSurrogates, '\ufffd');
    if (options.multiline !== true) clean = clean.replaceAll('\t', ' ');
  }
  if (clean.length <= max && beginning === text) return clean;
  const cut = clean.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '');
  return `${cut}…`;
}
