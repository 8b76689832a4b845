import { recoveredPrelude, recoveryPrelude, serverPrelude } from './shell.ts';

/**
 * Arguments: account, tools, role, root, key, archive; live data directory, control or empty, configuration file or empty, host and port of the
 * live server. `$away` is where the live directory lies meanwhile; `inside DIR` tells a recovered directory by the mark that its copy was given.
 */
const facts = `user=$1 bin=$2 role=$3 root=$4 key=$5 archive=$6 data=$7 control=$8 config=$9 host=\${10} port=\${11}
shift 11
case "$key" in r[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]) ;; *) exit 46 ;; esac
dir=$root/$key new=$root/$key/data away=$data.before-$key
inside() { [ "$(cat "$1/quarterdeck-recovered" 2>/dev/null)" = "$key" ]; }
ready() { "$bin/pg_isready" -q \${host:+-h "$host"} \${port:+-p "$port"} >/dev/null 2>&1 </dev/null; }
`;

const live = `live_stop() {
  if [ -n "$control" ]; then
    "$control" stop >/dev/null </dev/null || return 1
    qd_turn=0
    while [ -n "$(qd_alive "$1")" ]; do
      qd_turn=$((qd_turn + 1))
      [ $qd_turn -lt 100 ] || return 1
      qd_wait
    done
  else qd_halt "$1"
  fi
}
live_start() {
  if [ -n "$(qd_alive "$data")" ]; then :
  elif [ -n "$control" ]; then "$control" start >/dev/null </dev/null || return 1
  else
    [ ! -f "$root/live.log" ] || mv -f "$root/live.log" "$root/live.log.before"
    qd_as "$user" touch "$root/live.log" && qd_as "$user" rm -f "$data/postmaster.pid" || return 1
    set -- "$bin/postgres" -D "$data"
    [ -z "$config" ] || set -- "$@" -c "config_file=$config"
    qd_launch "$root/live.log" "$@" || return 1
    qd_up "$data" "$root/live.log" || { grep -E 'FATAL|PANIC' "$root/live.log" | tail -n 1 | cut -c 1-300 >&2; return 1; }
  fi
  while ! ready; do
    [ -n "$(qd_alive "$data")" ] || { grep -E 'FATAL|PANIC' "$root/live.log" 2>/dev/null | tail -n 1 | cut -c 1-300 >&2; return 1; }
    qd_wait
  done
}
`;

const whole = `${recoveryPrelude}${serverPrelude}${recoveredPrelude}${facts}${live}`;

/**
 * Further argument: the position it stands at. The recovered server is promoted and shut down beside the live one first: what takes the live
 * place is a finished cluster, so whoever starts it in the middle of the swap starts the right thing. Each part tells by what lies on the disk
 * whether it was done, so a second run goes on where the first one ended.
 */
export const promoteScript = `${whole}lsn=$1
if ! inside "$data"; then
  inside "$new" || exit 46
  if [ -e "$dir/promoting" ] && { [ ! -e "$new/recovery.signal" ] || [ "$(qd_state)" = left ]; }; then :
  else
    qd_recover || exit $?
    [ "$(qd_ask 'SELECT pg_last_wal_replay_lsn()')" = "$lsn" ] || exit 61
    qd_as "$user" touch "$dir/promoting" && sync || exit 62
    qd_as "$user" "$bin/pg_ctl" -D "$new" -w -t 86400 promote >/dev/null 2>&1 </dev/null
    until [ "$(qd_state)" = left ]; do
      [ -n "$(qd_alive "$new")" ] || { qd_why; exit 63; }
      qd_wait
    done
  fi
  if [ -n "$(qd_alive "$new")" ]; then qd_ask CHECKPOINT >/dev/null || exit 63; fi
  qd_halt "$new" || exit 45
  echo 'The recovered cluster is promoted and shut down.'
  case "$(qd_control "$new" 'Database cluster state')" in 'shut down') ;; *) exit 63 ;; esac
  timeline=$(qd_control "$new" "Latest checkpoint's TimeLineID")
  history=$new/pg_wal/$(printf '%08X' "$timeline").history
  [ "$(grep -v '^$' "$history" | tail -n 1 | cut -f 2)" = "$lsn" ] || exit 64
  # It did not archive while it was recovered: what its timeline begins with is put up for the archiver.
  last=$(qd_control "$new" "Latest checkpoint's REDO WAL file")
  for file in "$new/pg_wal/$(printf '%08X' "$timeline")"*; do
    name=\${file##*/}
    case "$name" in
      *.history) ;;
      *[!0-9A-F]*) continue ;;
      *) [ "$(printf '%s\\n%s\\n' "$name" "$last" | sort | head -n 1)" = "$name" ] && [ "$name" != "$last" ] || continue ;;
    esac
    [ -e "$new/pg_wal/archive_status/$name.done" ] || qd_as "$user" touch "$new/pg_wal/archive_status/$name.ready" || exit 62
  done
  if [ -d "$data" ]; then
    [ ! -e "$away" ] || exit 65
    # The settings are the live ones of today, not those of the day of the base backup.
    for file in postgresql.conf postgresql.auto.conf pg_hba.conf pg_ident.conf; do
      if [ -e "$data/$file" ]; then
        rm -f "$new/$file.new"
        cp -pP "$data/$file" "$new/$file.new" && mv -f "$new/$file.new" "$new/$file" || exit 62
      fi
    done
    sync
    live_stop "$data"
    case $? in 0) ;; 2) exit 67 ;; *) exit 66 ;; esac
    echo 'The live server is stopped.'
    [ -z "$(qd_alive "$data")" ] || exit 67
    mv "$data" "$away" || exit 68
    if [ -n "$(qd_alive "$away")" ]; then
      mv "$away" "$data"
      exit 67
    fi
  fi
  [ -d "$away" ] && [ ! -e "$data" ] || exit 65
  if ! mv "$new" "$data"; then
    mv "$away" "$data" && live_start
    exit 68
  fi
  inside "$data" || exit 68
  sync
  echo 'The recovered directory is in the live place.'
fi
live_start || exit 69
qd_as "$user" rm -f "$root/current" || exit 62
printf 'timeline=%s\\nold_timeline=%s\\nprevious=%s\\nlast_commit=%s\\n' "$(qd_control "$data" "Latest checkpoint's TimeLineID")" "$(qd_control "$away" "Latest checkpoint's TimeLineID")" "$away" "$(sed -n 's/^.*last completed transaction was at log time //p' "$dir/log" | tail -n 1)"
`;

/** Takes the live directory back to its place. What had been promoted is kept beside, because it may hold what was written since. */
export const unpromoteScript = `${whole}if inside "$data"; then
  [ -d "$away" ] || exit 70
  live_stop "$data"
  case $? in 0) ;; 2) exit 67 ;; *) exit 66 ;; esac
  [ -z "$(qd_alive "$data")" ] || exit 67
  [ ! -e "$root/reverted-$key" ] || exit 65
  mv "$data" "$root/reverted-$key" || exit 68
  if [ -n "$(qd_alive "$root/reverted-$key")" ]; then
    mv "$root/reverted-$key" "$data"
    exit 67
  fi
fi
if [ ! -e "$data" ]; then
  [ -d "$away" ] || exit 70
  mv "$away" "$data" || exit 68
  sync
fi
[ ! -d "$new" ] || qd_halt "$new" || exit 45
live_start || exit 69
if [ -e "$dir/promoting" ] && [ "$(qd_field key "$root/current")" = "$key" ]; then qd_as "$user" rm -f "$root/current" || exit 62; fi
printf 'timeline=%s\\n' "$(qd_control "$data" "Latest checkpoint's TimeLineID")"
[ ! -d "$root/reverted-$key" ] || printf 'kept=%s\\n' "$root/reverted-$key"
`;

/** How it all lies. Reads only. */
export const promoteLook = `${recoveryPrelude}${facts}echo "account=$(id -un)"
[ ! -e "$data" ] || echo data=yes
! inside "$data" || echo swapped=yes
[ ! -d "$away" ] || echo away=yes
! inside "$new" || echo recovered=yes
[ ! -e "$dir/promoting" ] || echo promoting=yes
[ -z "$(qd_alive "$data")" ] || echo alive=yes
! ready || echo ready=yes
[ ! -d "$root/reverted-$key" ] || echo reverted=yes
echo "timeline=$(qd_control "$data" "Latest checkpoint's TimeLineID")"
echo "away_timeline=$(qd_control "$away" "Latest checkpoint's TimeLineID")"
echo "last_commit=$(sed -n 's/^.*last completed transaction was at log time //p' "$dir/log" 2>/dev/null | tail -n 1)"
parent=\${data%/*}
echo "parent=$parent"
[ ! -w "$parent" ] || echo writable=yes
echo "device=$(stat -c %d "$data" 2>/dev/null) $(stat -c %d "$parent" 2>/dev/null) $(stat -c %d "$root" 2>/dev/null)"
[ ! -e "$data/postgresql.conf" ] || echo conf=yes
if [ -e "$data/postgresql.conf" ] || [ -n "$config" ]; then
  wrong=$(qd_as "$user" "$bin/postgres" -D "$data" \${config:+-c "config_file=$config"} -C max_connections 2>&1 >/dev/null) || echo "settings=$(printf '%s' "$wrong" | tr '\\n' ' ' | cut -c 1-300)"
fi
[ ! -L "$data/pg_wal" ] || echo wal_link=yes
[ -z "$(ls -A "$data/pg_tblspc" 2>/dev/null)" ] || echo tablespaces=yes
exit 0
`;

/** What the exit codes mean that are not {@link recoverMeanings}'. */
export const promoteMeanings: Readonly<Record<number, string>> = {
  61: 'the recovered server stands at another position than when it was inspected',
  62: 'the recovered directory could not be prepared; the live server was not touched',
  63: 'the recovered server could not be promoted; the live server was not touched',
  64: 'the recovered server left its timeline at another position than it stood at; the live server was not touched',
  65: 'a directory is where none should be; nothing was moved',
  66: 'the live server did not stop; nothing was moved',
  67: 'the live server started again by itself while it was to be stopped; it was left in its place. Something restarts it: name its control',
  68: 'a directory could not be moved',
  69: 'the server does not start in the live place',
  70: 'the previous data directory is not where it was kept',
};
