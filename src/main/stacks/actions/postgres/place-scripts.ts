/**
 * Runs where the server is, before every text: on the host, or in the container (`/bin/sh` and `mktemp` are all it needs beside PostgreSQL's
 * tools). Arguments: folder of the tools, host, port, user, database; first line of stdin: the password. The password lies in a file of
 * a private folder, in memory where there is /dev/shm, because argv and the environment can be read by others. The folder of a helper that
 * was killed is removed by the next one.
 */
export const insidePrelude = `qd_bin=$1
PGHOST=$2 PGPORT=$3 PGUSER=$4 PGDATABASE=$5
shift 5
IFS= read -r qd_password || qd_password=
[ -z "$qd_bin" ] || PATH=$qd_bin:$PATH
unset PGHOSTADDR PGSERVICE PGSERVICEFILE PGOPTIONS
LC_ALL=C PGAPPNAME=quarterdeck PGCONNECT_TIMEOUT=10
export PATH PGUSER PGDATABASE LC_ALL PGAPPNAME PGCONNECT_TIMEOUT
if [ -n "$PGHOST" ]; then export PGHOST; else unset PGHOST; fi
if [ -n "$PGPORT" ]; then export PGPORT; else unset PGPORT; fi
umask 077
qd_room=\${TMPDIR:-/tmp}
[ ! -d /dev/shm ] || [ ! -w /dev/shm ] || qd_room=/dev/shm
for qd_old in "$qd_room"/quarterdeck-pg.*; do
  [ -O "$qd_old" ] && [ ! -L "$qd_old" ] && read -r qd_pid 2>/dev/null <"$qd_old/pid" || continue
  case "$qd_pid" in '' | *[!0-9]*) continue ;; esac
  kill -0 "$qd_pid" 2>/dev/null || rm -rf "$qd_old"
done
qd_tmp=$(mktemp -d "$qd_room/quarterdeck-pg.XXXXXX") || exit 91
trap 'rm -rf "$qd_tmp"' EXIT
trap 'exit 143' HUP INT TERM
printf '%s\\n' $$ >"$qd_tmp/pid"
if [ -n "$qd_password" ]; then
  unset PGPASSWORD
  printf '*:*:*:*:%s\\n' "$(printf '%s\\n' "$qd_password" | sed 's/[\\\\:]/\\\\&/g')" >"$qd_tmp/pass" || exit 91
  PGPASSFILE=$qd_tmp/pass
  export PGPASSFILE
fi
qd_password=
qd_psql() {
  PGCLIENTENCODING=UTF8 psql -X -w -q -A -t -v ON_ERROR_STOP=1 "$@"
}
qd_sql() {
  qd_text=$1
  shift
  qd_n=$#
  while [ "$qd_n" -gt 0 ]; do
    qd_arg=$1
    shift
    set -- "$@" -v "$qd_arg"
    qd_n=$((qd_n - 1))
  done
  printf '%s\\n' "$qd_text" | qd_psql "$@"
}
`;

/** A text for `pg`: constant SQL and its variables. */
export const sqlText = `qd_sql "$@"\n`;

/**
 * Runs on the host, before every script. Arguments: {@link insidePrelude} and the place; first line of stdin: the password. A text and its
 * arguments are given to a shell of its own, here or in the container, as arguments: nothing is quoted twice.
 */
export const outsidePrelude = `qd_inside=$1 qd_container=$2 qd_bin=$3 qd_host=$4 qd_port=$5 qd_user=$6 qd_database=$7
shift 7
IFS= read -r qd_password || qd_password=
qd_engine=
if [ -n "$qd_container" ]; then
  for qd_one in docker podman; do
    if command -v "$qd_one" >/dev/null 2>&1; then qd_engine=$qd_one; break; fi
  done
  if [ -z "$qd_engine" ]; then echo 'There is neither docker nor podman.' >&2; exit 90; fi
fi
pg_feed() {
  qd_text=$1
  shift
  set -- "$qd_inside$qd_text" quarterdeck "$qd_bin" "$qd_host" "$qd_port" "$qd_user" "$qd_database" "$@"
  if [ -z "$qd_engine" ]; then
    { printf '%s\\n' "$qd_password"; cat; } | /bin/sh -c "$@"
  else
    { printf '%s\\n' "$qd_password"; cat; } | "$qd_engine" exec -i "$qd_container" /bin/sh -c "$@"
  fi
}
pg() { pg_feed "$@" </dev/null; }
`;
