import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Run } from '../../src/contract/runs.ts';
import type { EngineLab, OpenEngine } from '../support/engine-lab.ts';
import { openEngine, startEngineLab } from '../support/engine-lab.ts';
import { skipSsh } from '../support/ssh-lab.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
async function lab(options: Parameters<typeof startEngineLab>[0] = {}): Promise<EngineLab> {
  const made = await startEngineLab(options);
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
const states = (run: Run) => Object.fromEntries(run.steps.map(({ id, state }) => [id, state]));
const good = (made: EngineLab) => made.backups().filter((name) => !name.includes('corrupt'));
async function validBackup(made: EngineLab): Promise<string> {
  for (const name of good(made)) {
    const answer = (await (await made.replica.request('POST', `/admin/backup/verify?filename=${name}`)).json()) as { valid: boolean };
    if (answer.valid) return name;
  }
  throw new Error('no valid backup');
}
const addEvents = async (made: EngineLab, n: number) => {
  for (let i = 0; i < n; i += 1)
    await made.replica.request('POST', '/events', { body: { event_type: 'test', actor: 'tester', payload: { i } } });
};

describe.skipIf(skipSsh())('a restore on real components', () => {
  it('restores, verifies, and brings back exactly what was there before', async () => {
    const made = await lab();
    const { engine, journal, run } = await open(made);
    await addEvents(made, 3);
    const before = made.dump();
    const backup = await validBackup(made);

    const plan = engine.plan({ environmentId: 'env-1', runbook: 'restore-backup', inputs: { backup } });
    expect(plan).toMatchObject({ effect: 'destructive', requiresTypedName: true });
    expect(plan.steps.flatMap(({ commands }) => commands.map(({ text }) => text)).join('\n')).toContain(
      `POST ${made.handle.environment.inputs['base_url']}/admin/backup/restore?filename=${backup}  (X-API-Key: ‹api-key›)`,
    );
    await engine.preflight({ planId: plan.id });
    for (const typedName of ['face prod', 'Face prod '])
      expect(() => engine.confirm({ planId: plan.id, planHash: plan.hash, typedName })).toThrow(
        expect.objectContaining({ data: expect.objectContaining({ code: 'confirmation-wrong' }) }),
      );
    expect(made.dump()).toBe(before);

    const done = await run('restore-backup', { backup });
    expect(done.summary).toContain('Verified');
    expect(done).toMatchObject({ state: 'succeeded', allowed: ['revert'] });
    expect(made.dump()).not.toBe(before);
    expect((await engine.hostLock({ environmentId: 'env-1' })).holder).toBeNull();

    const reverted = await engine.settled((await engine.revert({ runId: done.id, typedName: 'Face prod' })).id);
    expect(reverted).toMatchObject({ state: 'reverted', allowed: [] });
    expect(states(reverted)).toMatchObject({ restore: 'reverted' });
    expect(made.dump()).toBe(before);
    expect(((await (await made.replica.request('GET', '/health/deep')).json()) as { status: string }).status).toBe('ok');

    // Intent before effect, always; and the chain holds.
    const kinds = journal
      .list({ runId: done.id, limit: 1000 })
      .entries.reverse()
      .filter(({ stepId }) => stepId === 'restore')
      .map(({ kind }) => kind);
    expect(kinds[0]).toBe('step-intended');
    expect(kinds.indexOf('undo-intended')).toBeGreaterThan(kinds.indexOf('step-ended'));
    expect(journal.verify().ok).toBe(true);
    expect(JSON.stringify([...journal.export({})])).not.toContain(made.replica.apiKey);
  });

  it('survives a retention that evicts the backup to be restored, and the safety copy', async () => {
    const made = await lab({ replica: { retention: { count: 1 } }, tier: 'development' });
    const { engine, run } = await open(made);
    const backup = (await (async () => {
      await made.replica.request('POST', '/admin/backup?label=x');
      return made.backups()[0];
    })()) as string;
    await addEvents(made, 2);
    const before = made.dump();
    const plan = engine.plan({ environmentId: 'env-1', runbook: 'restore-backup', inputs: { backup } });
    const preflight = await engine.preflight({ planId: plan.id });
    expect(preflight.items.find(({ id }) => id === 'safety-retention')).toMatchObject({
      verdict: 'warn',
      detail: expect.stringContaining(backup),
    });
    const done = await run('restore-backup', { backup });
    expect(done.summary).toContain('Verified');
    expect(done.steps.find(({ id }) => id === 'target')?.output['uploaded']).toBe('true');
    await made.replica.request('POST', '/admin/backup?label=evicts-the-safety-copy');
    expect(made.backups()).toHaveLength(1);
    const reverted = await engine.settled((await engine.revert({ runId: done.id })).id);
    expect(reverted.summary).toContain('Reverted');
    expect(made.dump()).toBe(before);
    expect(readdirSync(made.handle.localFolder).filter((name) => name.endsWith('.db'))).toHaveLength(2);
  });

  it('refuses a corrupt backup, a missing one and a folder that is not the right one before anything changes', async () => {
    const made = await lab();
    const { engine } = await open(made);
    const files = made.backups();
    const before = made.dump();
    for (const backup of [...files, 'ff_backup_20200101_000000_00000000.db']) {
      const plan = engine.plan({ environmentId: 'env-1', runbook: 'restore-backup', inputs: { backup } });
      const { ok, items } = await engine.preflight({ planId: plan.id });
      const { valid } = (await (await made.replica.request('POST', `/admin/backup/verify?filename=${backup}`)).json()) as {
        valid: boolean;
      };
      expect(ok, JSON.stringify(items)).toBe(valid);
      if (!valid)
        expect(() => engine.confirm({ planId: plan.id, planHash: plan.hash, typedName: 'Face prod' })).toThrow(
          expect.objectContaining({ data: expect.objectContaining({ code: 'preflight-blocked' }) }),
        );
    }
    expect(made.dump()).toBe(before);
    expect(made.backups()).toEqual(files);
  });

  it('adopts the one new backup when the answer is lost, and never posts twice', async () => {
    const made = await lab({ tier: 'development' });
    let posts = 0;
    const { run } = await open(made, {
      http: (inner) => ({
        close: () => inner.close(),
        async request(request) {
          if (request.method !== 'POST' || !request.url.includes('/admin/backup?')) return inner.request(request);
          posts += 1;
          const cut = made.proxy.cutAfter('down', 1, 'rst');
          const outcome = await inner.request(request);
          await cut;
          expect(outcome.outcome).toBe('unknown');
          return outcome;
        },
      }),
    });
    const count = made.backups().length;
    const done = await run('create-backup', { label: 'pre-deploy' });
    expect(done.summary).toContain('Done');
    expect(done.steps[0]?.observed).toContain('adopted');
    expect(posts).toBe(1);
    expect(made.backups()).toHaveLength(count + 1);
  });

  it('shows restored:false as the failure it is, and goes on from there', async () => {
    const made = await lab({ tier: 'development' });
    let refuse = true;
    const { engine, run } = await open(made, {
      http: (inner) => ({
        close: () => inner.close(),
        async request(request) {
          if (!refuse || !request.url.includes('/backup/restore')) return inner.request(request);
          const answer = await inner.request({ ...request, url: request.url.replace(/filename=.*/, 'filename=gone.db') });
          return answer;
        },
      }),
    });
    const before = made.dump();
    const failed = await run('restore-backup', { backup: await validBackup(made) });
    expect(failed).toMatchObject({ state: 'failed', allowed: ['resume', 'revert'] });
    expect(failed.summary).toContain('did not restore');
    expect(made.dump()).toBe(before);
    refuse = false;
    const resumed = await engine.settled((await engine.resume({ runId: failed.id })).id);
    expect(resumed.summary).toContain('Verified');
    expect(made.dump()).not.toBe(before);
  });

  it('fails the verification when the chain is broken, and reverts', async () => {
    const made = await lab({ tier: 'development' });
    const { engine, begin } = await open(made);
    const before = made.dump();
    const { id } = await begin('restore-backup', { backup: await validBackup(made) });
    for await (const run of engine.watch({ runId: id }, new AbortController().signal)) {
      if (run.steps.find((step) => step.id === 'restart')?.state === 'running') made.replica.setFault('corrupt-chain', true);
    }
    const failed = engine.get({ runId: id });
    expect(failed).toMatchObject({ state: 'failed' });
    expect(failed.steps.find((step) => step.id === 'verify')?.problem?.code).toBe('verification-failed');
    made.replica.setFault('corrupt-chain', false);
    const reverted = await engine.settled((await engine.revert({ runId: id })).id);
    expect(reverted.summary).toContain('Reverted');
    expect(made.dump()).toBe(before);
  });

  it('takes a fresh safety copy when somebody writes meanwhile', async () => {
    const made = await lab({ tier: 'development' });
    const { engine, begin } = await open(made);
    const { id } = await begin('restore-backup', { backup: await validBackup(made) });
    let written = false;
    for await (const run of engine.watch({ runId: id }, new AbortController().signal)) {
      if (!written && run.steps.find((step) => step.id === 'safety-copy')?.state === 'running') {
        written = true;
        await addEvents(made, 1);
      }
    }
    const done = engine.get({ runId: id });
    expect(done.summary).toContain('Verified');
    const { safety, safety_events: events } = done.steps.find((step) => step.id === 'restore')?.output ?? {};
    expect(Number(events)).toBe(301);
    await engine.settled((await engine.revert({ runId: id })).id);
    expect(made.dump()).toMatch(/^301 events/);
    expect(existsSync(join(made.handle.localFolder, safety ?? ''))).toBe(true);
  });
});
