import { describe, expect, it } from 'vitest';
import { checkStatement, objectsOf, refusedInFile, replaceParameters } from './guard.ts';
import type { Dialect } from './tokens.ts';

const refused = (text: string, dialect: Dialect = 'postgres') => refusedInFile(text, dialect);

describe('a migration file', () => {
  it.each([
    ['DROP TABLE a;', 'postgres'],
    ['drop table a;\n-- \\! touch /x\nDROP TABLE b', 'postgres'],
    ['/* outer /* \\! inner */ COMMIT; */ DROP TABLE a;', 'postgres'],
    ["INSERT INTO t VALUES ('\\! touch x', 'COMMIT; it''s');", 'postgres'],
    ["SELECT E'it\\'s \\\\ COMMIT;';", 'postgres'],
    ['CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;', 'postgres'],
    ['CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $body$ SELECT $$\\!$$::text; $body$;', 'postgres'],
    ['CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 ELSE 2 END; SELECT 2; END;', 'postgres'],
    ['PREPARE x AS SELECT 1', 'postgres'],
    ['ALTER TABLE "commit" DROP COLUMN "begin";', 'postgres'],
    ['CREATE TRIGGER t AFTER UPDATE ON a BEGIN UPDATE b SET x = CASE WHEN 1 THEN 2 END; DELETE FROM c; END;\nDROP TABLE d;', 'sqlite'],
    ['SELECT [.shell x], `COMMIT` FROM a;', 'sqlite'],
    ["INSERT INTO t VALUES ('\n.shell touch x\n');", 'sqlite'],
    ['/* no end: the rest is a comment \n.shell x', 'sqlite', 'nothing to carry out'],
  ] as [string, Dialect, string?][])('%s', (text, dialect, why) => {
    const found = refused(text, dialect);
    if (why === undefined) expect(found).toBeUndefined();
    else expect(found?.why).toContain(why);
  });

  it.each([
    ['DROP TABLE a;\n\\! touch /tmp/marker', 2, 'backslash', 'postgres'],
    ['DROP TABLE a; \\connect other', 1, 'backslash', 'postgres'],
    ["SELECT 'a\\'; \\! touch x --'", 1, 'backslash', 'postgres'],
    ['SELECT $a$ x $b$ ; \\i /etc/passwd', 1, 'does not end', 'postgres'],
    ['BEGIN;\nDROP TABLE a;\nCOMMIT;', 1, 'BEGIN', 'postgres'],
    ['DROP TABLE a;\n\nEnd;', 3, 'END', 'postgres'],
    ['DROP TABLE a; /* x */ ROLLBACK', 1, 'ROLLBACK', 'postgres'],
    ["PREPARE TRANSACTION 'x'", 1, 'PREPARE', 'postgres'],
    ['DROP INDEX\n CONCURRENTLY i;', 1, 'CONCURRENTLY', 'postgres'],
    ['VACUUM a', 1, 'VACUUM', 'postgres'],
    ["COPY t FROM PROGRAM 'touch /tmp/marker'", 1, 'PROGRAM', 'postgres'],
    ["copy (select 1) to /* x */ program 'x'", 1, 'PROGRAM', 'postgres'],
    ["DO $x$ BEGIN EXECUTE 'COPY t FROM PROGRAM ''touch x''';\nEND $x$", 1, 'PROGRAM in a body', 'postgres'],
    ["COPY t FROM '/etc/passwd'", 1, 'COPY', 'postgres'],
    ['CREATE DATABASE x', 1, 'CREATE DATABASE', 'postgres'],
    ["ALTER SYSTEM SET archive_command = 'x'", 1, 'ALTER SYSTEM', 'postgres'],
    ['SET standard_conforming_strings = off', 1, 'standard_conforming_strings', 'postgres'],
    ['SET ROLE postgres; DROP TABLE a', 1, 'SET ROLE', 'postgres'],
    ['DROP TABLE "a', 1, 'does not end', 'postgres'],
    ['/* /* */ DROP TABLE a', 1, 'does not end', 'postgres'],
    ['', 1, 'nothing', 'postgres'],
    ['-- only words', 1, 'nothing', 'postgres'],
    ['DROP TABLE a;\n.shell touch /tmp/marker', 2, 'for the client', 'sqlite'],
    ['DROP TABLE a;\n  .read x', 2, 'for the client', 'sqlite'],
    ["ATTACH '/etc/x' AS y", 1, 'ATTACH', 'sqlite'],
    ["SELECT writefile('x', 'y')", 1, 'reaches out', 'sqlite'],
    ["SELECT load_extension('x')", 1, 'reaches out', 'sqlite'],
    ['DROP TABLE a;\ngo\n', 2, 'go', 'sqlite'],
    ['DROP TABLE a; COMMIT', 1, 'COMMIT', 'sqlite'],
    ['PRAGMA foreign_keys = off', 1, 'PRAGMA', 'sqlite'],
    ['DROP TABLE a; \u0000', 1, 'zero byte', 'sqlite'],
  ] as const)('is refused: %s', (text, line, why, dialect) => {
    expect(refused(text, dialect)).toEqual({ line, why: expect.stringContaining(why) });
  });
});

describe('a statement of a stack', () => {
  it('names its parameters and nothing in quotes, casts or comments', () => {
    expect(
      checkStatement("UPDATE t SET a = :one, b = ':no', c = x::text -- :no\n WHERE d = :two AND e = :one", 'postgres', 'writes'),
    ).toEqual({
      parameters: ['one', 'two'],
    });
    expect(replaceParameters("SELECT :a, ':a', x::a /* :a */ FROM t WHERE b=:b", 'postgres', (name) => `‹${name}›`)).toBe(
      "SELECT ‹a›, ':a', x::a /* :a */ FROM t WHERE b=‹b›",
    );
  });

  it.each([
    ['UPDATE t SET a = 1; DROP TABLE t', 'writes', 'semicolon'],
    ['DROP TABLE t', 'writes', 'UPDATE or DELETE'],
    ['INSERT INTO t VALUES (1)', 'writes', 'UPDATE or DELETE'],
    ['UPDATE t SET a = 1 RETURNING a', 'writes', 'RETURNING'],
    ["UPDATE t SET a = :'x'", 'writes', ':name'],
    ['UPDATE t SET a = :"x"', 'writes', ':name'],
    ['UPDATE t SET a = 1 \\g', 'writes', 'backslash'],
    ['UPDATE t SET a = 1', 'reads', 'SELECT'],
    ['SELECT 1 INTO x', 'reads', 'INTO'],
    ['', 'reads', 'nothing'],
  ] as const)('is refused: %s', (text, kind, why) => {
    const found = checkStatement(text, 'postgres', kind);
    expect('refusal' in found && found.refusal.why).toContain(why);
  });
});

describe('what a file makes', () => {
  it('is read from CREATE TABLE and ADD COLUMN', () => {
    const text = `CREATE TABLE IF NOT EXISTS public.devices (id int);
ALTER TABLE ONLY "public"."users" ADD COLUMN IF NOT EXISTS seen timestamptz, ADD CONSTRAINT x CHECK (true), DROP COLUMN old;
DROP TABLE gone; CREATE INDEX i ON devices (id);`;
    expect(objectsOf(text, 'postgres')).toEqual({
      made: [{ table: 'devices' }, { table: 'users', column: 'seen' }],
      gone: [{ table: 'users', column: 'old' }, { table: 'gone' }],
    });
  });
});
