import type { Migration } from '../store.ts';

/** Every look of every probe. `state` is one letter (h, d, u, o), latency in microseconds: 180 days stay small. */
export const health: Migration = {
  number: 3,
  name: 'health',
  up: (db) =>
    db.exec(`
      CREATE TABLE health_samples (
        environment_id TEXT NOT NULL,
        probe_id TEXT NOT NULL,
        at INTEGER NOT NULL,
        state TEXT NOT NULL,
        latency_us INTEGER,
        reason TEXT,
        PRIMARY KEY (environment_id, probe_id, at)
      ) STRICT, WITHOUT ROWID;
    `),
};
