import { expect, it } from 'vitest';
import { upgraded } from '../test-support/upgraded.ts';
import { runOutput } from './0005-run-output.ts';

it('0005 adds what steps said and the wish to pause, and keeps the runs', () => {
  upgraded(
    runOutput.number,
    (db) => {
      db.exec(`INSERT INTO plans (id, hash, plan, recipe, created_at) VALUES ('plan-a', 'h', '{}', '{}', 1);
        INSERT INTO runs (id, plan_id, environment_id, state, operator, summary, owner, started_at)
        VALUES ('run-a', 'plan-a', 'env-a', 'interrupted', 'me', 'was', '{}', 1)`);
    },
    (db) => {
      expect(db.prepare('SELECT state, pause_requested FROM runs').all()).toEqual([{ state: 'interrupted', pause_requested: 0 }]);
      db.exec("INSERT INTO run_output (run_id, step_id, said) VALUES ('run-a', 's', '{}')");
      expect(() => db.exec("INSERT INTO run_output (run_id, step_id, said) VALUES ('run-none', 's', '{}')")).toThrow(/FOREIGN KEY/);
    },
  );
});
