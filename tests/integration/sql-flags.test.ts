import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import { postgresUnavailable } from '../support/postgres.ts';
import type { SqlLab } from '../support/sql-lab.ts';
import { sqlStack, startSqlLab } from '../support/sql-lab.ts';
import { skipSsh } from '../support/ssh-lab.ts';

const why = postgresUnavailable();
if (why !== undefined) console.log(`skipped: ${why}`);

describe.skipIf(skipSsh() || why !== undefined)('a feature flag in PostgreSQL', () => {
  let db: SqlLab;
  let lab: OperationLab;
  beforeAll(async () => {
    db = await startSqlLab();
  }, 120_000);
  afterAll(() => db?.postgres.stop());
  beforeEach(async () => {
    await db.reset();
    lab = await startOperationLab({ stackText: sqlStack, stackId: 'family-app', inputs: db.inputs, tier: 'development' });
  });
  afterEach(() => lab?.close());
  const flags = () => db.sql('SELECT f::text FROM feature_flags f ORDER BY 1');

  it.each([
    ['kill', '', 'chat', 'kill_switch', 't'],
    ['rollout', '25', 'chat', 'rollout_percentage', '25'],
    ['enable', '', 'video', 'enabled', 't'],
  ])('%s: is set, seen, and set back', async (change, percent, flag, column, value) => {
    const open = await lab.open();
    const before = await flags();
    const run = await open.run('set-flag', { flag, change, ...(percent === '' ? {} : { percent }) });
    expect(run.state, run.summary).toBe('succeeded');
    expect(await db.sql(`SELECT ${column} FROM feature_flags WHERE name = '${flag}'`)).toBe(value);
    const reverted = await open.engine.settled((await open.engine.revert({ runId: run.id })).id);
    expect(reverted.state, reverted.summary).toBe('reverted');
    expect(await flags()).toBe(before);
  });

  it('looks at the columns again: the other shape is written by its key, a third is refused', async () => {
    const open = await lab.open();
    await db.sql(
      'DROP TABLE feature_flags; CREATE TABLE feature_flags (key text PRIMARY KEY, enabled boolean NOT NULL, description text); INSERT INTO feature_flags VALUES ($$chat$$, true, NULL)',
    );
    const run = await open.run('set-flag', { flag: 'chat', change: 'disable' });
    expect(run.state, run.summary).toBe('succeeded');
    expect(await db.sql('SELECT enabled FROM feature_flags')).toBe('f');
    const verdict = async (inputs: Record<string, string>) => {
      const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'set-flag', inputs });
      return (await open.engine.preflight({ planId: plan.id })).items.find(({ id }) => id === 'set-flag');
    };
    expect(await verdict({ flag: 'chat', change: 'kill' })).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('no kill_switch'),
    });
    expect(await verdict({ flag: 'nothing', change: 'enable' })).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('no flag nothing'),
    });
    await db.sql('ALTER TABLE feature_flags RENAME COLUMN key TO flag');
    expect(await verdict({ flag: 'chat', change: 'enable' })).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('two known shapes'),
    });
    expect(() =>
      open.engine.plan({ environmentId: 'env-1', runbook: 'set-flag', inputs: { flag: 'chat', change: 'rollout', percent: '101' } }),
    ).toThrow();
    expect(() => open.engine.plan({ environmentId: 'env-1', runbook: 'set-flag', inputs: { flag: 'chat', change: 'rollout' } })).toThrow(
      /rollout/,
    );
  });
});
