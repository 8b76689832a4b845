/** Ends what a helper that was killed has left at work in the new database. Variable `name`. Waits until it is gone. */
export const quietSql = `SELECT set_config('quarterdeck.name', :'name', false);
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :'name' AND pid <> pg_backend_pid() AND datname <> :'live';
DO $$ BEGIN
  FOR i IN 1..100 LOOP
    PERFORM pg_stat_clear_snapshot();
    EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_setting('quarterdeck.name') AND pid <> pg_backend_pid());
    PERFORM pg_sleep(0.1);
  END LOOP;
END $$;
`;

/** The extensions, in the schemas they have in the live database. Variables `role`, and `extensions`: a JSON list of `{name, schema}`. */
export const extensionsSql = `SELECT DISTINCT format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', x ->> 'schema', :'role')
FROM jsonb_array_elements((:'extensions')::jsonb) x WHERE x ->> 'schema' NOT IN ('public', 'pg_catalog')
\\gexec
SELECT format('CREATE EXTENSION IF NOT EXISTS %I', x ->> 'name') || coalesce(format(' SCHEMA %I', x ->> 'schema'), '')
FROM jsonb_array_elements((:'extensions')::jsonb) x
\\gexec
`;

/** Prints how many tables there are that belong to no extension. */
export const emptySql = `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e');
`;

/**
 * Arguments: path, SHA-256, text of SQL, text that fills, new database, live database, role, extensions, fingerprints, and the SQL of this file and of the
 * counts. stdin: the role's password, then the list for pg_restore. All or nothing: what is there already was restored by an earlier try, whole. Prints what
 * the new database holds.
 */
export const restoreScript = `file=$1 sum=$2 sql=$3 fill=$4 new=$5 live=$6 role=$7 extensions=$8
shift 8
fingerprints=$1 quiet=$2 make=$3 empty=$4 facts=$5
IFS= read -r second || second=
work=$(mktemp -d "\${TMPDIR:-/tmp}/quarterdeck.XXXXXX") || exit 91
trap 'rm -rf "$work"' EXIT
trap 'exit 143' HUP INT TERM
cat >"$work/list" || exit 91
[ -f "$file" ] && [ -r "$file" ] || exit 41
[ "$(sha256sum <"$file")" = "$sum  -" ] || exit 42
first=$qd_password admin=$qd_user
pg "$sql" "$quiet" "name=$new" "live=$live" >/dev/null || exit 43
qd_database=$new
there=$(pg "$sql" "$empty") || exit 43
if [ "$there" = 0 ]; then
  pg "$sql" "$make" "extensions=$extensions" "role=$role" || exit 44
  qd_user=$role qd_password=$second
  cat "$work/list" "$file" | pg_feed "$fill" || exit 45
else
  echo "The new database is filled already, by an earlier try."
fi
qd_user=$role qd_password=$second
pg "$sql" 'ANALYZE;' || exit 46
qd_user=$admin qd_password=$first
pg "$sql" "$facts" "fingerprints=$fingerprints" || exit 47
`;
