import { expect, it } from 'vitest';
import { upgraded } from '../test-support/upgraded.ts';
import { backups } from './0004-backups.ts';

it('0004 adds what is remembered of backups, and keeps the samples', () => {
  upgraded(
    backups.number,
    (db) => {
      db.exec(
        "INSERT INTO health_samples (environment_id, probe_id, at, state, latency_us, reason) VALUES ('env-a', 'api', 7, 'u', NULL, 'no answer')",
      );
    },
    (db) => {
      expect(db.prepare('SELECT * FROM health_samples').all()).toEqual([
        { environment_id: 'env-a', probe_id: 'api', at: 7, state: 'u', latency_us: null, reason: 'no answer' },
      ]);
      db.exec("INSERT INTO backup_memory (environment_id, name, label) VALUES ('env-a', 'b.db', 'before')");
      expect(db.prepare('SELECT protected FROM backup_memory').pluck().get()).toBe(0);
      db.exec(
        "INSERT INTO backup_verifications (environment_id, name, method, at, by, valid, detail) VALUES ('env-a', 'b.db', 'm', 1, 'me', 1, '')",
      );
      expect(() => db.exec("INSERT INTO backup_memory (environment_id, name) VALUES ('env-a', 'b.db')")).toThrow(/UNIQUE/);
    },
  );
});
