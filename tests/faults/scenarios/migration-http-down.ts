import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { sshdUnavailable } from '../../support/sshd.ts';
import { startFriendlyFace } from '../friendlyface.ts';
import type { Scenario } from '../scenario.ts';

/** Applied versions, and the tables that are there. */
function migrations(path: string): string {
  try {
    const db = new Database(path, { readonly: true, fileMustExist: true });
    try {
      const applied = db.prepare<[], { version: string }>('SELECT version FROM _migrations ORDER BY 1').all();
      const tables = db.prepare<[], { name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1").all();
      return `${applied.map(({ version }) => version).join(' ')}; ${tables.map(({ name }) => name).join(' ')}`;
    } finally {
      db.close();
    }
  } catch {
    return 'unreadable';
  }
}

/** One migration down through the deployment's HTTP API, which takes no version. */
export const migrationHttpDown: Scenario = {
  id: 'migration-http-down',
  hostMebibytes: 24,
  laptopMebibytes: 24,
  unavailable: sshdUnavailable,
  async start(room) {
    const ff = await startFriendlyFace(room);
    const { replica, common } = ff;
    const { dbPath } = replica.layout;
    const pristine = migrations(dbPath);
    return {
      ...common,
      runbook: 'rollback-migration',
      runInputs: () => ({ expected: '005' }),
      async reset() {
        if (migrations(dbPath) !== pristine) {
          await replica.control('stop');
          for (const rest of ['-journal', '-wal', '-shm']) rmSync(`${dbPath}${rest}`, { force: true });
          cpSync(join(room.hostDir, 'as-it-was', 'db'), dbPath);
          assert.equal((await replica.control('start')).code, 0);
        }
        await common.reset();
      },
      live: async () => `${migrations(dbPath)}; ${await common.live()}`,
      async assertDone() {
        assert.match(migrations(dbPath), /^001 002 003 004; /, 'not exactly one was rolled back');
        assert.doesNotMatch(migrations(dbPath), /merkle_checkpoints/);
        const [status, , , deep] = JSON.parse(await ff.said()) as string[];
        assert.deepEqual([status, deep], ['ok', 'ok'], 'the service is not well');
      },
      async assertSafe(run, handle, sshd) {
        await common.assertSafe(run, handle, sshd);
        if (migrations(dbPath) === pristine) return;
        const copies = readdirSync(handle.localFolder)
          .filter((name) => name.endsWith('.db'))
          .map((name) => migrations(join(handle.localFolder, name)));
        assert.ok(copies.includes(pristine), 'it was rolled back, and no copy from before is on the laptop');
      },
    };
  },
};
