import { factsBody } from './facts.ts';

/**
 * One transaction holds the snapshot that both the counts and the dump see; pg_dump runs inside it (`\\!` of this constant text). The dump goes
 * to descriptor 3, which is the stdout of the whole; everything else to stderr.
 */
const snapshotSql = `BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_catalog.pg_export_snapshot() AS snapshot \\gset
\\setenv QD_SNAPSHOT :snapshot
SELECT 'fact server=' || pg_catalog.current_setting('server_version_num');
SELECT 'fact encoding=' || pg_catalog.pg_encoding_to_char(encoding) || E'\\nfact owner=' || pg_catalog.pg_get_userbyid(datdba)
FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database();
${factsBody}\\! pg_dump -w -Fc $QD_CONTENTS --snapshot="$QD_SNAPSHOT" >&3; echo $? >"$qd_tmp/code"
COMMIT;
`;

/** Text for `pg`: arguments `all|schema|data`, the fingerprints; the archive on stdout, counts on stderr. */
export const dumpText = `case $1 in schema) QD_CONTENTS=--schema-only ;; data) QD_CONTENTS=--data-only ;; *) QD_CONTENTS= ;; esac
export QD_CONTENTS qd_tmp
exec 3>&1
printf 'fact tool=%s\\n' "$(pg_dump --version)" >&2
qd_sql '${snapshotSql.replaceAll("'", "'\\''")}' "$2" >&2 || exit 32
[ "$(cat "$qd_tmp/code" 2>/dev/null)" = 0 ] || exit 32
`;

/** Text for `pg_feed`: reads the whole archive. A list of its contents would pass on one that was cut off. */
export const fullReadText = 'pg_restore -f /dev/null\n';

/**
 * Arguments: folder, name, {@link dumpText}, {@link fullReadText}, contents, fingerprints. Exit codes are in the action. The name appears only when
 * the archive was written whole, read back with the same hash, and read through by pg_restore. No pipe's own exit code is believed.
 */
export const backupScript = `dir=$1 name=$2 dump=$3 check=$4 contents=$5 fingerprints=$6
umask 077
[ -d "$dir" ] && [ -w "$dir" ] || exit 31
part=$dir/$name.part
work=$(mktemp -d "\${TMPDIR:-/tmp}/quarterdeck.XXXXXX") || exit 91
trap 'rm -rf "$work" "$part"' EXIT
trap 'exit 143' HUP INT TERM
rm -f "$part"
{
  pg "$dump" "$contents" "fingerprints=$fingerprints" 2>"$work/said"
  echo $? >"$work/dump"
} | { tee "$part"; echo $? >"$work/tee"; } | sha256sum >"$work/sum"
grep -E '^(row|seq|ext) |^fact ' "$work/said"
grep -vE '^(row|seq|ext) |^fact ' "$work/said" >&2
[ "$(cat "$work/tee")" = 0 ] || exit 33
[ "$(cat "$work/dump")" = 0 ] || exit 32
read -r sum rest <"$work/sum"
sync "$part" 2>/dev/null || sync
[ "$(sha256sum <"$part")" = "$(cat "$work/sum")" ] || exit 34
pg_feed "$check" <"$part" || exit 35
mv -f "$part" "$dir/$name" || exit 36
sync "$dir" 2>/dev/null || sync
printf 'sha256=%s\\nbytes=%s\\n' "$sum" "$(($(wc -c <"$dir/$name")))"
`;
