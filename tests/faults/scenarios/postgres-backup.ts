import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresUnavailable } from '../../support/postgres.ts';
import { postgresStack, startShop } from '../../support/postgres-lab.ts';
import { sshdUnavailable } from '../../support/sshd.ts';
import type { Scenario } from '../scenario.ts';

/** A dump with its manifest: there is one, whole, or there is none. */
export const postgresBackupScenario: Scenario = {
  id: 'postgres-backup',
  hostMebibytes: 200,
  unavailable: () => sshdUnavailable() ?? postgresUnavailable(),
  async start({ hostDir }) {
    const elsewhere = mkdtempSync(join(tmpdir(), 'quarterdeck-pgf-'));
    const shop = await startShop(hostDir, {
      walDir: join(elsewhere, 'wal', 'pg_wal'),
      supervised: true,
      controlDir: join(elsewhere, 'service'),
    });
    const { pg, backupDir } = shop;
    const whole = (): string[] => {
      const names = shop.dumps().filter((name) => readdirSync(backupDir).includes(`${name}.quarterdeck.json`));
      for (const name of names) {
        const bytes = readFileSync(join(backupDir, name));
        const manifest = JSON.parse(readFileSync(join(backupDir, `${name}.quarterdeck.json`), 'utf8')) as { sha256: string };
        assert.equal(createHash('sha256').update(bytes).digest('hex'), manifest.sha256, `${name} is not what its manifest says`);
        execFileSync(join(pg.bin, 'pg_restore'), ['-f', '/dev/null', join(backupDir, name)], { stdio: 'pipe' });
      }
      return names;
    };
    return {
      stackId: postgresStack.id,
      stackText: postgresStack.text,
      inputs: shop.inputs,
      secrets: {},
      runbook: 'create-backup',
      runInputs: () => ({}),
      async reset() {
        for (const name of readdirSync(backupDir)) rmSync(join(backupDir, name), { recursive: true });
        if (!(await shop.live()).includes('service runs')) await shop.reset();
      },
      live: () => shop.live(),
      async assertDone(run) {
        assert.deepEqual(whole(), [run.steps[0]?.output['backup']], 'there is not just the one backup');
        assert.deepEqual(readdirSync(backupDir).length, 2, `something is left over: ${readdirSync(backupDir).join(', ')}`);
      },
      async assertSafe() {
        whole();
      },
      async stop() {
        await shop.stop();
        rmSync(elsewhere, { recursive: true, force: true });
      },
    };
  },
};
