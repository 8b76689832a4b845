import type { LogFilter } from '../../contract/logs.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import { readBlock } from './file-blocks.ts';
import type { LogFile } from './file-list.ts';
import { createFilter, isEmpty, prefilter } from './filter.ts';
import type { createParser, ParsedLine } from './parse.ts';
import { read } from './remote.ts';
import { FIND_IN_FILE } from './scripts.ts';
import { createSplitter } from './split.ts';
import type { Found } from './types.ts';

const BLOCK = 256 * 1024;
const BLOCK_MOST = 4 * 1024 * 1024;
/** Most bytes that one search brings over the line. */
const BUDGET = 64 * 1024 * 1024;
const FOUND_BYTES = 8 * 1024 * 1024;

type Parse = ReturnType<typeof createParser>;

function passing(bytes: Buffer, parse: Parse, filter: LogFilter): { all: ParsedLine[]; hits: ParsedLine[] } {
  const splitter = createSplitter(Number.POSITIVE_INFINITY);
  const passes = createFilter(filter);
  const all = [...splitter.push(bytes), splitter.flush()].flatMap((batch) => (batch?.lines ?? []).map(({ text, cut }) => parse(text, cut)));
  return { all, hits: all.filter(passes) };
}

/** The first time that a line of these has. */
const earliest = (lines: readonly ParsedLine[]): number | null => lines.find(({ at }) => at !== null)?.at ?? null;

/**
 * Looks through files from the newest backwards for lines that pass, until there are `limit` or all is seen. With a text or a
 * request id to go by the host looks for it and sends only lines that have it; else blocks are brought over from the end.
 */
export async function searchFiles(
  session: SshSession,
  files: readonly LogFile[],
  options: { filter: LogFilter; limit: number; parse: Parse; signal: AbortSignal },
): Promise<Found> {
  const { filter, limit, parse, signal } = options;
  const hint = prefilter(filter, false);
  const found: ParsedLine[][] = [];
  let wanted = limit;
  let brought = 0;
  let scannedBytes = 0;
  let complete = true;

  const take = (lines: ParsedLine[]): void => {
    const newest = wanted > 0 ? lines.slice(-wanted) : [];
    if (newest.length < lines.length) complete = false;
    wanted -= newest.length;
    found.unshift(newest);
  };

  async function onHost(file: LogFile): Promise<void> {
    const lines = isOnlyText(filter) ? wanted + 1 : Math.max(10_000, wanted * 10);
    const { stdout } = await read(
      session,
      {
        script: FIND_IN_FILE,
        args: [file.path, file.inode, String(file.size), hint.folded, hint.exact, String(lines), String(FOUND_BYTES)],
      },
      { what: `The log ${file.path}`, signal, maxBytes: FOUND_BYTES + 1024, timeoutMs: 10 * 60_000, accept: [0, 2, 4] },
    );
    // What was cut off by bytes begins in the middle of a line.
    const cut = stdout.length >= FOUND_BYTES;
    const { all, hits } = passing(cut ? stdout.subarray(stdout.indexOf(10) + 1) : stdout, parse, filter);
    if (cut || all.length >= lines) complete = false;
    brought += stdout.length;
    scannedBytes += file.size;
    take(hits);
  }

  async function backwards(file: LogFile): Promise<void> {
    let end = file.size;
    let rest: Buffer = Buffer.alloc(0);
    for (let size = BLOCK; end > 0 && wanted > 0; size = Math.min(size * 2, BLOCK_MOST)) {
      if (brought >= BUDGET) {
        complete = false;
        return;
      }
      const from = Math.max(0, end - size);
      const block = await readBlock(session, file, from, end - from, signal);
      if (block === undefined) return;
      brought += block.length;
      scannedBytes += block.length;
      const bytes = Buffer.concat([block, rest]);
      // The first line of a block may have begun before it.
      const first = from === 0 ? 0 : bytes.indexOf(10) + 1;
      if (from > 0 && first === 0) {
        rest = bytes.length > BLOCK_MOST ? Buffer.alloc(0) : bytes;
        end = from;
        continue;
      }
      const { all, hits } = passing(bytes.subarray(first), parse, filter);
      take(hits);
      rest = Buffer.from(bytes.subarray(0, first));
      end = from;
      const oldest = earliest(all);
      if (filter.since !== undefined && oldest !== null && oldest < filter.since) return;
    }
    if (end > 0 && wanted <= 0) complete = false;
  }

  for (const [index, file] of files.entries()) {
    if (wanted <= 0) {
      if (files.slice(index).some(({ size }) => size > 0)) complete = false;
      break;
    }
    // Nothing in it can be newer than its last change; a minute for clocks that differ.
    if (filter.since !== undefined && (file.modified + 60) * 1000 < filter.since) continue;
    if (file.packed && !file.path.endsWith('.gz')) complete = false;
    else if (file.packed || hint.folded !== '' || hint.exact !== '') await onHost(file);
    else await backwards(file);
  }
  return { lines: found.flat(), complete, scannedBytes };
}

/** True when the host's own search finds exactly what passes. */
const isOnlyText = (filter: LogFilter): boolean => isEmpty({ ...filter, text: '' }) && prefilter(filter, false).folded === filter.text;
