import type { SshSession } from '../../../drivers/ssh/types.ts';
import { look } from '../job.ts';
import { LOOK_THROUGH_MS } from './check-file.ts';
import type { SqliteReport } from './report.ts';
import { readReport } from './report.ts';
import { baseShell, sqliteShell } from './shell.ts';

/**
 * `qd_live_mode DB` says how a live file is opened without leaving anything beside it: a file in WAL mode that has no log is not open
 * anywhere, and an ordinary reader would make a log of its own, which may belong to a login that the service can't share it with.
 */
export const liveModeShell = `
qd_live_mode() {
  if qd_in_wal "$1" && [ ! -e "$1-wal" ]; then echo immutable
  elif [ -e "$1-wal" ] && [ ! -e "$1-shm" ]; then echo apart
  else echo online
  fi
}
`;

const liveScript = `${sqliteShell}${liveModeShell}
[ -f "$1" ] && [ ! -L "$1" ] || exit 34
[ -r "$1" ] || exit 4
mode=$(qd_live_mode "$1")
[ $mode != apart ] || exit 49
printf 'tool=%s\\nbytes=%d\\nid=%s\\n' "$qd_tool" "$(cat "$1" "$1-wal" 2>/dev/null | wc -c)" "$(qd_id "$1")"
qd_report $mode "$1"
`;

/** A look at a live file. */
export interface LiveLook {
  readonly report: SqliteReport;
  /** Of the file and its log. */
  readonly bytes: number;
  /** Device and inode. */
  readonly id: string;
}

/** Looks through the live file, reading only; a text is why it could not. @throws Problem when the host could not be asked */
export async function lookAtLive(session: SshSession, db: string): Promise<LiveLook | string> {
  const end = await look(session, { script: liveScript, args: [db] }, { timeoutMs: LOOK_THROUGH_MS });
  if (end.exitCode === 34) return `There is no plain file ${db} on the host.`;
  if (end.exitCode === 4) return `${db} can't be read by this login.`;
  if (end.exitCode === 40) return 'The host has neither sqlite3 nor python3 with its sqlite3 module.';
  if (end.exitCode === 49) return `${db} has a log (-wal) and no index of it (-shm), and nobody holds it: start its service once.`;
  if (end.exitCode !== 0) return `${db} could not be looked at (exit ${end.exitCode}).`;
  return { report: readReport(end.stdout), bytes: Number(end.facts['bytes'] ?? 0), id: end.facts['id'] ?? '' };
}

const sizeScript = `${baseShell}
[ -f "$1" ] && [ ! -L "$1" ] || exit 34
[ -r "$1" ] || exit 4
printf 'bytes=%d\\n' "$(cat "$1" "$1-wal" 2>/dev/null | wc -c)"
if command -v sqlite3 >/dev/null 2>&1; then echo tool=sqlite3
elif python3 -c 'import sqlite3; sqlite3.Connection.backup' >/dev/null 2>&1; then echo tool=python3
fi
f=$2
while [ ! -d "$f" ] && [ "$f" != / ]; do f=$(dirname -- "$f"); done
printf 'folder=%s\\n' "$f"
[ -w "$f" ] && echo writable=yes
d=$(dirname -- "$1")
[ -w "$d" ] && echo beside=yes
exit 0
`;

/** What a backup or a restore needs to know of the host before it begins. */
export interface PlaceLook {
  readonly bytes: number;
  readonly tool: string;
  /** The backup folder, or the nearest folder above it that is there. */
  readonly folder: string;
  readonly writable: boolean;
  /** Files can be made beside the database. */
  readonly beside: boolean;
}

/** A cheap look at the live file and the backup folder; a text is why it could not be had. */
export async function lookAtPlace(session: SshSession, db: string, folder: string): Promise<PlaceLook | string> {
  const end = await look(session, { script: sizeScript, args: [db, folder] });
  if (end.exitCode === 34) return `There is no plain file ${db} on the host. Give its real path, not a link.`;
  if (end.exitCode === 4) return `${db} can't be read by this login.`;
  if (end.exitCode !== 0) return `${db} could not be looked at (exit ${end.exitCode}).`;
  const { facts } = end;
  return {
    bytes: Number(facts['bytes'] ?? 0),
    tool: facts['tool'] ?? '',
    folder: facts['folder'] ?? '/',
    writable: facts['writable'] === 'yes',
    beside: facts['beside'] === 'yes',
  };
}
