import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import type { Run } from '../../src/contract/runs.ts';
import type { EngineLab, OpenEngine } from '../support/engine-lab.ts';
import { openEngine, startEngineLab } from '../support/engine-lab.ts';
import { skipSsh } from '../support/ssh-lab.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
async function lab(): Promise<EngineLab> {
  const made = await startEngineLab({ tier: 'development' });
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
async function validBackup(made: EngineLab): Promise<string> {
  for (const name of made.backups()) {
    const answer = (await (await made.replica.request('POST', `/admin/backup/verify?filename=${name}`)).json()) as { valid: boolean };
    if (answer.valid) return name;
  }
  throw new Error('no valid backup');
}

function startChild(made: EngineLab, ...args: string[]): ChildProcess {
  const file = join(made.handle.localFolder, 'handle.json');
  writeFileSync(file, JSON.stringify(made.handle));
  return spawn(process.execPath, [fileURLToPath(new URL('../support/engine-child.ts', import.meta.url)), file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Waits until the journal has that many such rows. */
async function reached(made: EngineLab, child: ChildProcess, kind: string, stepId: string, rows = 1): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the child ended with ${child.exitCode}`);
    try {
      const db = new Database(made.handle.storeFile, { readonly: true, fileMustExist: true });
      const found = db.prepare('SELECT count(*) AS n FROM journal WHERE kind = ? AND step_id = ?').get(kind, stepId) as { n: number };
      db.close();
      if (found.n >= rows) return;
    } catch {
      // The child has not made it yet.
    }
    await sleep(3);
  }
}

/** Waits for that row, then kills the process without a word. */
async function killAt(made: EngineLab, child: ChildProcess, kind: string, stepId: string, rows = 1): Promise<void> {
  await reached(made, child, kind, stepId, rows);
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const stepOf = (run: Run, id: string) => run.steps.find((step) => step.id === id);

describe.skipIf(skipSsh())('the app is killed in the middle of a restore', () => {
  // The second row of a step is what it records right before its effect: the request or the job is on its way then.
  it.each([
    ['safety', 1, 'secure'],
    ['safety', 2, 'secure'],
    ['restore', 1, 'target'],
    ['restore', 2, 'target'],
    ['restart', 2, undefined],
    ['verify', 1, 'restart'],
  ] as const)('at the step %s (%i): shown as interrupted, probed, resumed, and reverted to the exact data', async (at, rows, slowFrom) => {
    const made = await lab();
    const before = made.dump();
    const child = startChild(made, 'begin', 'restore-backup', `backup=${await validBackup(made)}`);
    // Answers take their time from here, so that the kill comes while the request is under way.
    if (slowFrom !== undefined) await reached(made, child, 'step-intended', slowFrom);
    if (slowFrom !== undefined) made.replica.setFault('slow', true);
    await killAt(made, child, 'step-intended', at, rows);
    const { engine, journal } = await open(made);
    const [found] = engine.list({ limit: 10 });
    const interrupted = engine.get({ runId: found?.id ?? '' });
    expect(interrupted.state).toBe('interrupted');
    expect(stepOf(interrupted, at)?.state).toBe('unknown');
    expect(interrupted.allowed).toEqual(expect.arrayContaining(['probe', 'resume']));
    expect(journal.list({ kinds: ['run-interrupted'], limit: 10 }).total).toBe(1);
    made.replica.setFault('slow', false);

    // What the host was told before may still be going on there: only its end can be known.
    let probed = interrupted;
    for (let tries = 0; probed.steps.some(({ state }) => state === 'unknown') && tries < 100; tries += 1) {
      probed = await engine.probe({ runId: interrupted.id });
      await sleep(100);
    }
    expect(['done', 'pending']).toContain(stepOf(probed, at)?.state);
    const resumed = await engine.settled((await engine.resume({ runId: interrupted.id })).id);
    expect(resumed.summary).toContain('Verified');
    const reverted = await engine.settled((await engine.revert({ runId: resumed.id })).id);
    expect(reverted.summary).toContain('Reverted');
    expect(made.dump()).toBe(before);
    expect(journal.verify().ok).toBe(true);
    expect((await engine.hostLock({ environmentId: 'env-1' })).holder).toBeNull();
  });

  it('reverts straight from the interruption, also when the revert itself is killed', async () => {
    const made = await lab();
    const before = made.dump();
    const child = startChild(made, 'begin', 'restore-backup', `backup=${await validBackup(made)}`);
    await killAt(made, child, 'step-ended', 'restore');
    expect(made.dump()).not.toBe(before);

    const first = await open(made);
    const runId = first.engine.list({ limit: 1 })[0]?.id ?? '';
    expect(first.engine.get({ runId }).state).toBe('interrupted');
    const reverting = startChild(made, 'revert', runId);
    await killAt(made, reverting, 'undo-intended', 'restore', 2);
    const run = first.engine.get({ runId });
    expect(run).toMatchObject({ state: 'interrupted', allowed: ['probe', 'revert'] });
    await expect(first.engine.resume({ runId })).rejects.toMatchObject({ data: { code: 'run-not-resumable' } });
    const reverted = await first.engine.settled((await first.engine.revert({ runId })).id);
    expect(reverted.summary).toContain('Reverted');
    expect(made.dump()).toBe(before);
  });

  it('is not fooled by a request that is still on its way when its sender is dead', async () => {
    const made = await lab();
    const before = made.dump();
    const child = startChild(made, 'begin', 'restore-backup', `backup=${await validBackup(made)}`);
    await reached(made, child, 'step-intended', 'target');
    made.replica.setFault('slow', true);
    await killAt(made, child, 'step-intended', 'restore', 2);
    // At once: whether the request was sent, nobody knows; if it was, the data is replaced only now.
    const { engine } = await open(made);
    const runId = engine.list({ limit: 1 })[0]?.id ?? '';
    const reverted = await engine.settled((await engine.revert({ runId })).id);
    expect(reverted.summary).toContain('Reverted');
    expect(made.dump()).toBe(before);
  });

  it('goes back while the service is down: started, data brought back, and restarted once more so that its memory fits', async () => {
    const made = await lab();
    const root = async () => ((await (await made.replica.request('GET', '/health')).json()) as { merkle_root: string }).merkle_root;
    const before = [made.dump(), await root()];
    const { run, engine } = await open(made);
    const done = await run('restore-backup', { backup: await validBackup(made) });
    expect(done.summary).toContain('Verified');
    await made.replica.control('stop');
    const reverted = await engine.settled((await engine.revert({ runId: done.id })).id);
    expect(reverted.summary).toContain('Reverted');
    expect([made.dump(), await root()]).toEqual(before);
  });

  it('makes one backup, also when the request for it arrives only after its sender has given up', async () => {
    const made = await lab();
    const before = made.backups().length;
    const late = Promise.withResolvers<unknown>();
    let lost = false;
    const { run, engine } = await open(made, {
      http: (inner) => ({
        ...inner,
        async request(request) {
          if (lost || request.method !== 'POST' || !request.url.includes('/admin/backup?')) return inner.request(request);
          lost = true;
          // Somewhere on the way for a second, and its sender hears no more of it.
          sleep(1000).then(() => late.resolve(inner.request(request)));
          return { outcome: 'unknown', problem: { code: 'outcome-unknown', message: 'The answer was lost.', retryable: true } };
        },
      }),
    });
    let ended = await run('create-backup');
    if (ended.state !== 'succeeded') ended = await engine.settled((await engine.resume({ runId: ended.id })).id);
    await late.promise;
    expect(ended.summary).toContain('Done');
    expect(made.backups()).toHaveLength(before + 1);
  });

  it('leaves a run alone that another living process drives', async () => {
    const made = await lab();
    made.replica.setFault('slow', true);
    const child = startChild(made, 'begin', 'restart-service');
    const exited = once(child, 'exit');
    const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    const runId = line.toString().trim();
    const { engine, begin } = await open(made);
    expect(engine.get({ runId }).state).toBe('running');
    await expect(begin('restart-service')).rejects.toMatchObject({ data: { code: expect.stringMatching(/run-busy|preflight-blocked/) } });
    await expect(engine.revert({ runId })).rejects.toMatchObject({ data: { code: 'run-busy' } });
    made.replica.setFault('slow', false);
    const states: string[] = [];
    for await (const run of engine.watch({ runId }, new AbortController().signal)) states.push(run.state);
    expect(states.at(-1)).toBe('succeeded');
    await exited;
  });
});

describe.skipIf(skipSsh())('two operators, one host', () => {
  it('tells the second who holds it since when, and changes nothing', async () => {
    const made = await lab();
    const ann = await open(made);
    const ben = await open(made, { operator: 'ben@tower', storeFile: `${made.handle.storeFile}.ben` });
    made.replica.setFault('slow', true);
    const running = await ann.begin('restart-service');
    const plan = ben.engine.plan({ environmentId: 'env-1', runbook: 'create-backup', inputs: {} });
    const preflight = await ben.engine.preflight({ planId: plan.id });
    expect(preflight.items.find(({ id }) => id === 'lock')).toMatchObject({
      verdict: 'block',
      detail: expect.stringMatching(/Held by ann@laptop since \d{4}-.*run-/),
    });
    expect(() => ben.engine.confirm({ planId: plan.id, planHash: plan.hash })).toThrow(
      expect.objectContaining({ data: expect.objectContaining({ code: 'preflight-blocked' }) }),
    );
    made.replica.setFault('slow', false);
    expect((await ann.engine.settled(running.id)).state).toBe('succeeded');
    expect((await ben.run('create-backup')).state).toBe('succeeded');
  });

  it('is fenced out when the lock was taken away: the next step does nothing', async () => {
    const made = await lab();
    const { engine, begin } = await open(made);
    const ben = await open(made, { operator: 'ben@tower', storeFile: `${made.handle.storeFile}.ben` });
    const before = made.dump();
    const { id } = await begin('restore-backup', { backup: await validBackup(made) });
    made.replica.setFault('slow', true);
    let broken = false;
    for await (const run of engine.watch({ runId: id }, new AbortController().signal)) {
      if (!broken && run.steps.find((step) => step.id === 'safety')?.state === 'running') {
        broken = true;
        await ben.engine.breakLock({ environmentId: 'env-1', runId: id });
      }
    }
    const run = engine.get({ runId: id });
    expect(run.state).toBe('failed');
    expect(run.steps.find(({ problem }) => problem !== null)?.problem?.code).toBe('host-locked');
    expect(made.dump()).toBe(before);
  });
});
