import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenEngine } from '../support/engine-lab.ts';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import { postgresUnavailable } from '../support/postgres.ts';
import type { SqlLab } from '../support/sql-lab.ts';
import { FAMILY, OTHER_FAMILY, sqlStack, startSqlLab } from '../support/sql-lab.ts';
import { skipSsh } from '../support/ssh-lab.ts';

const why = postgresUnavailable();
if (why !== undefined) console.log(`skipped: ${why}`);

describe.skipIf(skipSsh() || why !== undefined)('a statement of a stack', () => {
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

  const revoke = (engine: OpenEngine, confirmed: string, family = FAMILY) => engine.run('revoke-family-devices', { family, confirmed });
  async function revert({ engine }: OpenEngine, runId: string) {
    return engine.settled((await engine.revert({ runId })).id);
  }

  it('shows what it would affect, affects exactly that, and is taken back exactly', async () => {
    const open = await lab.open();
    const before = await db.devices();
    const looked = await open.run('preview-family-devices', { family: FAMILY });
    expect(looked.state, looked.summary).toBe('succeeded');
    const facts = looked.steps[0]?.output ?? {};
    expect(facts).toMatchObject({ rows: '4', first: expect.stringContaining('Phone 1') });
    expect(JSON.stringify(looked)).not.toContain('canary-token');
    expect(await db.devices()).toBe(before);

    const plan = open.engine.plan({
      environmentId: 'env-1',
      runbook: 'revoke-family-devices',
      inputs: { family: FAMILY, confirmed: facts['confirmation'] ?? '' },
    });
    expect(plan.steps[0]?.commands.map(({ text }) => text).join('\n')).toContain(
      `WHERE family_id = ‹family_id = ${FAMILY}› AND status <> 'revoked'`,
    );
    const { items } = await open.engine.preflight({ planId: plan.id });
    expect(items.find(({ id }) => id === 'revoke-rows')).toMatchObject({
      verdict: 'pass',
      detail: expect.stringMatching(/^4 rows .*Phone 1.*•••/),
    });

    const run = await revoke(open, facts['confirmation'] ?? '');
    expect(run.state, run.summary).toBe('succeeded');
    expect(run.summary).toContain('4 rows of public.registered_devices changed');
    expect(await db.sql(`SELECT string_agg(DISTINCT status, ',') FROM registered_devices WHERE family_id = '${FAMILY}'`)).toBe('revoked');
    expect(await db.sql(`SELECT string_agg(DISTINCT status, ',') FROM registered_devices WHERE family_id = '${OTHER_FAMILY}'`)).toBe(
      'active',
    );
    const kept = join(lab.handle.localFolder, 'rows');
    expect(readdirSync(kept)).toHaveLength(1);
    expect(statSync(join(kept, readdirSync(kept)[0] as string)).mode & 0o777).toBe(0o600);
    expect(JSON.stringify([...open.journal.export({})])).not.toContain('canary-token');

    const reverted = await revert(open, run.id);
    expect(reverted.state, reverted.summary).toBe('reverted');
    expect(await db.devices()).toBe(before);
  });

  it('gives deleted rows back, whole, with their identity', async () => {
    const open = await lab.open();
    const before = await db.devices();
    const run = await open.run('delete-by-name', { name: 'Phone 2', confirmed: '1' });
    expect(run.state, run.summary).toBe('succeeded');
    expect(await db.sql("SELECT count(*) FROM registered_devices WHERE name = 'Phone 2'")).toBe('0');
    const reverted = await revert(open, run.id);
    expect(reverted.state, reverted.summary).toBe('reverted');
    expect(await db.devices()).toBe(before);
  });

  it('takes a value for data, whatever it looks like', async () => {
    const open = await lab.open();
    for (const name of [
      "x'; DROP TABLE registered_devices; --",
      '\\! touch /tmp/x',
      "' OR '1'='1",
      ':name',
      '$$; COMMIT; $$',
      '%',
      "\\'; DELETE FROM registered_devices; --",
    ]) {
      const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'delete-by-name', inputs: { name, confirmed: '1' } });
      const { items } = await open.engine.preflight({ planId: plan.id });
      expect(items.find(({ id }) => id === 'delete-rows')).toMatchObject({ verdict: 'block', detail: expect.stringContaining('No row') });
    }
    const run = await open.run('delete-by-name', { name: "'; DROP TABLE registered_devices; --", confirmed: '1' });
    expect(run.state, run.summary).toBe('succeeded');
    expect(await db.sql('SELECT count(*) FROM registered_devices')).toBe('6');
    for (const family of ['1', `${FAMILY}' OR true --`, 'x'])
      expect(() =>
        open.engine.plan({ environmentId: 'env-1', runbook: 'revoke-family-devices', inputs: { family, confirmed: '1' } }),
      ).toThrow(/UUID/);
  });

  it('does nothing when other rows would be affected than were confirmed', async () => {
    const open = await lab.open();
    const before = await db.devices();
    const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'revoke-family-devices', inputs: { family: FAMILY, confirmed: '3' } });
    expect((await open.engine.preflight({ planId: plan.id })).items.find(({ id }) => id === 'revoke-rows')).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('4 rows would be affected now'),
    });
    expect(await db.devices()).toBe(before);
    // Between confirmation and execution one more appears.
    const ready = open.engine.plan({
      environmentId: 'env-1',
      runbook: 'revoke-family-devices',
      inputs: { family: FAMILY, confirmed: '4' },
    });
    await open.engine.preflight({ planId: ready.id });
    const { token } = open.engine.confirm({ planId: ready.id, planHash: ready.hash, typedName: 'Shop production' });
    await db.sql(`INSERT INTO registered_devices (family_id, name) VALUES ('${FAMILY}', 'New')`);
    const now = await db.devices();
    const run = await open.engine.settled((await open.engine.start({ planId: ready.id, token })).id);
    expect(run).toMatchObject({ state: 'failed', steps: [{ problem: { code: 'plan-stale' } }] });
    expect(await db.devices()).toBe(now);
  });

  it('refuses more rows than the stack allows', async () => {
    const open = await lab.open();
    await db.sql(`INSERT INTO registered_devices (family_id, name) SELECT '${FAMILY}', 'Many ' || n FROM generate_series(1, 60) n`);
    const plan = open.engine.plan({
      environmentId: 'env-1',
      runbook: 'revoke-family-devices',
      inputs: { family: FAMILY, confirmed: '64' },
    });
    expect((await open.engine.preflight({ planId: plan.id })).items.find(({ id }) => id === 'revoke-rows')).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('the stack allows 50'),
    });
  });

  it('rolls back a statement that affects more than its preview showed', async () => {
    const open = await lab.open();
    const before = await db.devices();
    const run = await open.run('too-wide', { confirmed: '1' });
    expect(run.state).toBe('failed');
    expect(run.summary).toContain('It was rolled back');
    expect(await db.devices()).toBe(before);
  });

  it('rolls back when the rows change under it', async () => {
    const open = await lab.open();
    // Somebody holds one of the rows: the statement gives up after its lock timeout.
    const before = await db.devices();
    const holding = db.sql("BEGIN; SELECT 1 FROM registered_devices WHERE name = 'Phone 1' FOR UPDATE; SELECT pg_sleep(9); COMMIT");
    await expect.poll(() => db.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), { timeout: 10_000 }).toBe('1');
    const run = await revoke(open, '4');
    expect(run.state).toBe('failed');
    expect(run.summary).toMatch(/lock timeout/);
    expect(await db.devices()).toBe(before);
    await holding;
  });

  it('writes nothing back over what somebody changed since', async () => {
    const open = await lab.open();
    const run = await revoke(open, '4');
    await db.sql("UPDATE registered_devices SET status = 'active' WHERE name = 'Phone 3'");
    const now = await db.devices();
    const reverted = await revert(open, run.id);
    expect(reverted.state).toBe('revert-failed');
    expect(reverted.summary).toContain('somebody has changed them since');
    expect(await db.devices()).toBe(now);
  });

  it('is settled by the transaction’s number when its helper is killed in the middle of the commit', async () => {
    const open = await lab.open();
    await db.sql(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(2); RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON registered_devices DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.name = 'Phone 1') EXECUTE FUNCTION slow()`);
    const run = await open.begin('revoke-family-devices', { family: FAMILY, confirmed: '4' });
    await expect.poll(() => db.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), { timeout: 30_000 }).toBe('1');
    const helper = helpers();
    expect(helper).toHaveLength(1);
    process.kill(helper[0] as number, 'SIGKILL');
    // Its session still commits: until that is over nobody can say how it ends.
    const cut = await open.engine.settled(run.id);
    expect(cut.state, cut.summary).toBe('unknown');
    await expect.poll(() => db.sql("SELECT count(*) FROM registered_devices WHERE status = 'revoked'"), { timeout: 30_000 }).toBe('5');
    await expect
      .poll(() => db.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'qd-%'"), { timeout: 30_000 })
      .toBe('0');
    const resumed = await open.engine.settled((await open.engine.resume({ runId: run.id })).id);
    expect(resumed.state, resumed.summary).toBe('succeeded');
    expect(resumed.steps[0]?.observed).toContain('is committed');
    await db.sql('DROP TRIGGER slow ON registered_devices');
    const reverted = await revert(open, run.id);
    expect(reverted.state, reverted.summary).toBe('reverted');
    expect(await db.sql("SELECT count(*) FROM registered_devices WHERE status = 'revoked'")).toBe('1');
  });
});

/** The psql processes of a change that runs. */
function helpers(): number[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const psql = readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'psql';
      return psql && readFileSync(`/proc/${pid}/environ`, 'utf8').includes('PGAPPNAME=qd-') ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}
