import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { sqlStack } from '../../support/sql-lab.ts';
import { sshdUnavailable } from '../../support/sshd.ts';
import type { Scenario } from '../scenario.ts';

/** A statement on a SQLite file: three rows, or none. */
export const sqliteStatement: Scenario = {
  id: 'sqlite-statement',
  hostMebibytes: 16,
  laptopMebibytes: 24,
  unavailable: sshdUnavailable,
  async start({ hostDir }) {
    const [file, kept] = [join(hostDir, 'jobs.db'), join(hostDir, 'as-it-was.db')];
    const made = new Database(kept);
    made.exec(`CREATE TABLE jobs (id INTEGER PRIMARY KEY, kind TEXT, state TEXT DEFAULT 'new', cost REAL, extra, secret TEXT);
      INSERT INTO jobs (kind, cost, extra) VALUES ('mail', 5.1, x'00ff'), ('mail', 10, 'text'), ('mail', 7, 42), ('mail', 1, NULL), ('other', 9, NULL);`);
    made.close();
    const rows = (): string => {
      const db = new Database(file, { timeout: 10_000 });
      try {
        return JSON.stringify(db.prepare('SELECT id, kind, state, quote(cost), typeof(cost), quote(extra) FROM jobs ORDER BY id').all());
      } finally {
        db.close();
      }
    };
    cpSync(kept, file);
    const pristine = rows();
    return {
      stackId: 'family-app',
      stackText: sqlStack,
      secrets: {},
      inputs: { sqlite_file: file, database: 'unused' },
      runbook: 'finish-jobs',
      runInputs: () => ({ kind: 'mail', confirmed: '3' }),
      async reset() {
        for (const rest of ['', '-journal', '-wal', '-shm']) rmSync(`${file}${rest}`, { force: true });
        cpSync(kept, file);
      },
      live: async () => rows(),
      async assertDone() {
        assert.equal(rows().split('"done"').length - 1, 3);
      },
      async assertSafe(_run, handle) {
        if (rows() === pristine) return;
        const folder = join(handle.localFolder, 'rows');
        assert.ok(existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.jsonl')), 'rows were changed, and not kept');
      },
      stop: async () => undefined,
    };
  },
};
