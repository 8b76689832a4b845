import type { Micros } from './time.ts';
import { formatInstant } from './time.ts';
import type { HistoryLine, Lsn, SegmentHeader } from './wal.ts';
import { parseArchiveName, segmentName, segmentNumber, segmentOf } from './wal.ts';

/** A base backup as it lies on the host. */
export interface BaseBackup {
  readonly name: string;
  readonly path: string;
  readonly system: string;
  readonly major: number;
  readonly segmentBytes: number;
  readonly timeline: number;
  readonly start: Lsn;
  readonly end: Lsn;
  /** From this moment on the state is whole; undefined when nobody wrote it down. */
  readonly stoppedAt: Micros | undefined;
  readonly bytes: number;
  /** Segments that it brings itself. */
  readonly wal: readonly string[];
  readonly tablespaces: boolean;
  /** This console made it: its manifest lies beside it. */
  readonly ours: boolean;
}

/** A WAL archive as it lies on the host. */
export interface Archive {
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly modifiedAt: Micros }[];
  readonly histories: ReadonlyMap<number, readonly HistoryLine[]>;
  /** What the segments of full size say of themselves. */
  readonly headers: readonly SegmentHeader[];
}

/** How far a base backup and an archive reach together. */
export interface Chain {
  readonly base: BaseBackup;
  /** The timeline that is followed to its end. */
  readonly timeline: number;
  /** Names without a gap, oldest first; the first ones may lie in the base backup itself. */
  readonly segments: readonly string[];
  /** Why it ends where it ends: the first segment that can't be used. Undefined when the archive simply ends. */
  readonly gap: { readonly name: string; readonly why: 'missing' | 'short' | 'damaged' | 'foreign' } | undefined;
}

/** The timelines from a base backup to `timeline`, with the position at which each was left; undefined when they don't meet. */
function path(
  base: BaseBackup,
  timeline: number,
  archive: Archive,
): readonly (HistoryLine | { timeline: number; end: undefined })[] | undefined {
  const history = archive.histories.get(timeline) ?? [];
  const whole = [...history, { timeline, end: undefined }];
  const from = whole.findIndex((line) => line.timeline === base.timeline);
  const own = whole[from];
  if (own === undefined || (own.end !== undefined && own.end < base.end)) return undefined;
  return whole.slice(from);
}

const gapWhy = { missing: 'is missing', short: 'is cut', damaged: 'is damaged', foreign: 'is of another cluster' } as const;

/**
 * Follows the WAL from where a base backup began, segment by segment, until one is missing, has not the full size, or does not say of
 * itself that it is what its name says. `damaged`: segments that were read and found broken. Undefined: the base backup does not lie on this timeline.
 */
export function followWal(
  base: BaseBackup,
  archive: Archive,
  timeline: number,
  damaged: ReadonlySet<string> = new Set(),
): Chain | undefined {
  const line = path(base, timeline, archive);
  if (line === undefined) return undefined;
  const size = base.segmentBytes;
  const files = new Map(archive.files.map((file) => [file.name, file]));
  const headers = new Map(archive.headers.map((header) => [segmentName(header.timeline, header.segment, size), header]));
  const own = new Set(base.wal);
  const last = Math.max(
    segmentOf(base.end - 1n, size),
    ...archive.files.flatMap(({ name }) => {
      const parsed = parseArchiveName(name);
      return parsed.kind === 'segment' && line.some((one) => one.timeline === parsed.timeline) ? [segmentNumber(parsed, size)] : [];
    }),
  );
  const judge = (name: string): 'good' | NonNullable<Chain['gap']>['why'] => {
    const file = files.get(name);
    if (file === undefined) return own.has(name) ? 'good' : 'missing';
    if (file.bytes !== size) return 'short';
    const header = headers.get(name);
    if (header === undefined || damaged.has(name)) return 'damaged';
    return header.system === base.system ? 'good' : 'foreign';
  };
  const segments: string[] = [];
  for (let segment = segmentOf(base.start, size); segment <= last; segment += 1) {
    // The segment in which a timeline was left exists in both; PostgreSQL takes the newer one when it is there.
    const candidates = line.flatMap((one, index) => {
      const before = line[index - 1];
      const begins = before?.end === undefined ? true : segment >= segmentOf(before.end, size);
      const ends = one.end === undefined || segment <= segmentOf(one.end, size);
      return begins && ends ? [segmentName(one.timeline, segment, size)] : [];
    });
    const names = candidates.reverse();
    const name = names.find((one) => files.has(one)) ?? names.find((one) => own.has(one)) ?? names[0];
    if (name === undefined) break;
    const found = judge(name);
    if (found !== 'good') return { base, timeline, segments, gap: { name, why: found } };
    segments.push(name);
  }
  return { base, timeline, segments, gap: undefined };
}

/** A chain and the times between which a target can be chosen, both included. */
export interface Window extends Chain {
  readonly from: Micros;
  readonly to: Micros;
  /** Where `to` comes from: `approximate` is the time of the last file, because no transaction could be read. */
  readonly exact: boolean;
}

/** `2 segments` */
const segmentsText = (n: number) => `${n} segment${n === 1 ? '' : 's'}`;

/** One line about a window. */
export function windowText(window: Window): string {
  const gap = window.gap === undefined ? '' : ` Gap: ${window.gap.name} ${gapWhy[window.gap.why]}; nothing after it can be reached.`;
  return `Base backup of ${formatInstant(window.from)} + ${segmentsText(window.segments.length)} of WAL: up to ${formatInstant(window.to)}${
    window.exact ? '' : ' (approximate: the time of the last file)'
  }.${gap}`;
}

/** The newest base backup from which a target can be reached. */
export function windowFor(windows: readonly Window[], target: Micros): Window | undefined {
  return windows.filter(({ from, to }) => from <= target && target <= to).sort((a, b) => b.from - a.from)[0];
}

/** Why no window holds a target, in words that name what is missing. */
export function outsideText(windows: readonly Window[], target: Micros): string {
  const at = formatInstant(target);
  const sorted = [...windows].sort((a, b) => a.from - b.from);
  const [first] = sorted;
  if (first === undefined) return `${at} can't be reached: there is no base backup that can be used.`;
  if (target < first.from) return `${at} is before the first base backup was whole (${formatInstant(first.from)}).`;
  const nearest = sorted.filter(({ from }) => from <= target).at(-1) as Window;
  const why =
    nearest.gap === undefined
      ? `The archive ends there: the last transaction in it is of ${formatInstant(nearest.to)}.`
      : `${nearest.gap.name} ${gapWhy[nearest.gap.why]} in the archive.`;
  return `${at} can't be reached: from the base backup ${nearest.base.name} the WAL goes to ${formatInstant(nearest.to)} only. ${why}`;
}
