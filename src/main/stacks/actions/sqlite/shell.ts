/**
 * Constant shell functions of the SQLite family. They work with the `sqlite3` program or, where the host has none, with python3's module;
 * both say the same lines. A file that nobody holds is only opened as immutable: an ordinary reader of a file in WAL mode would leave a
 * `-wal` and a `-shm` of its own beside it.
 */

/** What both programs are asked. `%s` stands nowhere: names of tables are quoted by SQLite itself. */
const tables = `type='table' AND rootpage>0 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`;
const schemaSql = `SELECT hex(type||'|'||name||'|'||tbl_name||'|'||coalesce(sql,'')) FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name`;
const countsSql = `SELECT 'SELECT ''table ' || hex(name) || ' '' || count(*) FROM "' || replace(name, '"', '""') || '";' FROM sqlite_master WHERE ${tables} ORDER BY name`;

const pythonProgram = `
import hashlib, sqlite3, sys
from urllib.parse import quote
verb, mode, path = sys.argv[1:4]
def opened(path, mode):
    return sqlite3.connect("file:" + quote(path) + ("?immutable=1" if mode == "immutable" else "?mode=ro" if mode == "online" else "?mode=rw"), uri=True, timeout=20, isolation_level=None)
def line(text):
    return " ".join(str(text).split())[:1000]
try:
    db = opened(path, mode)
    db.text_factory = bytes
    if verb == "copy":
        with sqlite3.connect("copy") as target:
            db.backup(target)
        target.close()
    elif verb == "settle":
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        db.close()
    else:
        db.execute("PRAGMA trusted_schema=OFF")
        said = "; ".join(row[0].decode("utf-8", "replace") for row in db.execute("PRAGMA integrity_check(20)"))
        print("integrity=" + line(said))
        if said == "ok":
            print("foreign=%d" % len(db.execute("PRAGMA foreign_key_check").fetchall()))
            schema = b"".join(row[0] + b"\\n" for row in db.execute(sys.argv[4]))
            print("schema=" + hashlib.sha256(schema).hexdigest())
            for (sql,) in db.execute(sys.argv[5]).fetchall():
                for (text,) in db.execute(sql.decode("utf-8")):
                    print(text.decode("utf-8"))
            print("counted=yes")
except Exception as error:
    if verb == "report":
        print("integrity=" + line(error))
    else:
        print(line(error), file=sys.stderr)
        sys.exit(1)
`;

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** `qd_hash FILE`, `qd_sync FILE…` (a folder too), `qd_id FILE` as device and inode. */
export const baseShell = `
qd_hash() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null 2>&1; then shasum -a 256 <"$1" | cut -d ' ' -f 1
  else openssl dgst -sha256 -r <"$1" | cut -d ' ' -f 1
  fi
}
qd_sync() { sync "$@" 2>/dev/null || sync; }
qd_id() { stat -c %d:%i -- "$1" 2>/dev/null; }
`;

/**
 * `qd_copy MODE DB` writes a consistent copy to `./copy`; `qd_settle DB` folds a log into a copy of ours; `qd_report MODE DB` prints
 * `integrity=`, and when that is ok `foreign=`, `schema=`, a line `table HEX COUNT` for each table, and `counted=yes`.
 * MODE is `online` (somebody may hold it) or `immutable` (nobody does). Without either program they exit with 40.
 */
export const sqliteShell = `${baseShell}
qd_schema=${quoted(schemaSql)}
qd_counts=${quoted(countsSql)}
qd_tool=
if command -v sqlite3 >/dev/null 2>&1; then qd_tool=sqlite3
elif python3 -c 'import sqlite3; sqlite3.Connection.backup' >/dev/null 2>&1; then qd_tool=python3
fi
qd_need_tool() {
  [ -n "$qd_tool" ] && return
  echo 'this host has neither sqlite3 nor python3 with its sqlite3 module' >&2
  exit 40
}
qd_uri() {
  qd_path=$(printf '%s' "$2" | sed 's/%/%25/g; s/?/%3f/g; s/#/%23/g')
  case $1 in immutable) printf 'file:%s?immutable=1' "$qd_path" ;; rw) printf 'file:%s?mode=rw' "$qd_path" ;; *) printf 'file:%s?mode=ro' "$qd_path" ;; esac
}
qd_python=${quoted(pythonProgram)}
qd_sql() {
  qd_from=$1
  shift
  sqlite3 -init /dev/null -batch -noheader -list -cmd '.timeout 20000' "$qd_from" "$@" </dev/null
}
# A header byte tells whether the file is in WAL mode.
qd_in_wal() { [ "$(od -An -tu1 -j18 -N1 -- "$1" 2>/dev/null | tr -d ' ')" = 2 ]; }
qd_copy() {
  if [ $qd_tool = sqlite3 ]; then
    # One read transaction, so that a busy writer makes it begin again never.
    qd_sql "$(qd_uri "$1" "$2")" BEGIN 'SELECT 1 FROM sqlite_master LIMIT 1' '.backup copy' >/dev/null && [ -f copy ]
  else python3 -c "$qd_python" copy "$1" "$2" && [ -f copy ]
  fi
}
qd_settle() {
  if [ $qd_tool = sqlite3 ]; then qd_sql "$(qd_uri rw "$1")" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
  else python3 -c "$qd_python" settle rw "$1"
  fi
}
qd_report() {
  qd_need_tool
  if [ $qd_tool = python3 ]; then
    python3 -c "$qd_python" report "$1" "$2" "$qd_schema" "$qd_counts"
    return
  fi
  qd_u=$(qd_uri "$1" "$2")
  # Its text is what counts: it can end with 0 and tell of damage.
  qd_said=$(qd_sql "$qd_u" 'PRAGMA trusted_schema=OFF; PRAGMA integrity_check(20)' 2>&1 | tr '\\n' ' ' | cut -c 1-1000)
  qd_said=\${qd_said% }
  printf 'integrity=%s\\n' "$qd_said"
  [ "$qd_said" = ok ] || return 0
  printf 'foreign=%d\\n' "$(qd_sql "$qd_u" 'PRAGMA foreign_key_check' | wc -l)"
  qd_sql "$qd_u" "$qd_schema" >"$qd_scratch/schema" || return 0
  printf 'schema=%s\\n' "$(qd_hash "$qd_scratch/schema")"
  qd_each=$(qd_sql "$qd_u" "$qd_counts") || return 0
  if [ -n "$qd_each" ]; then qd_sql "$qd_u" "$qd_each" || return 0; fi
  echo counted=yes
}
# A private folder for small things, gone when the script ends.
qd_scratch=$(mktemp -d "\${TMPDIR:-/tmp}/quarterdeck-XXXXXX") || exit 39
trap 'rm -rf "$qd_scratch"' EXIT
`;

/**
 * `qd_free DB LOCK` waits some seconds for the last holder to let go; 41 and their lines when they don't. Needs {@link baseShell}.
 * `qd_holders DB LOCK` prints a line `holder PID NAME` for every process that has the database, its log or its lock: open files by device
 * and inode (a container's too), mappings, locks; and `flock` on the lock file: that the file is there means nothing. Nothing printed and
 * exit 0: nobody. Exit 47: this host does not let us see.
 */
export const holderShell = `
qd_hex_dev() {
  qd_d=\${1%%:*}
  printf '%02x:%02x' $(((qd_d >> 8) & 4095)) $(((qd_d & 255) | ((qd_d >> 12) & 1048320)))
}
qd_holder() { printf 'holder %s %s\\n' "$1" "$(tr -dc 'A-Za-z0-9_. -' 2>/dev/null <"/proc/$1/comm" | cut -c 1-40)"; }
qd_holders() {
  qd_lock=
  if [ -n "$2" ] && [ -e "$2" ]; then
    if command -v flock >/dev/null 2>&1; then
      flock -n -x "$2" true 2>/dev/null || printf 'holder lock %s\\n' "$(head -c 60 -- "$2" 2>/dev/null | tr -dc 'A-Za-z0-9_.=:-')"
    else qd_lock=$2
    fi
  fi
  [ -r /proc/self/stat ] && [ -r /proc/locks ] || return 47
  qd_ids= qd_inums= qd_maps= qd_locks=
  for qd_f in "$1" "$1-wal" "$1-shm" "$1-journal"; do
    qd_one=$(qd_id "$qd_f") || continue
    qd_ids="$qd_ids $qd_one "
    qd_hex=$(qd_hex_dev "$qd_one")
    qd_inums="$qd_inums\${qd_inums:+ -o }-inum \${qd_one#*:}"
    qd_maps="$qd_maps\${qd_maps:+|}$qd_hex \${qd_one#*:}"
    qd_locks="$qd_locks\${qd_locks:+|}$qd_hex:\${qd_one#*:}"
  done
  [ -n "$qd_ids" ] || return 0
  if [ -n "$qd_lock" ]; then
    qd_one=$(qd_id "$qd_lock")
    qd_locks="$qd_locks|$(qd_hex_dev "$qd_one"):\${qd_one#*:}"
  fi
  {
    find -L /proc/[0-9]*/fd -maxdepth 1 \\( $qd_inums \\) 2>/dev/null | while IFS= read -r qd_f; do
      case $qd_ids in *" $(stat -L -c %d:%i -- "$qd_f" 2>/dev/null) "*) qd_f=\${qd_f#/proc/}; echo "\${qd_f%%/*}" ;; esac
    done
    grep -lE " ($qd_maps) " /proc/[0-9]*/maps 2>/dev/null | cut -d / -f 3
    grep -E " ($qd_locks) " /proc/locks 2>/dev/null | sed 's/^[0-9]*: *//; s/^-> *//' | tr -s ' ' | cut -d ' ' -f 4
  } | sort -u | while IFS= read -r qd_p; do qd_holder "$qd_p"; done
  return 0
}
qd_free() {
  qd_i=0
  while :; do
    qd_held=$(qd_holders "$1" "$2") || return 47
    [ -n "$qd_held" ] || return 0
    qd_i=$((qd_i + 1))
    if [ $qd_i -ge 20 ]; then
      printf '%s\\n' "$qd_held"
      return 41
    fi
    sleep 0.25 2>/dev/null || sleep 1
  done
}
`;
