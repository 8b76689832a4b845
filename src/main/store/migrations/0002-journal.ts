import type { Migration } from '../store.ts';

/** The hash-chained journal, and the runs whose steps it records. Triggers refuse to change or remove a row of the journal. */
export const journal: Migration = {
  number: 2,
  name: 'journal',
  up: (db) =>
    db.exec(`
      CREATE TABLE journal (
        seq INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        environment_id TEXT,
        run_id TEXT,
        step_id TEXT,
        operator TEXT NOT NULL,
        summary TEXT NOT NULL,
        data TEXT NOT NULL CHECK (json_valid(data)),
        previous_hash TEXT NOT NULL,
        hash TEXT NOT NULL
      ) STRICT;
      CREATE INDEX journal_environment ON journal (environment_id, seq);
      CREATE INDEX journal_run ON journal (run_id, seq) WHERE run_id IS NOT NULL;
      CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
      CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
      CREATE TABLE plans (
        id TEXT PRIMARY KEY,
        hash TEXT NOT NULL,
        plan TEXT NOT NULL CHECK (json_valid(plan)),
        recipe TEXT NOT NULL CHECK (json_valid(recipe)),
        created_at INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        plan_id TEXT NOT NULL REFERENCES plans(id),
        environment_id TEXT NOT NULL,
        state TEXT NOT NULL,
        direction TEXT NOT NULL DEFAULT 'forward',
        operator TEXT NOT NULL,
        summary TEXT NOT NULL,
        owner TEXT NOT NULL CHECK (json_valid(owner)),
        fence TEXT,
        cancel_requested INTEGER NOT NULL DEFAULT 0,
        started_at INTEGER NOT NULL,
        ended_at INTEGER
      ) STRICT;
      CREATE INDEX runs_environment ON runs (environment_id, started_at);
      CREATE TABLE run_steps (
        run_id TEXT NOT NULL REFERENCES runs(id),
        step_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        record TEXT NOT NULL CHECK (json_valid(record)),
        PRIMARY KEY (run_id, step_id)
      ) STRICT;
    `),
};
