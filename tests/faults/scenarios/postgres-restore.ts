import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BackupManifest } from '../../../src/main/stacks/actions/manifest.ts';
import { packTables, tablesDigest } from '../../../src/main/stacks/actions/postgres/facts.ts';
import { postgresUnavailable } from '../../support/postgres.ts';
import { postgresStack, startShop } from '../../support/postgres-lab.ts';
import { sshdUnavailable } from '../../support/sshd.ts';
import type { Scenario } from '../scenario.ts';

const backup = 'shop-20261127-010203-abcdef.dump';
const damage = `DELETE FROM public.orders WHERE id > 100; UPDATE public.customers SET name = 'lost'; CREATE TABLE public.later (x int);`;
const rowsOf = `SELECT 'c', md5(string_agg(c::text, '|' ORDER BY id)) FROM public.customers c UNION ALL
  SELECT 'o', md5(string_agg(o::text, '|' ORDER BY id)) FROM public.orders o UNION ALL SELECT 's', md5(string_agg(i::text, '|' ORDER BY sku)) FROM stock.items i`;

/** A dump restored into a new database, compared, swapped in by name; the WAL lies elsewhere, so that a full disk does not end the server itself. */
export const postgresRestoreScenario: Scenario = {
  id: 'postgres-restore',
  hostMebibytes: 300,
  unavailable: () => sshdUnavailable() ?? postgresUnavailable(),
  async start({ hostDir }) {
    const elsewhere = mkdtempSync(join(tmpdir(), 'quarterdeck-pgf-'));
    const shop = await startShop(hostDir, {
      walDir: join(elsewhere, 'wal', 'pg_wal'),
      supervised: true,
      controlDir: join(elsewhere, 'service'),
      damage,
    });
    const { pg, backupDir } = shop;
    const path = join(backupDir, backup);
    await pg.sql('ALTER DATABASE shop RENAME TO set_aside; ALTER DATABASE shop_template RENAME TO shop');
    execFileSync(join(pg.bin, 'pg_dump'), ['-h', pg.socketDir, '-p', String(pg.port), '-U', 'postgres', '-Fc', '-f', path, 'shop']);
    await pg.sql('ALTER DATABASE shop RENAME TO shop_template; ALTER DATABASE set_aside RENAME TO shop');
    const tables = new Map(
      [
        ['public.customers', '50'],
        ['public.empty', '0'],
        ['public.orders', '400'],
        ['stock.items', '60'],
      ].map(([name = '', rows = '']) => [name, { rows }]),
    );
    const manifest: BackupManifest = {
      format: 1,
      environment: 'env-1',
      environmentName: 'Shop production',
      host: 'SHA256:any',
      kind: 'postgres',
      source: 'shop',
      sha256: createHash('sha256').update(readFileSync(path)).digest('hex'),
      bytes: statSync(path).size,
      madeAt: 1,
      operator: 'ann@laptop',
      facts: { contents: 'all', tables: '4', rows: '510', digest: tablesDigest(tables), counts: packTables(tables) },
    };
    const kept = readFileSync(path);
    const asBackedUp = await pg.sql(rowsOf, 'shop_template');
    let original = '';
    return {
      stackId: postgresStack.id,
      stackText: postgresStack.text,
      inputs: shop.inputs,
      secrets: {},
      runbook: 'restore-backup',
      runInputs: () => ({ backup }),
      async reset() {
        for (const name of readdirSync(backupDir)) rmSync(join(backupDir, name), { recursive: true });
        writeFileSync(path, kept);
        writeFileSync(`${path}.quarterdeck.json`, JSON.stringify(manifest));
        await shop.reset();
        original = await pg.sql(`SELECT oid FROM pg_database WHERE datname = 'shop'`);
      },
      live: async () => `${await shop.live()}\n${(await shop.databases()).join(' ')}`,
      async assertDone() {
        assert.equal(await pg.sql(rowsOf, 'shop'), asBackedUp, 'what is live is not what was backed up');
        assert.match(await shop.live(), /service runs/, 'the service does not run');
        assert.equal(
          await pg.sql(`SELECT count(*) FROM pg_database WHERE oid = ${original} AND datname ~ '^shop_before_' AND NOT datallowconn`),
          '1',
          'the database from before is not kept',
        );
      },
      async assertSafe() {
        assert.equal(await pg.sql(`SELECT count(*) FROM pg_database WHERE oid = ${original}`), '1', 'the database from before is gone');
      },
      async stop() {
        await shop.stop();
        rmSync(elsewhere, { recursive: true, force: true });
      },
    };
  },
};
