import { describe, expect, it } from 'vitest';
import { tooFew } from './input.ts';
import { asidePath, backupName, stagedPath, stepTag } from './names.ts';
import { readReport, reportTrouble, rowsFact, rowsOf } from './report.ts';
import { holderWords } from './swap.ts';
import { rowsTrouble } from './verify-live.ts';

const hex = (text: string) => Buffer.from(text, 'utf8').toString('hex').toUpperCase();

describe('names', () => {
  it('are the same for every try of a step, forwards and backwards, and others for other steps', () => {
    const tag = stepTag({ stepKey: 'run-1-stage-1' });
    expect(tag).toMatch(/^[0-9a-f]{8}$/);
    for (const stepKey of ['run-1-stage-2', 'run-1-stage-12', 'run-1-stage-undo1']) expect(stepTag({ stepKey })).toBe(tag);
    for (const stepKey of ['run-2-stage-1', 'run-1-swap-1']) expect(stepTag({ stepKey })).not.toBe(tag);
  });

  it('are files of their folder, whatever the database is called', () => {
    expect(backupName('/srv/shop.db', 0, 'abcdef01')).toBe('shop-19700101-000000-abcdef01.db');
    expect(backupName('/srv/.a b;$(x).sqlite3', 0, 'abcdef01')).toBe('a_b___x_-19700101-000000-abcdef01.db');
    expect(backupName('/srv/…', 0, 'abcdef01')).toBe('database-19700101-000000-abcdef01.db');
    expect(stagedPath('/srv/shop.db', 't')).toBe('/srv/.shop.db.restore-t');
    expect(asidePath('/srv/shop.db', 't')).toBe('/srv/shop.db.before-t');
  });
});

describe('what the host says of a file', () => {
  it('is read with names of tables that are anything', () => {
    const odd = 'a "b"\n.shell x';
    const report = readReport(
      `integrity=ok\nforeign=0\nschema=${'a'.repeat(64)}\ntable ${hex(odd)} 3\ntable ${hex('orders')} 12\ncounted=yes\n`,
    );
    expect(report).toMatchObject({ integrity: 'ok', tables: { [odd]: 3, orders: 12 }, counted: true });
    expect(reportTrouble(report)).toBeUndefined();
    expect(rowsOf(rowsFact(report.tables))).toEqual(report.tables);
  });

  it.each([
    ['', /nothing was said/],
    ['integrity=Error: file is not a database (26)\n', /not a database/],
    ['integrity=*** in database main *** Page 3: never used\n', /never used/],
    ['integrity=ok\nforeign=0\ncounted=yes\n', /empty database/],
    [`integrity=ok\nforeign=0\ntable ${hex('t')} 1\n`, /could not be counted/],
    [`integrity=ok\nforeign=2\ntable ${hex('t')} 1\ncounted=yes\n`, /2 rows break a foreign key/],
  ])('%j is not good', (stdout, words) => expect(reportTrouble(readReport(stdout))).toMatch(words));

  it('a fact that is none is not known', () => {
    for (const fact of [undefined, '', '[]', '{"a":-1}', '{"a":"x"}']) expect(rowsOf(fact)).toBeUndefined();
  });
});

describe('rows', () => {
  it('too few of them, or a table that is not there', () => {
    expect(tooFew(['', 'orders=10', 'users=1', 'gone=0'], { orders: 9, users: 1 })).toEqual([
      'orders has 9 rows, at least 10 are wanted',
      'there is no table gone',
    ]);
  });

  const staged = { orders: 10, users: 2 };
  it.each<[string, Record<string, number>, Record<string, number> | undefined, string[], RegExp | undefined]>([
    ['as staged', staged, { orders: 35, users: 2 }, [], undefined],
    ['more, written since', { orders: 12, users: 2 }, { orders: 35, users: 2 }, [], undefined],
    ['those from before', { orders: 35, users: 2 }, { orders: 35, users: 2 }, [], /from before the restore/],
    ['nothing to tell them apart by', staged, staged, [], undefined],
    ['fewer', { orders: 9, users: 2 }, undefined, [], /orders 9 instead of 10/],
    ['fewer where it does not matter', { orders: 10, users: 0 }, undefined, ['orders'], undefined],
    ['a table is gone', { orders: 10 }, undefined, [], /users 0 instead of 2/],
  ])('%s', (_what, live, before, tables, words) => {
    const trouble = rowsTrouble(live, staged, before, tables);
    if (words === undefined) expect(trouble).toBeUndefined();
    else expect(trouble).toMatch(words);
  });
});

it('names who holds a database', () => {
  expect(holderWords('holder 12 node\nholder lock pid=3\nholder -1 \nother=1\n')).toBe(
    'process 12 node, the lock file is locked (pid=3), a lock',
  );
});
