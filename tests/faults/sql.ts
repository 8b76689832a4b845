import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SqlLab } from '../support/sql-lab.ts';
import { sqlStack, startSqlLab } from '../support/sql-lab.ts';
import type { ScenarioLab } from './scenario.ts';

/** A PostgreSQL on the small disk (its WAL elsewhere: a full one there would end the server), put back only when something changed. */
export async function startSqlScenario(
  hostDir: string,
  options: { readonly more?: string; live(db: SqlLab): Promise<string> },
): Promise<{ db: SqlLab; common: Pick<ScenarioLab, 'stackId' | 'stackText' | 'secrets' | 'reset' | 'live' | 'stop'> }> {
  const elsewhere = mkdtempSync(join(tmpdir(), 'quarterdeck-sqlf-'));
  const db = await startSqlLab({
    dir: join(hostDir, 'pg'),
    supervised: true,
    walDir: join(elsewhere, 'wal', 'pg_wal'),
    ...(options.more === undefined ? {} : { more: options.more }),
  });
  const pristine = await options.live(db);
  return {
    db,
    common: {
      stackId: 'family-app',
      stackText: sqlStack,
      secrets: {},
      async reset() {
        if ((await options.live(db)) !== pristine) await db.reset();
      },
      live: () => options.live(db),
      async stop() {
        await db.postgres.stop();
        rmSync(elsewhere, { recursive: true, force: true });
      },
    },
  };
}
