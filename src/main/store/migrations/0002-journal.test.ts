import { expect, it } from 'vitest';
import { createJournal } from '../../journal/journal.ts';
import { upgraded } from '../test-support/upgraded.ts';
import { journal } from './0002-journal.ts';

it('0002 adds the journal and the runs, and keeps the profiles', () => {
  upgraded(
    journal.number,
    (db) => {
      db.exec("INSERT INTO environments (id, name, draft, created_at, updated_at) VALUES ('env-a', 'Lab', '{\"tier\":\"staging\"}', 1, 2)");
      db.exec("INSERT INTO secrets VALUES ('env-a', 'api-key', x'0102', 3)");
    },
    (db) => {
      expect(db.prepare('SELECT id, name, draft, updated_at FROM environments').get()).toEqual({
        id: 'env-a',
        name: 'Lab',
        draft: '{"tier":"staging"}',
        updated_at: 2,
      });
      expect(db.prepare('SELECT sealed FROM secrets').pluck().get()).toEqual(Buffer.from([1, 2]));
      const log = createJournal({ store: db, operator: 'tester@lab', clock: () => 5 });
      log.append({ kind: 'app-started', summary: 'Started.' });
      expect(log.verify()).toMatchObject({ ok: true, entries: 1 });
      expect(() => db.exec("UPDATE journal SET summary = 'x'")).toThrow('append-only');
      expect(() => db.exec('DELETE FROM journal')).toThrow('append-only');
      expect(() => db.exec("INSERT INTO run_steps VALUES ('run-none', 's', 0, '{}')")).toThrow(/FOREIGN KEY/);
      log.close();
    },
  );
});
