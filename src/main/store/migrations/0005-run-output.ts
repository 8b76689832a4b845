import type { Migration } from '../store.ts';

/** What the host said during steps, apart from the steps so that lists need not read it; and runs can be asked to pause. */
export const runOutput: Migration = {
  number: 5,
  name: 'run-output',
  up: (db) =>
    db.exec(`
      ALTER TABLE runs ADD COLUMN pause_requested INTEGER NOT NULL DEFAULT 0;
      CREATE TABLE run_output (
        run_id TEXT NOT NULL REFERENCES runs(id),
        step_id TEXT NOT NULL,
        said TEXT NOT NULL CHECK (json_valid(said)),
        PRIMARY KEY (run_id, step_id)
      ) STRICT;
    `),
};
