/**
 * Runs before every script of this family. `qd_as USER COMMAND…` runs as the owner of the data directories. `qd_alive DIR` prints the server processes
 * that work in a directory: a PID file can be left behind, removed, or belong to a number that somebody else has by now, but a PostgreSQL
 * process has its data directory as its working directory. `-ef` compares the files themselves, so a directory that was renamed is still found.
 */
export const recoveryPrelude = `set -u
umask 077
cd /
LC_ALL=C TZ=UTC
export LC_ALL TZ
unset PGDATA PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGPASSFILE PGSERVICE PGSERVICEFILE PGOPTIONS
qd_as() {
  qd_user=$1
  shift
  if [ "$(id -un)" = "$qd_user" ]; then "$@"
  elif [ "$(id -u)" != 0 ]; then echo "Neither root nor $qd_user is logged in." >&2; return 126
  elif command -v runuser >/dev/null 2>&1; then runuser -u "$qd_user" -- "$@"
  elif command -v setpriv >/dev/null 2>&1; then setpriv --reuid="$qd_user" --regid="$(id -g "$qd_user")" --init-groups -- "$@"
  else su -s /bin/sh "$qd_user" -c 'exec "$0" "$@"' "$@"
  fi
}
qd_field() { sed -n "s/^$1=//p" "$2" 2>/dev/null | head -n 1; }
qd_wait() { sleep 0.2 2>/dev/null || sleep 1; }
qd_alive() {
  [ -d "$1" ] || return 0
  if [ -d /proc/self ]; then
    for qd_proc in /proc/[0-9]*; do
      if [ "$qd_proc/cwd" -ef "$1" ]; then
        read -r qd_name 2>/dev/null <"$qd_proc/comm" || qd_name=
        case "$qd_name" in postgres* | postmaster*) echo "\${qd_proc#/proc/}" ;; esac
      fi
    done
  else
    qd_pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null)
    case "$qd_pid" in '' | *[!0-9]*) ;; *) kill -0 "$qd_pid" 2>/dev/null && echo "$qd_pid" ;; esac
  fi
  return 0
}
qd_control() { "$bin/pg_controldata" -D "$1" 2>/dev/null | sed -n "s/^$2: *//p"; }
`;

/**
 * Servers: `qd_launch LOG COMMAND…` starts one in a session of its own, so that it outlives the script; `qd_halt DIR` ends one and proves that
 * nothing works in its directory any more (1: it does not end, 2: something started it again). They need `user` and `bin`.
 */
export const serverPrelude = `qd_launcher='log=$1
shift
cd /
if command -v setsid >/dev/null 2>&1; then setsid "$@" >>"$log" 2>&1 </dev/null &
else nohup "$@" >>"$log" 2>&1 </dev/null &
fi'
qd_launch() {
  qd_as "$user" /bin/sh -c "$qd_launcher" launch "$@"
}
qd_up() {
  qd_turn=0
  while [ -z "$(qd_alive "$1")" ]; do
    qd_turn=$((qd_turn + 1))
    [ $qd_turn -lt 50 ] || return 1
    if [ $qd_turn -gt 2 ] && grep -q -e 'FATAL:' -e 'database system is shut down' -e 'rror while loading' "$2" 2>/dev/null; then return 1; fi
    qd_wait
  done
}
qd_halt() {
  [ -n "$(qd_alive "$1")" ] || return 0
  qd_first=$(head -n 1 "$1/postmaster.pid" 2>/dev/null)
  # Not with pg_ctl's own wait: it would wait for the server that something started after this one.
  qd_as "$user" "$bin/pg_ctl" -D "$1" -m fast -W stop >/dev/null 2>&1 </dev/null
  qd_turn=0
  while qd_left=$(qd_alive "$1") && [ -n "$qd_left" ]; do
    qd_now=$(head -n 1 "$1/postmaster.pid" 2>/dev/null)
    [ -z "$qd_now" ] || [ "$qd_now" = "$qd_first" ] || return 2
    qd_turn=$((qd_turn + 1))
    [ $qd_turn -lt 3000 ] || return 1
    qd_wait
  done
}
`;

/**
 * The recovered server of `$dir`: `qd_settings TARGET TIMELINE` writes what it runs with, `qd_recover` starts it and returns when it stands at
 * its target (0) or in which way it does not. Nothing of the live server's settings is read, so nothing of it can be archived into,
 * listened on or loaded; the command line, which nothing can overrule, says so again.
 */
export const recoveredPrelude = `qd_number() {
  qd_value=$(qd_control "$dir/data" "$1 setting")
  case "$qd_value" in '' | *[!0-9]*) qd_value=$2 ;; esac
  echo $((qd_value + $3))
}
qd_put() { qd_as "$user" /bin/sh -c 'umask 077; cat >"$1.new" && mv -f "$1.new" "$1"' put "$1"; }
qd_settings() {
  case "$1" in '' | *[!0-9:.+\\ -]*) return 1 ;; esac
  case "$2" in '' | *[!0-9]*) return 1 ;; esac
  printf '%s\\n' 'local all all trust' | qd_put "$dir/hba.conf" && qd_put "$dir/ident.conf" </dev/null && qd_put "$dir/settings.conf" <<END
listen_addresses = ''
port = 5432
unix_socket_directories = '$dir/s'
unix_socket_permissions = 0700
hba_file = '$dir/hba.conf'
ident_file = '$dir/ident.conf'
archive_mode = off
hot_standby = on
primary_conninfo = ''
restore_command = 'cp "$archive/%f" "%p"'
recovery_target_time = '$1'
recovery_target_inclusive = on
recovery_target_action = pause
recovery_target_timeline = '$2'
shared_preload_libraries = ''
logging_collector = off
log_destination = 'stderr'
lc_messages = 'C'
log_timezone = 'UTC'
timezone = 'UTC'
autovacuum = off
max_connections = $(qd_number max_connections 100 50)
max_worker_processes = $(qd_number max_worker_processes 8 8)
max_wal_senders = $(qd_number max_wal_senders 10 10)
max_prepared_transactions = $(qd_number max_prepared_xacts 0 20)
max_locks_per_transaction = $(qd_number max_locks_per_xact 64 64)
END
}
qd_ask() {
  qd_as "$user" "$bin/psql" -X -w -q -A -t -v ON_ERROR_STOP=1 -h "$dir/s" -p 5432 -U "$role" -d postgres -c "$1" 2>/dev/null </dev/null
}
qd_state() {
  if [ "$(head -n 1 "$dir/data/PG_VERSION")" -ge 14 ]; then qd_ask "SELECT CASE WHEN NOT pg_is_in_recovery() THEN 'left' ELSE pg_get_wal_replay_pause_state() END"
  else qd_ask "SELECT CASE WHEN NOT pg_is_in_recovery() THEN 'left' WHEN pg_is_wal_replay_paused() THEN 'paused' ELSE 'replaying' END"
  fi
}
qd_stopped_at() { grep -E -m 1 'recovery stopping (before|after) (commit|abort)' "$dir/log"; }
qd_why() {
  grep -E 'FATAL|PANIC|ERROR|WARNING' "$dir/log" 2>/dev/null | grep -v 'the database system is' | tail -n 1 | cut -c 1-300 >&2
}
qd_tell() {
  qd_ask "SELECT 'lsn=' || pg_last_wal_replay_lsn() UNION ALL SELECT 'replayed=' || coalesce(to_char(pg_last_xact_replay_timestamp(), 'YYYY-MM-DD HH24:MI:SS.US') || '+00', '') UNION ALL SELECT 'archive_mode=' || current_setting('archive_mode')" || return 1
  printf 'stopped_at=%s\\n' "$(qd_stopped_at | sed 's/^.*LOG:  //' | cut -c 1-200)"
}
qd_recover() {
  if [ -z "$(qd_alive "$dir/data")" ]; then
    [ ! -f "$dir/log" ] || mv -f "$dir/log" "$dir/log.before"
    qd_as "$user" rm -f "$dir/data/postmaster.pid"
    qd_as "$user" touch "$dir/data/recovery.signal" "$dir/log" || return 42
    qd_launch "$dir/log" "$bin/postgres" -D "$dir/data" -c "config_file=$dir/settings.conf" -c archive_mode=off -c listen_addresses= || return 50
    qd_up "$dir/data" "$dir/log"
  fi
  while :; do
    if [ -z "$(qd_alive "$dir/data")" ]; then qd_why; return 51; fi
    case "$(qd_state)" in
      paused) break ;;
      left) qd_halt "$dir/data"; return 52 ;;
    esac
    qd_wait
  done
  if [ -z "$(qd_stopped_at)" ]; then qd_why; return 53; fi
  [ "$(qd_ask 'SHOW archive_mode')" = off ] || { qd_halt "$dir/data"; return 54; }
  return 0
}
`;

/** What the exit codes of {@link recoveredPrelude} mean. */
export const recoverMeanings: Readonly<Record<number, string>> = {
  40: 'the settings of the recovered server could not be written',
  41: 'another recovered server is on this host already',
  42: 'the base backup could not be copied',
  43: 'the base backup is not what it should be',
  44: 'the base backup is of another cluster',
  45: 'the recovered server did not stop',
  46: 'there is no recovered server of this name',
  50: 'the recovered server could not be started',
  51: 'the recovered server ended before it stood at the target',
  52: 'the recovered server left recovery by itself; it was stopped, and is of no use',
  53: 'the recovered server paused, and not at the target',
  54: 'the recovered server would have archived; it was stopped',
};
