import { describe, expect, it } from 'vitest';
import { splitStatements, sqlRefusals } from './dump-check.ts';
import { extensionsOf, parseToc, restoreList, tocRefusals } from './toc.ts';

const texts = (sql: string) => splitStatements(sql).statements.map(({ text }) => text);

describe('splitting SQL', () => {
  it('sees through quotes, dollar quotes, comments, brackets and bodies of functions', () => {
    expect(texts(`SELECT 'a;''b'; SELECT "x;y"; -- no;\nSELECT /* ; /* ; */ */ 1;`)).toEqual(["SELECT ''", 'SELECT "x;y"', 'SELECT 1']);
    expect(texts(`SELECT E'\\';'; SELECT $a$;$b$;$a$; SELECT $$;$$;`)).toEqual(["SELECT ''", "SELECT ''", "SELECT ''"]);
    expect(texts(`CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b);`)).toHaveLength(1);
    expect(texts(`CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3;`)).toHaveLength(
      2,
    );
    expect(texts(`CREATE TABLE "begin" (a int); SELECT 1;`)).toHaveLength(2);
  });
  it('says nothing of what is left open', () => {
    for (const sql of [
      `SELECT 'a`,
      'SELECT "a',
      'SELECT $x$ $y$',
      'SELECT /* /* */ 1;',
      'SELECT 1',
      'CREATE FUNCTION f() BEGIN ATOMIC SELECT 1;',
    ])
      expect(splitStatements(sql).open, sql).toBeDefined();
  });
});

const ordinary = `\\restrict AbC123
SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE SCHEMA app;
CREATE FUNCTION app.f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SET ROLE x'; COPY t FROM PROGRAM 'id';
\\! not a command, a line of a body
END $$;
ALTER FUNCTION app.f() OWNER TO shop;
CREATE TABLE public.orders (id integer DEFAULT 1, "\\! odd" text);
ALTER TABLE ONLY public.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
COPY public.orders (id, "\\! odd") FROM stdin;
SELECT pg_catalog.setval('public.orders_id_seq', 3, true);
COMMENT ON TABLE public.orders IS 'DROP DATABASE shop;';
GRANT SELECT ON TABLE public.orders TO reader;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
\\unrestrict AbC123
`;

describe('the SQL of an archive', () => {
  it('is let through as pg_dump writes it, whatever stands in strings and bodies', () => expect(sqlRefusals(ordinary)).toEqual([]));

  it.each([
    ['\\! touch /tmp/marker', /command for psql/],
    ['\\connect other', /command for psql/],
    ["COPY public.orders FROM PROGRAM 'touch /tmp/marker';", /run a program/],
    ["COPY public.orders FROM PROGRAM 'touch /tmp/marker';\n1\ta\n\\.\n", /run a program/],
    ["COPY public.orders TO PROGRAM 'cat';", /run a program/],
    ["COPY public.orders FROM '/etc/passwd';", /pg_dump does not write/],
    ['DROP DATABASE shop;', /by its name/],
    ['ALTER DATABASE shop RENAME TO gone;', /by its name/],
    ["COMMENT ON DATABASE shop IS '';", /by its name/],
    ['GRANT CONNECT ON DATABASE shop TO evil;', /by its name/],
    ['SET ROLE postgres;', /another role/],
    ['RESET SESSION AUTHORIZATION;', /another role/],
    ['SET SESSION AUTHORIZATION postgres;', /another role/],
    ['GRANT pg_execute_server_program TO shop;', /pg_dump does not write/],
    ['ALTER SYSTEM SET archive_command = 1;', /pg_dump does not write/],
    ["DO $$ BEGIN EXECUTE 'x'; END $$;", /pg_dump does not write/],
    ["SELECT pg_catalog.setval('a', (SELECT evil()));", /pg_dump does not write/],
    ["SELECT pg_read_file('/etc/passwd');", /pg_dump does not write/],
    ['ALTER ROLE shop SUPERUSER;', /pg_dump does not write/],
    ['DROP TABLE public.orders;', /pg_dump does not write/],
    ['SET standard_conforming_strings = off;', /pg_dump does not write/],
    ["/* ' */ DROP DATABASE shop; /* ' */", /by its name/],
    ["SELECT 'open", /left open/],
  ])('refuses %s', (sql, why) => expect(sqlRefusals(`${ordinary}${sql}\n`).join()).toMatch(why));
});

const toc = (more = '', head: Partial<Record<'db' | 'server' | 'tool', string>> = {}) => `;
; Archive created at 2026-11-27 23:00:00 UTC
;     dbname: ${head.db ?? 'shop'}
;     Format: CUSTOM
;     Dumped from database version: ${head.server ?? '15.18 (Debian 15.18-0+deb12u1)'}
;     Dumped by pg_dump version: ${head.tool ?? '15.18'}
;
; Selected TOC Entries:
;
3400; 1262 16384 DATABASE - ${head.db ?? 'shop'} shop
2; 3079 16391 EXTENSION - pgcrypto 
3401; 0 0 COMMENT - EXTENSION pgcrypto 
215; 1259 16392 TABLE public orders shop
3350; 0 16392 TABLE DATA public orders shop
${more}`;
const wanted = { database: 'shop', serverMajor: 15, toolMajor: 15, extensions: ['pgcrypto'] };
const why = (text: string) => {
  const parsed = parseToc(text);
  return parsed === undefined ? 'unreadable' : tocRefusals(parsed, wanted).join(' ');
};

describe('the list of an archive', () => {
  it('is let through, without its extensions', () => {
    const parsed = parseToc(toc());
    expect(why(toc())).toBe('');
    expect(parsed && extensionsOf(parsed)).toEqual(['pgcrypto']);
    expect(parsed && restoreList(parsed)).toEqual([
      '215; 1259 16392 TABLE public orders shop',
      '3350; 0 16392 TABLE DATA public orders shop',
    ]);
  });
  it.each([
    [toc('', { db: 'bank' }), /made of the database bank/],
    [toc('', { server: '17.2' }), /PostgreSQL 17/],
    [toc('', { tool: '16.1' }), /pg_dump 16/],
    [toc('9; 3466 1 EVENT TRIGGER - evil postgres'), /event trigger - evil/],
    [toc('9; 1 1 PROCEDURAL LANGUAGE - plpython3u postgres'), /plpython3u/],
    [toc('9; 1 1 SUBSCRIPTION - s postgres'), /subscription/],
    [toc('9; 1 1 SOMETHING NEW - s postgres'), /unknown kind/],
    [toc('9; 3079 1 EXTENSION - dblink '), /dblink/],
    [toc().replace(/^3350.*\n/m, ''), /definitions only/],
    [toc().replace(/^215.*\n/m, ''), /rows only/],
    ['nonsense', /unreadable/],
  ])('is refused with names', (text, expected) => expect(why(text)).toMatch(expected));
});
