import type { ActionContext } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { look } from '../job.ts';
import { foreignBackup } from '../manifest.ts';
import type { RecoveryInput } from './input.ts';
import type { Live, Stored } from './look-archive.ts';
import { lookAtLive, lookAtStored } from './look-archive.ts';
import type { Micros } from './time.ts';
import { parseInstant } from './time.ts';
import type { Chain, Window } from './window.ts';
import { followWal } from './window.ts';

/** How many segments from the end are read for the last transaction: an idle server fills none for a long time. */
const READ_SEGMENTS = 24;

/**
 * Arguments: tools, archive, names, newest first. Prints the last transaction's line, or the name of the segment that can't be read to its
 * end: the one before it decides then. Reads only.
 */
const lastTransaction = `set -u
LC_ALL=C TZ=UTC
export LC_ALL TZ
bin=$1 archive=$2
shift 2
[ -x "$bin/pg_waldump" ] || { echo tool=no; exit 0; }
for name in "$@"; do
  [ -f "$archive/$name" ] || continue
  if ! found=$("$bin/pg_waldump" -r Transaction "$archive/$name" 2>&1); then
    # All of it may belong to one record that began before.
    case "$found" in *'could not find a valid record after'*) continue ;; esac
    echo "broken=$name"
    exit 0
  fi
  line=$(printf '%s\\n' "$found" | grep -E 'desc: (COMMIT|ABORT)' | tail -n 1)
  if [ -n "$line" ]; then
    printf 'last=%s\\n' "$(printf '%s\\n' "$line" | sed 's/^.*desc: [A-Z_]* \\([0-9]*: \\)\\{0,1\\}\\([0-9-]* [0-9:.]* [A-Z]*\\).*$/\\2/')"
    exit 0
  fi
done
`;

/** Everything that was found out about what can be recovered. */
export interface Found {
  readonly stored: Stored;
  readonly live: Live | undefined;
  /** Why the live server could not be asked. */
  readonly liveTrouble: string | undefined;
  /** Cluster that is to be recovered; undefined when neither the server nor its directory could say. */
  readonly system: string | undefined;
  /** Oldest first. */
  readonly windows: readonly Window[];
  /** Base backups that can't be used, each with its reason. */
  readonly refused: readonly { readonly name: string; readonly why: string }[];
}

async function endOf(
  context: ActionContext,
  input: RecoveryInput,
  chain: Chain,
): Promise<{ to: Micros; exact: boolean } | { broken: string } | undefined> {
  const names = [...chain.segments].reverse().slice(0, READ_SEGMENTS);
  if (names.length === 0) return undefined;
  const { facts } = await look(
    await context.session(),
    { script: lastTransaction, args: [input.bin_dir, input.archive_dir, ...names] },
    { timeoutMs: 120_000 },
  );
  if (facts['broken'] !== undefined) return { broken: facts['broken'] };
  const last = parseInstant(facts['last'] ?? '');
  // A target is reached when a transaction after it is seen, so the last one's own time is one microsecond too late.
  if (last !== undefined) return { to: last - 1, exact: true };
  return facts['tool'] === 'no' ? { to: Number.NaN, exact: false } : undefined;
}

/** Looks at base backups, archive and live server, and computes from which time to which a target can be chosen. @throws Problem */
export async function findWindows(context: ActionContext, input: RecoveryInput): Promise<Found> {
  const stored = await lookAtStored(context, input);
  let live: Live | undefined;
  let liveTrouble: string | undefined;
  try {
    live = await lookAtLive(context, input);
  } catch (error) {
    liveTrouble = toProblem(error).message;
  }
  const system = live?.system ?? stored.live?.system;
  const timeline = live?.timeline ?? stored.live?.timeline ?? Math.max(1, ...stored.archive.histories.keys());
  const session = await context.session();
  const windows: Window[] = [];
  const refused: { name: string; why: string }[] = [];
  for (const base of stored.bases) {
    const refuse = (why: string) => void refused.push({ name: base.name, why });
    const foreign =
      base.manifest === undefined || system === undefined
        ? undefined
        : foreignBackup(context, session, base.manifest, { kind: 'postgres-base', source: sourceOf(system) });
    if (system !== undefined && base.system !== system) refuse(`It is of another cluster (${base.system}, not ${system}).`);
    else if (foreign !== undefined) refuse(foreign.message);
    else if (base.tablespaces) refuse('It has tablespaces outside of the data directory; these are not supported.');
    else if (base.stoppedAt === undefined) refuse('Nobody wrote down when it was whole.');
    else {
      const window = await windowOf(context, input, stored, base.stoppedAt, timeline, base);
      if (typeof window === 'string') refuse(window);
      else windows.push(window);
    }
  }
  return { stored, live, liveTrouble, system, windows: windows.sort((a, b) => a.from - b.from), refused };
}

async function windowOf(
  context: ActionContext,
  input: RecoveryInput,
  stored: Stored,
  from: Micros,
  timeline: number,
  base: Stored['bases'][number],
): Promise<Window | string> {
  const damaged = new Set<string>();
  for (;;) {
    const chain = followWal(base, stored.archive, timeline, damaged);
    if (chain === undefined) return `It lies on timeline ${base.timeline}, which does not lead to timeline ${timeline}.`;
    const end = await endOf(context, input, chain);
    if (end !== undefined && 'broken' in end) {
      damaged.add(end.broken);
      continue;
    }
    if (end === undefined) return 'No transaction after it is in the archive.';
    const last = stored.archive.files.find(({ name }) => name === chain.segments.at(-1));
    const to = end.exact ? end.to : (last?.modifiedAt ?? Number.NaN);
    if (!(to >= from))
      return chain.gap === undefined ? 'No transaction after it is in the archive.' : `${chain.gap.name}: the WAL after it can’t be used.`;
    return { ...chain, from, to, exact: end.exact };
  }
}

/** How a manifest names a cluster. */
export const sourceOf = (system: string) => `cluster ${system}`;
