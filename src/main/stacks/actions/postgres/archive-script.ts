/** Text for `pg_feed`: the list of an archive, what belongs to the database itself included. */
export const listText = 'pg_restore -l -C\n';

/**
 * Begins a text whose stdin is a number of lines, as many lines of a list for `-L`, then the archive: `read` takes not a byte more than a line.
 */
const takeList = `IFS= read -r qd_lines || exit 93
case "$qd_lines" in '' | *[!0-9]*) exit 93 ;; esac
while [ "$qd_lines" -gt 0 ]; do
  IFS= read -r qd_line || exit 93
  printf '%s\\n' "$qd_line"
  qd_lines=$((qd_lines - 1))
done >"$qd_tmp/list"
`;

/** Text for `pg_feed`: reads the whole archive and writes its SQL. */
export const readText = `${takeList}pg_restore -L "$qd_tmp/list" -f -
`;

/** Text for `pg_feed`: restores into `$PGDATABASE`, all or nothing. */
export const fillText = `${takeList}pg_restore -w -L "$qd_tmp/list" --exit-on-error --single-transaction -d "$PGDATABASE"
`;

/** Arguments: path, {@link listText}. Exit codes: 3 no such file, 5 not a custom-format archive, 6 its list can't be read. */
export const listScript = `[ -f "$1" ] && [ -r "$1" ] || exit 3
[ "$(head -c 5 -- "$1" | tr -d '\\000')" = PGDMP ] || { head -c 200 -- "$1"; exit 5; }
pg_feed "$2" <"$1" || exit 6
`;

/**
 * Arguments: path, {@link readText}, most bytes of SQL, lines of the first list (definitions) and of the second (rows). stdin: both lists.
 * Prints all SQL of the first, and of the second what is not a row; then `bytes=` and `sha256=` on stderr. They are read apart so that nothing
 * within a definition can pass for the beginning of rows. Exit codes: 9 too long, 7 can't be read to its end.
 */
export const readScript = `file=$1 text=$2 most=$3 first=$4 second=$5
work=$(mktemp -d "\${TMPDIR:-/tmp}/quarterdeck.XXXXXX") || exit 91
trap 'rm -rf "$work"' EXIT
trap 'exit 143' HUP INT TERM
sum=$(sha256sum <"$file") || exit 3
cat >"$work/lists" || exit 91
{ echo "$first"; head -n "$first" "$work/lists"; } >"$work/first"
{ echo "$second"; tail -n "+$((first + 1))" "$work/lists" | head -n "$second"; } >"$work/second"
long=
for part in first second; do
  {
    cat "$work/$part" "$file" | pg_feed "$text"
    echo $? >"$work/code"
  } | LC_ALL=C awk -v most="$most" -v data="$part" '
    rows { if ($0 == "\\\\.") rows = 0; next }
    data == "second" && /^SELECT pg_catalog\\.lowrite\\(0, .\\\\x[0-9a-f]*.\\);$/ { next }
    { bytes += length($0) + 1; if (bytes <= most) print }
    data == "second" && /^COPY [^;]* FROM stdin;$/ { rows = 1 }
    END { if (bytes > most) exit 9 }
  ' || long=1
  [ "$(cat "$work/code")" = 0 ] || exit 7
done
printf 'sha256=%s\\nbytes=%s\\n' "\${sum%% *}" "$(($(wc -c <"$file")))" >&2
[ -z "$long" ] || exit 9
`;
