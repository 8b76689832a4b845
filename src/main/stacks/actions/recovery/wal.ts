/** A position in the WAL, as a number of bytes. */
export type Lsn = bigint;

/** Reads `0/D000B0`; undefined when it is none. */
export function parseLsn(text: string): Lsn | undefined {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text);
  return match === null ? undefined : (BigInt(`0x${match[1]}`) << 32n) + BigInt(`0x${match[2]}`);
}

export const formatLsn = (lsn: Lsn): string => `${(lsn >> 32n).toString(16)}/${(lsn & 0xffffffffn).toString(16)}`.toUpperCase();

/** What a file of an archive is, by its name. */
export type ArchiveName =
  | { readonly kind: 'segment' | 'partial'; readonly timeline: number; readonly high: number; readonly low: number }
  | { readonly kind: 'backup' | 'history'; readonly timeline: number }
  | { readonly kind: 'other' };

const hex = (text: string | undefined) => Number.parseInt(text ?? '', 16);

/** Reads a name as PostgreSQL gives them; anything else (a copy under way, a compressed segment) is `other`. */
export function parseArchiveName(name: string): ArchiveName {
  const segment = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(\.partial)?$/.exec(name);
  if (segment !== null)
    return {
      kind: segment[4] === undefined ? 'segment' : 'partial',
      timeline: hex(segment[1]),
      high: hex(segment[2]),
      low: hex(segment[3]),
    };
  const backup = /^([0-9A-F]{8})[0-9A-F]{16}\.[0-9A-F]{8}\.backup$/.exec(name);
  if (backup !== null) return { kind: 'backup', timeline: hex(backup[1]) };
  const history = /^([0-9A-F]{8})\.history$/.exec(name);
  return history === null ? { kind: 'other' } : { kind: 'history', timeline: hex(history[1]) };
}

const perId = (segmentBytes: number) => 0x1_0000_0000 / segmentBytes;

/** Number of the segment that holds a position. */
export const segmentOf = (lsn: Lsn, segmentBytes: number): number => Number(lsn / BigInt(segmentBytes));

/** Number of a segment from its name's parts. */
export const segmentNumber = (name: { readonly high: number; readonly low: number }, segmentBytes: number): number =>
  name.high * perId(segmentBytes) + name.low;

/** The file name of a segment. */
export function segmentName(timeline: number, segment: number, segmentBytes: number): string {
  const part = (value: number) => value.toString(16).toUpperCase().padStart(8, '0');
  return part(timeline) + part(Math.floor(segment / perId(segmentBytes))) + part(segment % perId(segmentBytes));
}

/** One line of a timeline's history: the timeline it came from, and where it left it. */
export interface HistoryLine {
  readonly timeline: number;
  readonly end: Lsn;
}

/** Reads a `.history` file, oldest first. */
export function parseHistory(text: string): HistoryLine[] {
  return text.split('\n').flatMap((line) => {
    const [timeline = '', at = ''] = line.trim().split(/\s+/);
    const end = parseLsn(at);
    return /^\d+$/.test(timeline) && end !== undefined ? [{ timeline: Number(timeline), end }] : [];
  });
}

/** What the first page of a segment says of it: where it belongs. */
export interface SegmentHeader {
  readonly timeline: number;
  readonly segment: number;
  readonly system: string;
}

/** Reads long page headers, 40 bytes each, little-endian; what is none (a zeroed segment) is left out. */
export function parseHeaders(bytes: Buffer): SegmentHeader[] {
  const headers: SegmentHeader[] = [];
  for (let at = 0; at + 40 <= bytes.length; at += 40) {
    const segmentBytes = bytes.readUInt32LE(at + 32);
    const magic = bytes.readUInt16LE(at);
    if (magic >> 8 !== 0xd1 || segmentBytes < 0x10_0000 || (segmentBytes & (segmentBytes - 1)) !== 0) continue;
    headers.push({
      timeline: bytes.readUInt32LE(at + 4),
      segment: segmentOf(bytes.readBigUInt64LE(at + 8), segmentBytes),
      system: bytes.readBigUInt64LE(at + 24).toString(),
    });
  }
  return headers;
}
