import { expect, it } from 'vitest';
import { createJournal } from '../../journal/journal.ts';
import { upgraded } from '../test-support/upgraded.ts';
import { health } from './0003-health.ts';

it('0003 adds the samples, and the journal still verifies', () => {
  upgraded(
    health.number,
    (db) => {
      const log = createJournal({ store: db, operator: 'tester@lab', clock: () => 5 });
      log.append({ kind: 'app-started', summary: 'Started.' });
      log.append({ kind: 'note-added', summary: 'A note.' });
      log.close();
    },
    (db) => {
      const log = createJournal({ store: db, operator: 'tester@lab', clock: () => 6 });
      expect(log.verify()).toMatchObject({ ok: true, entries: 2 });
      log.close();
      const add = db.prepare(
        "INSERT INTO health_samples (environment_id, probe_id, at, state, latency_us) VALUES ('env-a', 'api', ?, 'h', 1200)",
      );
      add.run(1);
      add.run(2);
      expect(() => add.run(2)).toThrow(/UNIQUE/);
    },
  );
});
