/**
 * Constant scripts for the host, POSIX sh with the tools that coreutils and busybox share. Data comes as arguments only.
 * A stream that carries a file's bytes tells of events in between by a mark: the nonce in `$1`, space, words, line feed. The
 * nonce is random for each stream, so no log can forge it, and a mark may stand in the middle of a line.
 */

/** `$1` path. Tells the file and its rotated ones: `current|rotated inode size mtime path`; or `missing`, `denied`. */
export const LIST_FILES = `LC_ALL=C; export LC_ALL
f=$1
if [ -d "$f" ]; then echo folder; exit 0; fi
if [ -e "$f" ] && ! [ -r "$f" ]; then echo denied; exit 0; fi
tell() { [ -f "$2" ] && [ -r "$2" ] && stat -L -c "$1 %i %s %Y %n" -- "$2" 2>/dev/null; return 0; }
if [ -e "$f" ]; then tell current "$f"; else echo missing; fi
for c in "$f".[0-9]* "$f"-[0-9]*; do tell rotated "$c"; done
b=\${f##*/}
case $b in
  ?*.*) for c in "\${f%.*}"[.-][0-9]*".\${b##*.}"; do [ "$c" = "$f" ] || tell rotated "$c"; done ;;
esac
exit 0`;

/** `$1` path, `$2` inode, `$3` first byte (from 1), `$4` bytes. Exit code 4: it is another file now. */
export const READ_BLOCK = `LC_ALL=C; export LC_ALL
[ -r "$1" ] || exit 4
exec 4<"$1"
[ "$(stat -L -c %i /dev/fd/4)" = "$2" ] || exit 4
tail -c "+$3" <&4 | head -c "$4"`;

/**
 * Lines that hold two texts, newest last. `$1` path, `$2` inode, `$3` bytes to look at (from the beginning), `$4` text
 * whatever its case, `$5` text as it is, `$6` most lines, `$7` most bytes.
 */
export const FIND_IN_FILE = `LC_ALL=C; export LC_ALL
[ -r "$1" ] || exit 4
exec 4<"$1"
[ "$(stat -L -c %i /dev/fd/4)" = "$2" ] || exit 4
a=; printf x | grep -a x >/dev/null 2>&1 && a=-a
case $1 in *.gz) gzip -cd <&4 2>/dev/null ;; *) head -c "$3" <&4 ;; esac |
  if [ -n "$4" ]; then grep -F -i $a -e "$4"; else cat; fi |
  if [ -n "$5" ]; then grep -F $a -e "$5"; else cat; fi |
  tail -n "$6" | tail -c "$7"
exit 0`;

/**
 * Follows a chain of files: the rest of the first, the others whole, then the last as it grows. `$1` nonce; of the first file
 * `$2` offset, `$3` and `$4` length and checksum of what stands before it; `$5` path of the current file; then path and inode
 * of each. Marks: `file inode offset`, `moved` and `changed` (look again), `rotated`, `truncated`. Ends after each of them
 * but the first.
 */
export const FOLLOW_FILES = `LC_ALL=C; export LC_ALL
k=$1 off=$2 n=$3 sum=$4 p=$5
shift 5
mark() { printf '%s %s\\n' "$k" "$*"; }
look() { set -- $(stat -L -c '%i %s' -- "$1" 2>/dev/null); i=\${1-}; s=\${2-0}; }
nap() { sleep "$1" 2>/dev/null || sleep 1; }
while [ $# -gt 0 ]; do
  f=$1 want=$2
  shift 2
  [ -r "$f" ] || { mark moved; exit 0; }
  exec 4<"$f"
  look /dev/fd/4
  [ "$i" = "$want" ] || { mark moved; exit 0; }
  [ "$s" -ge "$off" ] || { mark changed; exit 0; }
  if [ "$n" != 0 ] && [ "$(tail -c "+$((off - n + 1))" -- "$f" | head -c "$n" | cksum | cut -d ' ' -f 1)" != "$sum" ]; then mark changed; exit 0; fi
  mark file "$i" "$off"
  if [ "$off" != 0 ]; then tail -c "+$((off + 1))" <&4
  else case $f in *.gz) gzip -cd <&4 2>/dev/null ;; *) cat <&4 ;; esac; fi
  off=0 n=0
done
last=$s calm=0 stay=0
while :; do
  look /dev/fd/4
  mine=$i size=$s
  if [ "$size" -lt "$last" ]; then mark truncated; exit 0; fi
  if [ "$size" != "$last" ]; then cat <&4; calm=0; fi
  last=$size
  look "$p"
  if [ "$i" != "$mine" ]; then
    # The writer may hold the old file a little longer: its successor must have something in it, or time must pass.
    if [ "$s" = 0 ] && [ "$stay" -lt 20 ]; then stay=$((stay + 1))
    else nap 0.2; cat <&4; mark rotated; exit 0; fi
  fi
  calm=$((calm + 1))
  if [ "$calm" -lt 20 ]; then nap 0.1; else nap 0.4; fi
done`;

/** `$1` container. Tells `<id> <running>`, or why not. */
export const CONTAINER_STATE = `docker inspect --type container --format '{{.Id}} {{.State.Running}}' -- "$1" 2>&1`;

/** `$1` container, `$2` lines. Both of its streams, each line with its time. */
export const CONTAINER_TAIL = `exec docker logs --timestamps --tail "$2" -- "$1" 2>&1`;

/** `$1` container, `$2` text whatever its case, `$3` text as it is, `$4` most lines, `$5` most bytes, `$6` since (or empty). */
export const FIND_IN_CONTAINER = `LC_ALL=C; export LC_ALL
c=$1 t=$2 e=$3 l=$4 b=$5 since=$6
set --
[ -z "$since" ] || set -- "$@" --since "$since"
docker logs --timestamps "$@" -- "$c" 2>&1 |
  if [ -n "$t" ]; then grep -F -i -e "$t"; else cat; fi |
  if [ -n "$e" ]; then grep -F -e "$e"; else cat; fi |
  tail -n "$l" | tail -c "$b"
exit 0`;

/**
 * Follows a container. `$1` nonce, `$2` container, `$3` time to begin at (or empty), `$4` id of the container that was seen
 * to stand still (or empty): then it is waited for. Marks: `container id running`, `missing words`, `stopped`. What docker says
 * comes last: warnings about its own configuration stand before it.
 */
export const FOLLOW_CONTAINER = `k=$1 c=$2 since=$3 idle=$4
mark() { printf '%s %s\\n' "$k" "$*"; }
while :; do
  if ! state=$(docker inspect --type container --format '{{.Id}} {{.State.Running}}' -- "$c" 2>&1); then
    mark missing "$(printf '%s' "$state" | grep . | tail -n 1)"
    exit 0
  fi
  state=$(printf '%s' "$state" | tail -n 1)
  [ "$state" = "$idle false" ] || break
  sleep 1
done
mark container "$state"
set --
[ -z "$since" ] || set -- --since "$since"
docker logs --follow --timestamps "$@" -- "\${state%% *}" 2>&1
mark stopped`;

/** `$1` unit, `$2` entries. Without `--all` journalctl leaves out what is longer than 4 KiB. */
export const JOURNALD_TAIL = `exec journalctl --no-pager --quiet --all --output json --unit "$1" --lines "$2"`;

/**
 * `$1` unit, `$2` cursor, or empty: then from now on, or all with `all` as `$3`. With a cursor its own entry comes first, if it is
 * still there. Not `--lines 0`: for a unit without entries journalctl then loses all but one of the first that come together.
 */
export const FOLLOW_JOURNALD = `u=$1 c=$2 all=$3
set --
if [ -n "$c" ]; then set -- --cursor "$c"; elif [ -z "$all" ]; then set -- --since now; fi
exec journalctl --no-pager --quiet --all --output json --unit "$u" --follow --no-tail "$@"`;

/**
 * `$1` unit, `$2` text whatever its case, `$3` text as it is, `$4` most lines, `$5` most bytes, `$6` since, `$7` until (`@seconds`, or
 * empty). A message with colours or other bytes that are no plain text comes as a list of numbers: those all pass.
 */
export const FIND_IN_JOURNALD = `LC_ALL=C; export LC_ALL
u=$1 t=$2 e=$3 l=$4 b=$5 since=$6 until=$7
set --
[ -z "$since" ] || set -- "$@" --since "$since"
[ -z "$until" ] || set -- "$@" --until "$until"
journalctl --no-pager --quiet --all --output json --unit "$u" "$@" |
  if [ -n "$t" ]; then grep -F -i -e "$t" -e '"MESSAGE":['; else cat; fi |
  if [ -n "$e" ]; then grep -F -e "$e" -e '"MESSAGE":['; else cat; fi |
  tail -n "$l" | tail -c "$b"
exit 0`;
