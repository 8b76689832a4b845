import type { Meanings } from '../job.ts';
import { baseShell, holderShell } from './shell.ts';

/** What the exit codes of the family's scripts mean, as the end of a sentence. */
export const sqliteMeanings: Meanings = {
  33: 'owner and mode of the live file could not be given to the staged one',
  34: 'the live database is not there, or it is no plain file',
  35: 'the backup folder can’t be used',
  36: 'the copy could not be written; the live file was not touched',
  37: 'the copy is not good',
  38: 'the file does not have the SHA-256 it must have',
  39: 'there is no room for temporary files on the host',
  40: 'the host has neither sqlite3 nor python3 with its sqlite3 module',
  41: 'somebody still holds the database; nothing was moved',
  42: 'the staged file is not there',
  43: 'the files could not be linked or moved',
  44: 'the database was opened in the middle of the swap; the old files were put back',
  45: 'another file lies where the database should be',
  46: 'an earlier try is still at work on the host',
  47: 'this host does not tell who holds a file, so nobody can prove that the database is free; nothing was moved',
  48: 'the file system of the database has no hard links; nothing was moved',
};

/**
 * Everything is told by inodes, so that each half-way state is recognised: `plan` in the set-aside folder says which inode was live (`old`)
 * and which shall be (`new`). The old files get second names in the set-aside folder before they lose their first; the one moment in which
 * no database lies there is between two renames. Arguments: database, staged file, set-aside folder, SHA-256, lock file or nothing.
 */
const common = `${baseShell}${holderShell}
db=$1 staged=$2 aside=$3 want=$4 lock=$5
dir=\${db%/*} base=\${db##*/}
[ -n "$dir" ] || dir=/
planned() { sed -n "s/^$1=//p" "$aside/$2" 2>/dev/null | head -n 1; }
state() {
  now=$(qd_id "$db")
  if [ ! -f "$aside/plan" ]; then echo none
  elif [ -z "$now" ]; then echo missing
  elif [ "$now" = "$(planned new plan)" ]; then echo new
  elif [ "$now" = "$(planned old plan)" ]; then echo old
  else echo other
  fi
}
`;

const mutating = `
# Two tries at once would undo each other; the kernel lets go of this when the script is gone, however it went.
qd_hold() {
  command -v flock >/dev/null 2>&1 || return 0
  qd_turn=0
  until flock -n -x "$1"; do
    qd_turn=$((qd_turn + 1))
    [ $qd_turn -lt 40 ] || return 1
    sleep 0.25 2>/dev/null || sleep 1
  done
}
exec 8<"$dir" || exit 34
qd_hold 8 || exit 46
# A service that keeps a lock file can't start while we have its lock.
if [ -n "$lock" ] && [ -e "$lock" ] && command -v flock >/dev/null 2>&1; then
  exec 9<"$lock" || exit 47
  qd_hold 9 || { qd_holders "$db" "$lock"; exit 41; }
  lock=
fi
same() { [ -n "$(qd_id "$1")" ] && [ "$(qd_id "$1")" = "$(qd_id "$2")" ]; }
# Puts the old files back; whatever lies there meanwhile is kept under $keep.
back() {
  keep=$aside/restored qd_n=1
  while [ -e "$keep/$base" ]; do qd_n=$((qd_n + 1)); keep=$aside/restored-$qd_n; done
  mkdir -p "$keep" || return 43
  # The old file comes last and in one piece, so where it lies already all of it does.
  if [ "$(qd_id "$db")" != "$(planned old plan)" ]; then
    for qd_s in '' -wal -shm -journal; do
      if [ -e "$db$qd_s" ] && ! same "$db$qd_s" "$aside/$base$qd_s"; then mv -- "$db$qd_s" "$keep/$base$qd_s" || return 43; fi
    done
    for qd_s in -wal -journal -shm ''; do
      [ -e "$aside/$base$qd_s" ] && [ ! -e "$db$qd_s" ] || continue
      ln -- "$aside/$base$qd_s" "$db$qd_s" 2>/dev/null || mv -- "$aside/$base$qd_s" "$db$qd_s" || return 43
    done
  fi
  [ "$(qd_id "$db")" = "$(planned old plan)" ] || return 45
  qd_sync "$dir"
  for qd_s in '' -wal -shm -journal; do rm -f -- "$aside/$base$qd_s"; done
  mv -f "$aside/plan" "$aside/plan.undone" || return 43
  qd_sync "$aside" "$dir"
}
# Something went wrong before or after the one moment: the old files come back, and a retry finds the staged one.
give_up() {
  back || exit $?
  [ -e "$staged" ] || [ ! -e "$keep/$base" ] || ln -- "$keep/$base" "$staged"
  exit "$1"
}
`;

/** Swaps the staged file in. Prints the lines of holders when there are any. Running it again completes what was begun. */
export const swapScript = `${common}${mutating}
if [ ! -f "$aside/plan" ]; then
  [ -f "$db" ] && [ ! -L "$db" ] || exit 34
  [ -f "$staged" ] || exit 42
  [ "$(qd_hash "$staged")" = "$want" ] || exit 38
  qd_free "$db" "$lock" || exit $?
  umask 077
  # Made now, so that the way back needs no room.
  mkdir -p "$aside/restored" || exit 36
  rm -f "$aside/try"
  ln -- "$staged" "$aside/try" && rm -f "$aside/try" || { rmdir "$aside/restored" "$aside" 2>/dev/null; exit 48; }
  printf 'old=%s\\nnew=%s\\n' "$(qd_id "$db")" "$(qd_id "$staged")" >"$aside/plan.new" && qd_sync "$aside/plan.new" &&
    mv -f "$aside/plan.new" "$aside/plan" || { rm -f "$aside/plan.new"; rmdir "$aside/restored" "$aside" 2>/dev/null; exit 36; }
fi
at=$(state)
if [ $at = old ]; then
  qd_free "$db" "$lock" || exit $?
  for s in -wal -shm -journal; do
    rm -f -- "$aside/$base$s"
    [ ! -e "$db$s" ] || ln -- "$db$s" "$aside/$base$s" || exit 43
  done
  rm -f -- "$aside/$base"
  qd_sync "$aside"
  mv -- "$db" "$aside/$base" || exit 43
  at=missing
fi
if [ $at = missing ]; then
  [ "$(qd_id "$aside/$base")" = "$(planned old plan)" ] || exit 45
  for s in -wal -shm -journal; do
    if same "$db$s" "$aside/$base$s"; then rm -f -- "$db$s"; fi
    [ ! -e "$db$s" ] || give_up 44
  done
  # A link never replaces: whoever made a database meanwhile is seen.
  ln -- "$staged" "$db" 2>/dev/null || { [ -e "$db" ] && give_up 44; give_up 43; }
  for f in "$db" "$aside/$base"; do
    held=$(qd_holders "$f" "$lock")
    [ -z "$held" ] || { printf '%s\\n' "$held"; give_up 44; }
  done
  for s in -wal -shm -journal; do [ ! -e "$db$s" ] || give_up 44; done
  at=$(state)
fi
[ $at = new ] || exit 45
if same "$staged" "$db"; then rm -f -- "$staged" || exit 43; fi
qd_sync "$aside" "$dir"
echo swapped=yes
`;

/** Puts the set-aside files back; what was restored, and written since, is kept in the folder beside them. */
export const swapBackScript = `${common}${mutating}
if [ ! -f "$aside/plan" ]; then
  [ -z "$(planned old plan.undone)" ] || [ "$(qd_id "$db")" = "$(planned old plan.undone)" ] || exit 45
  echo kept=
  exit 0
fi
qd_free "$db" "$lock" || exit $?
back || exit $?
[ -e "$keep/$base" ] || keep=
printf 'kept=%s\\n' "$keep"
`;

/**
 * Read-only: `state=` none (nothing begun, or taken back), old (begun, nothing moved), missing (in between), new, other; `busy=yes` while a
 * try is at work; `staged=` yes when its name is still there; `undone=` yes when the old files are back.
 */
export const swapLookScript = `${common}
busy=no
if command -v flock >/dev/null 2>&1; then flock -n -x "$dir" true || busy=yes; fi
printf 'state=%s\\nbusy=%s\\n' "$(state)" "$busy"
if [ -e "$staged" ]; then echo staged=yes; else echo staged=no; fi
if [ -n "$(planned old plan.undone)" ] && [ "$(qd_id "$db")" = "$(planned old plan.undone)" ]; then echo undone=yes; else echo undone=no; fi
`;

/** Who holds the database now. Arguments: database, lock file. Prints `holder` lines, `wal=`, `sees=all` for a login that sees all processes. */
export const holdersScript = `${baseShell}${holderShell}
[ -f "$1" ] || exit 34
[ ! -L "$1" ] || exit 34
qd_holders "$1" "$2" || exit 47
if [ "$(od -An -tu1 -j18 -N1 -- "$1" 2>/dev/null | tr -d ' ')" = 2 ]; then echo wal=yes; else echo wal=no; fi
if [ "$(id -u)" = 0 ]; then echo sees=all; else echo sees=own; fi
if [ -n "$2" ] && [ ! -e "$2" ]; then echo lock=absent; fi
`;
