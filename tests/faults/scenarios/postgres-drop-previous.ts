import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresUnavailable } from '../../support/postgres.ts';
import { postgresStack, startShop } from '../../support/postgres-lab.ts';
import { sshdUnavailable } from '../../support/sshd.ts';
import type { Scenario } from '../scenario.ts';

const previous = 'shop_before_0a1b2c3d';
const mark = JSON.stringify({ quarterdeck: 'before' });

/** The database that a restore put aside: archived, the archive brought to the laptop, then dropped for good. */
export const postgresDropPreviousScenario: Scenario = {
  id: 'postgres-drop-previous',
  hostMebibytes: 300,
  unavailable: () => sshdUnavailable() ?? postgresUnavailable(),
  async start({ hostDir }) {
    const elsewhere = mkdtempSync(join(tmpdir(), 'quarterdeck-pgf-'));
    const shop = await startShop(hostDir, {
      walDir: join(elsewhere, 'wal', 'pg_wal'),
      supervised: true,
      controlDir: join(elsewhere, 'service'),
    });
    const { pg, backupDir } = shop;
    const putAside = () => pg.sql(`SELECT oid, datallowconn FROM pg_database WHERE datname = '${previous}' AND datconnlimit <> -2`);
    /** Archives in a folder that can be read to their ends and hold the orders. */
    const whole = (folder: string): string[] =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.dump'))
        .filter((name) => {
          const options = { stdio: ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'], encoding: 'utf8' as const };
          return execFileSync(join(pg.bin, 'pg_restore'), ['-f', '-', join(folder, name)], options).includes('COPY public.orders');
        });
    return {
      stackId: postgresStack.id,
      stackText: postgresStack.text,
      inputs: shop.inputs,
      secrets: {},
      runbook: 'drop-previous',
      runInputs: () => ({ previous }),
      async reset() {
        for (const name of readdirSync(backupDir)) rmSync(join(backupDir, name), { recursive: true });
        await shop.reset();
        await pg.sql(
          `CREATE DATABASE ${previous} TEMPLATE shop_template OWNER shop; COMMENT ON DATABASE ${previous} IS '${mark}'; ALTER DATABASE ${previous} ALLOW_CONNECTIONS false`,
        );
      },
      live: async () => `${await shop.live()}\n${await putAside()}`,
      async assertDone() {
        assert.equal(await putAside(), '', 'the database that was put aside is still there');
        assert.match(await shop.live(), /service runs/, 'the service does not run');
        assert.ok(whole(backupDir).length >= 1, 'there is no whole archive of it on the host');
      },
      async assertSafe(_run, handle) {
        const there = (await putAside()) !== '';
        assert.ok(there || whole(handle.localFolder).length > 0, 'it is gone, and there is no whole archive of it on the laptop');
      },
      async stop() {
        await shop.stop();
        rmSync(elsewhere, { recursive: true, force: true });
      },
    };
  },
};
