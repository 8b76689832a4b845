import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { JournalEntry } from '../../contract/journal.ts';
import { migrations } from '../store/migrations/index.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/store.ts';
import { createJournal } from './journal.ts';
import { createRedactor } from './redactor.ts';

const stores: Store[] = [];
function open(rows = 0) {
  const store = openStore(':memory:', migrations);
  stores.push(store);
  let now = 1000;
  const redactor = createRedactor();
  const journal = createJournal({ store, operator: 'ann@laptop', clock: () => now++, redactor });
  for (let i = 0; i < rows; i += 1)
    journal.append({
      kind: 'note-added',
      summary: `row ${i}`,
      environmentId: i % 2 === 0 ? 'even' : 'odd',
      data: { i, nested: { b: [1, 'two'], a: null } },
    });
  return { store, journal, redactor };
}
const tamper = (store: Store, sql: string, ...args: unknown[]) => {
  store.exec('DROP TRIGGER IF EXISTS journal_no_update; DROP TRIGGER IF EXISTS journal_no_delete');
  store.prepare(sql).run(...args);
};
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});

describe('journal', () => {
  it('chains rows and verifies them', () => {
    const { journal } = open(5);
    const { entries, total } = journal.list({ limit: 2 });
    expect(total).toBe(5);
    expect(entries.map((entry) => entry.seq)).toEqual([5, 4]);
    for (const entry of entries) expect(JournalEntry.parse(entry)).toEqual(entry);
    expect(entries[0]?.previousHash).toBe(entries[1]?.hash);
    expect(journal.verify()).toMatchObject({ ok: true, entries: 5, headHash: entries[0]?.hash, firstBroken: null });
    expect(open().journal.verify()).toMatchObject({ ok: true, entries: 0, headHash: null });
  });

  it('finds any single edit, deletion, exchange and cut, and names the first broken row', () => {
    const edits = [
      'at = at + 1',
      "kind = 'app-started'",
      "environment_id = 'other'",
      "run_id = 'r'",
      "step_id = 's'",
      "operator = 'eve'",
      "summary = summary || '!'",
      `data = '{"i":-1}'`,
      "previous_hash = replace(previous_hash, substr(previous_hash, 1, 1), 'x')",
      "hash = 'ff'",
    ];
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 12 }),
        fc.nat(),
        fc.nat(),
        fc.constantFrom('edit', 'delete', 'swap', 'truncate', 'renumber', 'insert'),
        (rows, pick, which, how) => {
          const { store, journal } = open(rows);
          const seq = (pick % rows) + 1;
          const other = (seq % rows) + 1;
          if (how === 'edit') tamper(store, `UPDATE journal SET ${edits[which % edits.length]} WHERE seq = ?`, seq);
          if (how === 'delete') tamper(store, 'DELETE FROM journal WHERE seq = ?', seq);
          if (how === 'truncate') tamper(store, 'DELETE FROM journal WHERE seq >= ?', seq);
          if (how === 'renumber') tamper(store, 'UPDATE journal SET seq = ? WHERE seq = ?', rows + 5, seq);
          if (how === 'insert')
            tamper(
              store,
              'INSERT INTO journal SELECT seq + ?, at, kind, environment_id, run_id, step_id, operator, summary, data, previous_hash, hash FROM journal WHERE seq = ?',
              rows,
              seq,
            );
          if (how === 'swap') {
            tamper(store, 'UPDATE journal SET seq = -1 WHERE seq = ?', seq);
            tamper(store, 'UPDATE journal SET seq = ? WHERE seq = ?', seq, other);
            tamper(store, 'UPDATE journal SET seq = ? WHERE seq = -1', other);
          }
          const result = journal.verify();
          const expected = how === 'swap' ? Math.min(seq, other) : how === 'insert' ? undefined : seq;
          store.close();
          stores.splice(stores.indexOf(store), 1);
          return !result.ok && (expected === undefined || result.firstBroken?.seq === expected);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('refuses to change or remove rows', () => {
    const { store } = open(1);
    expect(() => store.exec("UPDATE journal SET summary = 'x'")).toThrow('append-only');
    expect(() => store.exec('DELETE FROM journal')).toThrow('append-only');
  });

  it('masks registered secrets in every form before writing', () => {
    const { store, journal, redactor } = open();
    const secret = 'p@ss "word"/é+';
    redactor.register(secret);
    journal.append({
      kind: 'note-added',
      summary: `it is ${secret}`,
      data: { url: `x?k=${encodeURIComponent(secret)}`, json: JSON.stringify({ secret }), basic: Buffer.from(secret).toString('base64') },
    });
    const row = JSON.stringify(store.prepare('SELECT * FROM journal').all());
    for (const form of ['p@ss', 'p%40ss', Buffer.from(secret).toString('base64').slice(0, 8)]) expect(row).not.toContain(form);
    expect(row).toContain('‹secret›');
    expect(journal.verify().ok).toBe(true);
  });

  it('says journal-unwritable when it is', () => {
    const { store, journal } = open(1);
    store.pragma('query_only = ON');
    expect(() => journal.note({ text: 'x' })).toThrow(
      expect.objectContaining({ data: expect.objectContaining({ code: 'journal-unwritable' }) }),
    );
    store.pragma('query_only = OFF');
    expect(journal.verify()).toMatchObject({ ok: true, entries: 1 });
  });

  it('filters by environment, kind and text, and pages', () => {
    const { journal } = open(6);
    journal.append({ kind: 'app-started', summary: '100% _done_' });
    expect(journal.list({ environmentId: 'odd', limit: 10 }).entries.map((entry) => entry.summary)).toEqual(['row 5', 'row 3', 'row 1']);
    expect(journal.list({ text: '0% _', limit: 10 }).total).toBe(1);
    expect(journal.list({ text: '%', limit: 10 }).total).toBe(1);
    expect(journal.list({ kinds: ['app-started'], limit: 10 }).total).toBe(1);
    expect(journal.list({ before: 3, limit: 10 }).entries.map((entry) => entry.seq)).toEqual([2, 1]);
    expect([...journal.export({ environmentId: 'even' })].map((entry) => entry.seq)).toEqual([1, 3, 5]);
  });

  it('watches new rows in order, and ends with its signal', async () => {
    const { journal } = open(3);
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const entry of journal.watch({}, stop.signal)) {
        seen.push(entry.summary);
        if (seen.length === 3) stop.abort();
      }
    })();
    await Promise.resolve();
    for (const text of ['a', 'b', 'c']) journal.note({ text });
    await watching;
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('is not called broken because another process writes while it is verified', () => {
    const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-journal-'));
    try {
      const [mine, other] = [0, 1].map(() => {
        const store = openStore(join(dir, 'store.db'), migrations);
        stores.push(store);
        return store;
      }) as [Store, Store];
      const writer = createJournal({ store: other, operator: 'cron@laptop', clock: () => 1 });
      writer.append({ kind: 'note-added', summary: 'first' });
      // Whatever is asked of the store first, the other process has written by the next question.
      const reading = new Proxy(mine, {
        get(target, name) {
          const value = Reflect.get(target, name) as unknown;
          if (name !== 'prepare') return typeof value === 'function' ? (value.bind(target) as unknown) : value;
          return (sql: string) => {
            const statement = target.prepare(sql);
            const get = statement.get.bind(statement);
            statement.get = ((...args: unknown[]) => {
              const row = get(...args);
              if (sql.includes('FROM settings')) writer.append({ kind: 'note-added', summary: 'meanwhile' });
              return row;
            }) as typeof statement.get;
            return statement;
          };
        },
      });
      const journal = createJournal({ store: reading, operator: 'ann@laptop', clock: () => 1 });
      expect(journal.verify()).toMatchObject({ ok: true, entries: 1, firstBroken: null });
      expect(journal.verify()).toMatchObject({ ok: true, entries: 2 });
    } finally {
      for (const store of stores.splice(0)) store.close();
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
