import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { layMigrations, migratedSql } from '../../support/migration-files.ts';
import { postgresUnavailable } from '../../support/postgres.ts';
import type { SqlLab } from '../../support/sql-lab.ts';
import { sshdUnavailable } from '../../support/sshd.ts';
import type { Scenario } from '../scenario.ts';
import { startSqlScenario } from '../sql.ts';

/** Rows of the migrations, and every column: what an up file brings back. Data of a dropped column is in the backup. */
const live = (db: SqlLab): Promise<string> =>
  db.sql(
    `SELECT string_agg(m::text, ' ' ORDER BY version) FROM schema_migrations m;
SELECT string_agg(c, ' ' ORDER BY c) FROM (SELECT table_name || '.' || column_name || ':' || data_type AS c FROM information_schema.columns WHERE table_schema = 'public') x;
SELECT string_agg(title, ' ') FROM albums`,
  );

/** Two migrations down in one transaction, after a verified backup. */
export const migrationSqlDown: Scenario = {
  id: 'migration-sql-down',
  hostMebibytes: 200,
  unavailable: () => sshdUnavailable() ?? postgresUnavailable(),
  async start({ hostDir }) {
    const { db, common } = await startSqlScenario(hostDir, { more: migratedSql, live });
    const [folder, backups] = [join(hostDir, 'migrations'), join(hostDir, 'backups')];
    layMigrations(folder);
    mkdirSync(backups);
    const pristine = await live(db);
    const untouched = async (): Promise<boolean> =>
      (await live(db)) === pristine && (await db.sql('SELECT (SELECT count(owner) FROM albums) + (SELECT count(*) FROM photos)')) === '2';
    const whole = (path: string): boolean => {
      try {
        execFileSync(join(db.postgres.bin, 'pg_restore'), ['-f', '/dev/null', path], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    };
    const files = (path: string): string[] =>
      readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.endsWith('.json') && !entry.name.endsWith('.part'))
        .map((entry) => join(entry.parentPath, entry.name));
    return {
      ...common,
      inputs: { ...db.inputs, migrations: folder, backup_dir: backups },
      runbook: 'migration-down',
      runInputs: () => ({ expected: '013', to: '011' }),
      async reset() {
        for (const name of readdirSync(backups)) rmSync(join(backups, name), { recursive: true });
        await common.reset();
        // A revert brings the tables back, and not what was in them.
        if (!(await untouched())) await db.reset();
      },
      async assertDone() {
        assert.equal(await db.sql("SELECT string_agg(version, ' ') FROM schema_migrations"), '011');
        assert.equal(
          await db.sql(
            "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' AND (table_name = 'photos' OR column_name = 'owner')",
          ),
          '0',
        );
        assert.equal(await db.sql('SELECT count(*) FROM albums'), '2');
      },
      async assertSafe(_run, handle) {
        if (await untouched()) return;
        assert.ok(files(handle.localFolder).some(whole), 'data was dropped, and no whole backup of it is on the laptop');
      },
    };
  },
};
