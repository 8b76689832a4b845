import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpClient, HttpRequest } from '../../src/main/drivers/http/types.ts';
import type { EngineLab, OpenEngine } from '../support/engine-lab.ts';
import { openEngine, startEngineLab } from '../support/engine-lab.ts';
import { skipSsh } from '../support/ssh-lab.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
async function lab(options: Parameters<typeof startEngineLab>[0] = {}): Promise<EngineLab> {
  const made = await startEngineLab({ tier: 'development', ...options });
  closers.push(() => made.close());
  return made;
}
async function open(made: EngineLab, options: Parameters<typeof openEngine>[2] = {}): Promise<OpenEngine> {
  const session = await made.connect();
  const engine = await openEngine(made.handle, session, options);
  closers.push(async () => {
    await engine.close();
    await session.close();
  });
  return engine;
}

function inside<T>(made: EngineLab, work: (db: Sqlite.Database) => T): T {
  const db = new Sqlite(made.replica.inputs['db_path'] as string, { timeout: 5000 });
  try {
    return work(db);
  } finally {
    db.close();
  }
}
const applied = (made: EngineLab) =>
  inside(made, (db) => db.prepare<[], { version: string }>('SELECT version FROM _migrations ORDER BY version').all()).map(
    ({ version }) => version,
  );
const tables = (made: EngineLab) =>
  inside(made, (db) => db.prepare<[], { name: string }>("SELECT name FROM sqlite_master WHERE type='table' ORDER BY 1").all()).map(
    ({ name }) => name,
  );
const checkpoints = (made: EngineLab) => inside(made, (db) => db.prepare('SELECT * FROM merkle_checkpoints').all());
const five = ['001', '002', '003', '004', '005'];

/** Counts the rollbacks that are no dry runs, and puts something in their way. */
function intercept(work: (request: HttpRequest, inner: HttpClient) => ReturnType<HttpClient['request']>) {
  const seen = { rollbacks: 0 };
  const http = (inner: HttpClient): HttpClient => ({
    close: () => inner.close(),
    request(request) {
      if (!request.url.includes('/admin/migrations/rollback?dry_run=false')) return inner.request(request);
      seen.rollbacks += 1;
      return work(request, inner);
    },
  });
  return { seen, http };
}
const lost = { outcome: 'unknown', problem: { code: 'outcome-unknown', message: 'The answer was cut off.', retryable: false } } as const;

describe.skipIf(skipSsh())('a migration rollback over HTTP', () => {
  it('is tried dry, rolls back the one that was named, and is brought back with its data by a revert', async () => {
    const made = await lab();
    const { engine, run } = await open(made);
    inside(made, (db) => db.prepare("INSERT INTO merkle_checkpoints VALUES (100, 'abc')").run());
    const before = made.dump();

    const status = await run('migrations-status');
    expect(status).toMatchObject({ state: 'succeeded', steps: [{ output: { latest: '005', pending: '006', applied_count: '5' } }] });
    const tried = await run('try-rollback', { expected: '005' });
    expect(tried.summary).toContain('would undo 005 merkle_checkpoints');
    expect(applied(made)).toEqual(five);

    const plan = engine.plan({ environmentId: 'env-1', runbook: 'rollback-migration', inputs: { expected: '005' } });
    expect(plan.effect).toBe('destructive');
    const { items } = await engine.preflight({ planId: plan.id });
    expect(items.find(({ id }) => id === 'down-migration')).toMatchObject({
      verdict: 'pass',
      detail: expect.stringContaining('down file'),
    });

    const done = await run('rollback-migration', { expected: '005' });
    expect(done.summary).toContain('Done.');
    expect(applied(made)).toEqual(['001', '002', '003', '004']);
    expect(tables(made)).not.toContain('merkle_checkpoints');

    const reverted = await engine.settled((await engine.revert({ runId: done.id })).id);
    expect(reverted.summary).toContain('Reverted');
    expect(applied(made)).toEqual(five);
    expect(checkpoints(made)).toEqual([{ leaf_count: 100, root: 'abc' }]);
    expect(made.dump()).toBe(before);
  });

  it('never rolls back two when the answer is lost', async () => {
    const made = await lab();
    const { seen, http } = intercept(async (request, inner) => {
      await inner.request(request);
      return lost;
    });
    const { run } = await open(made, { http });
    writeFileSync(join(made.replica.layout.migrationsDir, '004_subject_keys_down.sql'), 'DROP TABLE subject_keys;\n');
    const done = await run('rollback-migration', { expected: '005' });
    expect(done.state, done.summary).toBe('succeeded');
    expect(done.steps.find(({ id }) => id === 'down')?.observed).toContain('Its answer was lost');
    expect(seen.rollbacks).toBe(1);
    expect(applied(made)).toEqual(['001', '002', '003', '004']);
  });

  it('knows that nothing happened when the request was lost, and does it once when resumed', async () => {
    const made = await lab();
    let cut = true;
    const { seen, http } = intercept(async (request, inner) => {
      if (!cut) return inner.request(request);
      cut = false;
      return lost;
    });
    const { engine, run } = await open(made, { http });
    const first = await run('rollback-migration', { expected: '005' });
    expect(first.state).toBe('unknown');
    expect(applied(made)).toEqual(five);
    const resumed = await engine.settled((await engine.resume({ runId: first.id })).id);
    expect(resumed.state, resumed.summary).toBe('succeeded');
    expect(seen.rollbacks).toBe(2);
    expect(applied(made)).toEqual(['001', '002', '003', '004']);
  });

  it('refuses when another migration is the latest: in preflight, and when it changed after that', async () => {
    const made = await lab();
    const { engine, begin } = await open(made);
    const stale = engine.plan({ environmentId: 'env-1', runbook: 'rollback-migration', inputs: { expected: '004' } });
    expect((await engine.preflight({ planId: stale.id })).items.find(({ id }) => id === 'down-migration')).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('latest applied migration is 005, not 004'),
    });
    const racing = intercept((request, inner) => inner.request(request));
    const late = await open(made, {
      storeFile: `${made.handle.storeFile}.2`,
      http: (inner) => {
        const outer = racing.http(inner);
        let applying = true;
        return {
          close: () => outer.close(),
          async request(request) {
            // Somebody migrates between the confirmation and the step.
            if (applying && request.url.endsWith('/admin/backup?label=before-rollback')) {
              applying = false;
              inside(made, (db) => db.prepare("INSERT INTO _migrations VALUES ('006', 'model_registry', 'now')").run());
            }
            return outer.request(request);
          },
        };
      },
    });
    const ended = await late.run('rollback-migration', { expected: '005' });
    expect(ended.summary).toContain('latest applied migration is 006, not 005 as confirmed');
    expect(ended.state).toBe('failed');
    expect(racing.seen.rollbacks).toBe(0);
    expect(applied(made)).toEqual([...five, '006']);
    expect(begin).toBeDefined();
  });

  it('reports an answer that says “rolled back” while nothing happened as failed', async () => {
    const made = await lab();
    const { http } = intercept(async () => ({
      outcome: 'done',
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ rolled_back: '005', name: 'merkle_checkpoints', dry_run: false })),
      latencyMs: 1,
    }));
    const { run } = await open(made, { http });
    const ended = await run('rollback-migration', { expected: '005' });
    expect(ended.state).toBe('failed');
    expect(ended.summary).toContain('005 is still applied');
  });

  it('blocks before anything is done when there is no down file', async () => {
    const made = await lab();
    const { engine } = await open(made);
    rmSync(join(made.replica.layout.migrationsDir, '005_merkle_checkpoints_down.sql'));
    const backups = made.backups();
    const plan = engine.plan({ environmentId: 'env-1', runbook: 'rollback-migration', inputs: { expected: '005' } });
    const { ok, items } = await engine.preflight({ planId: plan.id });
    expect(ok).toBe(false);
    expect(items.find(({ id }) => id === 'down-migration')?.detail).toContain('No down migration found');
    expect(made.backups()).toEqual(backups);
    expect(applied(made)).toEqual(five);
  });

  it('goes back to a version one by one, and stops where a down file is missing; a revert brings all back', async () => {
    const made = await lab();
    const { engine, run } = await open(made);
    const stopped = await run('rollback-to-migration', { expected: '005', to: '002' });
    expect(stopped.state).toBe('failed');
    expect(stopped.summary).toContain('No down migration found');
    expect(applied(made)).toEqual(['001', '002', '003', '004']);
    const reverted = await engine.settled((await engine.revert({ runId: stopped.id })).id);
    expect(reverted.state, reverted.summary).toBe('reverted');
    expect(applied(made)).toEqual(five);

    writeFileSync(join(made.replica.layout.migrationsDir, '004_subject_keys_down.sql'), 'DROP TABLE subject_keys;\n');
    const done = await run('rollback-to-migration', { expected: '005', to: '002' });
    expect(done.state, done.summary).toBe('succeeded');
    expect(applied(made)).toEqual(['001', '002']);
    expect(tables(made)).not.toContain('retention_policies');
    const back = await engine.settled((await engine.revert({ runId: done.id })).id);
    expect(back.state, back.summary).toBe('reverted');
    expect(applied(made)).toEqual(five);
    expect(tables(made)).toContain('retention_policies');
  });
});
