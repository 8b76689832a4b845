import { expect, it } from 'vitest';
import { upgraded } from '../test-support/upgraded.ts';
import { secretSlots } from './0006-secret-slots.ts';

it('0006 adds the slots beside the secrets, and keeps the secrets', () => {
  upgraded(
    secretSlots.number,
    (db) => {
      db.exec(`INSERT INTO environments (id, name, draft, created_at, updated_at) VALUES ('env-s', 's', '{}', 1, 1);
        INSERT INTO secrets (environment_id, key, sealed, updated_at) VALUES ('env-s', 'api-key', x'01', 1)`);
    },
    (db) => {
      expect(db.prepare("SELECT hex(sealed) AS sealed, fingerprint FROM secrets WHERE environment_id = 'env-s'").all()).toEqual([
        { sealed: '01', fingerprint: null },
      ]);
      const insert = (slot: string) =>
        db.exec(
          `INSERT INTO secret_slots (environment_id, key, slot, sealed, updated_at) VALUES ('env-s', 'api-key', '${slot}', x'02', 1)`,
        );
      insert('pending');
      insert('previous');
      expect(() => insert('current')).toThrow(/CHECK/);
      db.exec("INSERT INTO backup_keys (environment_id, name, key, fingerprint) VALUES ('env-s', 'b.db', 'api-key', 'aa')");
      db.exec("DELETE FROM environments WHERE id = 'env-s'");
      expect(db.prepare('SELECT count(*) AS n FROM secret_slots').get()).toEqual({ n: 0 });
    },
  );
});
