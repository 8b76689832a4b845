/** Sets what the blocks below read: psql has no variables within quotes. */
const settings = (names: readonly string[]) =>
  names.map((name) => `SELECT set_config('quarterdeck.${name}', :'${name}', false);\n`).join('');

const said = (name: string) => `current_setting('quarterdeck.${name}')`;

/** Ends every other session of the databases in `quarterdeck.quiet`, for ten seconds at most; an error names who stays. */
const endSessions = `DO $$ DECLARE left_over text; BEGIN
  FOR i IN 1..100 LOOP
    PERFORM pg_stat_clear_snapshot();
    PERFORM pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_roles r ON r.rolname = a.usename
    WHERE a.datname = ANY (string_to_array(${said('quiet')}, E'\\n')) AND a.pid <> pg_backend_pid()
      AND ((SELECT rolsuper FROM pg_roles WHERE rolname = current_user) OR NOT r.rolsuper)
      AND (pg_has_role(a.usesysid, 'MEMBER') OR pg_has_role('pg_signal_backend', 'MEMBER'));
    PERFORM pg_stat_clear_snapshot();
    SELECT string_agg(format('%s (%s, process %s)', usename, application_name, pid), ', ') INTO left_over FROM pg_stat_activity
    WHERE datname = ANY (string_to_array(${said('quiet')}, E'\\n')) AND pid <> pg_backend_pid() AND backend_type NOT LIKE 'autovacuum%';
    EXIT WHEN left_over IS NULL;
    PERFORM pg_sleep(0.1);
  END LOOP;
  IF left_over IS NOT NULL THEN RAISE EXCEPTION 'still connected: %', left_over; END IF;
END $$;
`;

/** Variables `live`, `quiet` (the same). First nobody new, then nobody. When somebody stays, connections are allowed again. */
export const holdSql = `${settings(['quiet'])}SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS false', datname) FROM pg_database WHERE datname = :'live'
\\gexec
\\set ON_ERROR_STOP off
${endSessions}\\if :ERROR
SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS true', datname) FROM pg_database WHERE datname = :'live'
\\gexec
\\set ON_ERROR_STOP on
DO $$ BEGIN RAISE EXCEPTION 'connections are allowed as before'; END $$;
\\endif
`;

/** Variable `live`. */
export const allowSql = `SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS true', datname) FROM pg_database WHERE datname = :'live' AND oid::text = :'oid'
\\gexec
`;

/** What must be the same of two databases after a swap, as one text. */
const traits = (
  oid: string,
) => `(SELECT concat_ws(' | ', pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, pg_get_userbyid(d.datdba), d.datconnlimit,
    (SELECT string_agg(format('%s %s %s', a.grantee, a.privilege_type, a.is_grantable), ', ' ORDER BY a.grantee, a.privilege_type)
      FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a),
    (SELECT string_agg(format('%s: %s', s.setrole, (SELECT string_agg(x, ', ' ORDER BY x) FROM unnest(s.setconfig) x)), '; ' ORDER BY s.setrole)
      FROM pg_db_role_setting s WHERE s.setdatabase = d.oid))
  FROM pg_database d WHERE d.oid = ${oid})`;

/**
 * Owner, privileges, settings and connection limit of the old database, given to the new one. A setting is not quoted but set and taken over
 * (\`FROM CURRENT\`): lists keep their form.
 */
const carryOver = `DO $$ DECLARE old_oid oid := ${said('old_oid')}::oid; new_oid oid := ${said('new_oid')}::oid; old_name name; new_name name; one record; BEGIN
  SELECT datname INTO STRICT old_name FROM pg_catalog.pg_database WHERE oid = old_oid;
  SELECT datname INTO STRICT new_name FROM pg_catalog.pg_database WHERE oid = new_oid;
  IF old_name <> ${said('live')} OR new_name <> ${said('new_name')} THEN RAISE EXCEPTION 'the databases are not what they were: % and %', old_name, new_name; END IF;
  FOR one IN SELECT pg_get_userbyid(datdba) AS owner, datconnlimit FROM pg_catalog.pg_database WHERE oid = old_oid LOOP
    EXECUTE format('ALTER DATABASE %I OWNER TO %I', new_name, one.owner);
    EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT %s', new_name, one.datconnlimit);
  END LOOP;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', new_name);
  FOR one IN SELECT a.grantee, a.privilege_type, a.is_grantable FROM pg_catalog.pg_database d,
      LATERAL pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a WHERE d.oid = old_oid LOOP
    EXECUTE format('GRANT %s ON DATABASE %I TO %s%s', one.privilege_type, new_name,
      CASE WHEN one.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(one.grantee)) END, CASE WHEN one.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
  END LOOP;
  FOR one IN SELECT s.setrole, split_part(x, '=', 1) AS name, substr(x, strpos(x, '=') + 1) AS value
      FROM pg_catalog.pg_db_role_setting s, unnest(s.setconfig) x WHERE s.setdatabase = old_oid LOOP
    PERFORM pg_catalog.set_config(one.name, one.value, true);
    IF one.setrole = 0 THEN EXECUTE format('ALTER DATABASE %I SET %s FROM CURRENT', new_name, one.name);
    ELSE EXECUTE format('ALTER ROLE %I IN DATABASE %I SET %s FROM CURRENT', pg_get_userbyid(one.setrole), new_name, one.name);
    END IF;
  END LOOP;
  IF ${traits('old_oid')} IS DISTINCT FROM ${traits('new_oid')}
  THEN RAISE EXCEPTION 'the new database differs: % and %', ${traits('old_oid')}, ${traits('new_oid')}; END IF;
END $$;
`;

/** Renames two databases in one transaction that nobody else is in; comments go along. */
const rename = (mark: string) => `DO $$ DECLARE old_comment text := shobj_description(${said('old_oid')}::oid, 'pg_database'); BEGIN
  EXECUTE format('COMMENT ON DATABASE %I IS %L', ${said('live')}, ${mark});
  EXECUTE format('COMMENT ON DATABASE %I IS %L', ${said('new_name')}, old_comment);
  EXECUTE format('ALTER DATABASE %I RENAME TO %I', ${said('live')}, ${said('previous')});
  EXECUTE format('ALTER DATABASE %I RENAME TO %I', ${said('new_name')}, ${said('live')});
END $$;
`;

/**
 * Variables `live`, `old_oid`, `new_name`, `new_oid`, `previous`, `comment`, `quiet` (both names, a line each). The live name is never without a database
 * for anybody to see: both renames, all that was carried over, and the permission to connect are one commit.
 */
export const swapSql = `${settings(['live', 'old_oid', 'new_name', 'new_oid', 'previous', 'comment', 'quiet'])}SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS false', datname) FROM pg_database WHERE oid IN (:'old_oid', :'new_oid') AND datallowconn
\\gexec
${endSessions}BEGIN;
${carryOver}${rename(said('comment'))}SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS true', datname) FROM pg_database WHERE oid = :'new_oid'
\\gexec
COMMIT;
`;

/**
 * The way back: \`live\` is the restored one now (\`new_oid\`), \`previous\` the one from before (\`old_oid\`), which gets its name again and takes no
 * connections yet: that is the undo of the step before.
 */
export const swapBackSql = `${settings(['live', 'old_oid', 'new_name', 'new_oid', 'previous', 'quiet'])}SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS false', datname) FROM pg_database WHERE oid IN (:'old_oid', :'new_oid') AND datallowconn
\\gexec
${endSessions}BEGIN;
DO $$ DECLARE comment text := shobj_description(${said('new_oid')}::oid, 'pg_database'); BEGIN
  IF (SELECT datname FROM pg_database WHERE oid = ${said('new_oid')}::oid) IS DISTINCT FROM ${said('live')}
    OR (SELECT datname FROM pg_database WHERE oid = ${said('old_oid')}::oid) IS DISTINCT FROM ${said('previous')}
  THEN RAISE EXCEPTION 'the databases are not what they were'; END IF;
  EXECUTE format('ALTER DATABASE %I RENAME TO %I', ${said('live')}, ${said('new_name')});
  EXECUTE format('ALTER DATABASE %I RENAME TO %I', ${said('previous')}, ${said('live')});
  EXECUTE format('COMMENT ON DATABASE %I IS %L', ${said('live')}, comment);
  EXECUTE format('COMMENT ON DATABASE %I IS NULL', ${said('new_name')});
END $$;
COMMIT;
`;
