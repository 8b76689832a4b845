import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readShop, sqliteServiceUnavailable, startSqliteService } from '../support/sqlite-service.ts';
import { sshdUnavailable } from '../support/sshd.ts';
import type { Scenario, ScenarioLab, ScenarioRoom } from './scenario.ts';

const stackText = readFileSync(new URL('../support/stacks/sqlite.yaml', import.meta.url), 'utf8');
const chosen = 'shop-20261101-030000-00000000.db';

/** Database files below a folder, but for what is still being written. */
const databases = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.db') && !/\.part\b|\.inspect-/.test(name))
        .map((name) => join(folder, name))
        .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true)
    : [];

function readable(file: string): string | undefined {
  try {
    return readShop(file);
  } catch {
    return undefined;
  }
}

/** A shop whose newest orders are in the log only, one older backup, and a service that leaves its log behind when it ends. */
async function startShop({ hostDir }: ScenarioRoom, runbook: string, runInputs: Record<string, string>): Promise<ScenarioLab> {
  const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-shop-'));
  const shop = await startSqliteService({ dir, dataDir: hostDir, orders: 40, end: 'crash', start: false });
  const golden = join(dir, 'golden');
  mkdirSync(golden);
  copyFileSync(shop.db, join(golden, chosen));
  const sha256 = createHash('sha256')
    .update(readFileSync(join(golden, chosen)))
    .digest('hex');
  const manifest = {
    format: 1,
    environment: 'env-1',
    environmentName: 'Shop production',
    host: 'SHA256:unknown',
    kind: 'sqlite',
    source: shop.db,
    sha256,
    bytes: statSync(shop.db).size,
    madeAt: 1_793_000_000_000,
    operator: 'ann@laptop',
    facts: {},
  };
  writeFileSync(join(golden, `${chosen}.quarterdeck.json`), JSON.stringify(manifest));
  await shop.verb('start');
  await shop.order(15);
  await shop.verb('stop');
  for (const end of ['', '-wal']) copyFileSync(`${shop.db}${end}`, join(golden, `live${end}`));
  assert.ok(statSync(`${shop.db}-wal`).size > 0, 'the log of the test holds nothing');
  const before = readShop(shop.db);
  const wanted = readShop(join(golden, chosen));
  const serves = async (): Promise<string> => {
    const { code } = await shop.verb('status');
    const { status, orders } = await shop.health();
    return `${code === 0 ? 'running' : 'stopped'}, answers ${status} with ${orders} orders`;
  };
  return {
    stackId: 'sqlite',
    stackText,
    inputs: shop.inputs,
    secrets: {},
    runbook,
    runInputs: () => runInputs,
    async reset() {
      await shop.verb('stop');
      for (const folder of [dirname(shop.db), shop.backups]) {
        rmSync(folder, { recursive: true, force: true });
        mkdirSync(folder);
      }
      for (const end of ['', '-wal']) copyFileSync(join(golden, `live${end}`), `${shop.db}${end}`);
      for (const end of ['', '.quarterdeck.json']) copyFileSync(join(golden, `${chosen}${end}`), join(shop.backups, `${chosen}${end}`));
      assert.equal((await shop.verb('start')).code, 0, 'the service of the test does not start');
    },
    live: async () => `${await serves()}\n${readShop(shop.db)}`,
    async assertDone() {
      if (runbook === 'restore-backup') {
        assert.equal(await serves(), 'running, answers 200 with 40 orders');
        assert.equal(readShop(shop.db), wanted);
      } else {
        assert.equal(await serves(), 'running, answers 200 with 55 orders');
        const made = databases(shop.backups).filter((file) => !file.endsWith(chosen));
        assert.equal(made.length, 1, `the step made ${made.length} backups`);
        assert.equal(readable(made[0] ?? ''), before);
        assert.ok(existsSync(`${made[0]}.quarterdeck.json`), 'no manifest lies beside the backup');
      }
      assert.ok(!readdirSync(dirname(shop.db)).some((name) => name.includes('.restore-')), 'a staged file was left behind');
    },
    async assertSafe(_run, handle) {
      const places = [...databases(dirname(shop.db)), ...databases(shop.backups), ...databases(handle.localFolder)];
      const held = places.map(readable);
      assert.ok(held.includes(before), 'the data from before is nowhere any more');
      assert.ok(held.includes(wanted), 'the chosen backup is nowhere any more');
      // What answers is one of the two, whole, whatever happened.
      const served = (await shop.health()).orders;
      assert.ok(served === undefined || served === 55 || served === 40, `the service serves ${served} orders`);
    },
    async stop() {
      await shop.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A scenario on the shop; `id` names the runbook. */
export const sqliteScenario = (id: 'sqlite-restore' | 'sqlite-backup'): Scenario => ({
  id,
  hostMebibytes: 8,
  laptopMebibytes: 16,
  unavailable: () => sshdUnavailable() ?? sqliteServiceUnavailable(),
  start: (room) =>
    id === 'sqlite-restore' ? startShop(room, 'restore-backup', { backup: chosen }) : startShop(room, 'create-backup', { label: 'fault' }),
});
