import { chmodSync, linkSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Run } from '../../src/contract/runs.ts';
import type { HttpClient } from '../../src/main/drivers/http/types.ts';
import type { SshSession } from '../../src/main/drivers/ssh/types.ts';
import type { OpenEngine } from '../support/engine-lab.ts';
import { openEngine } from '../support/engine-lab.ts';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import type { RotationLab } from '../support/rotation/lab.ts';
import { rotationStack, startRotationLab } from '../support/rotation/lab.ts';
import { connectTo, scratch, skipSsh } from '../support/ssh-lab.ts';

const states = (run: Run) => run.steps.map(({ id, state }) => `${id} ${state}`).join(', ');
const why = (run: Run) => `${run.summary}\n${run.steps.map(({ id, state, observed }) => `${id} ${state}: ${observed}`).join('\n')}`;
const typed = { typedName: 'Shop production' };

describe.skipIf(skipSsh())('key rotation', () => {
  let room: ReturnType<typeof scratch>;
  let shop: RotationLab;
  let lab: OperationLab;
  beforeEach(async () => {
    room = scratch();
    shop = await startRotationLab(room.path('shop'));
    lab = await startOperationLab({ stackText: rotationStack, stackId: 'rotation', inputs: shop.inputs, secrets: shop.secrets });
  });
  afterEach(async () => {
    await lab.close();
    await shop.stop();
    room.close();
  });
  const api = (key: string) => shop.status('/api/v1/meta', { 'x-api-key': key });
  const key = (name: string) => shop.secrets[name] as string;

  async function preflight({ engine }: OpenEngine, runbook: string) {
    const plan = engine.plan({ environmentId: 'env-1', runbook, inputs: {} });
    return { plan, found: await engine.preflight({ planId: plan.id }) };
  }
  /** Waits until a step is over, by its own record. */
  const atStep = (id: string, point: string, act: () => void) => ({
    onPoint: (now: string, where: { stepId: string; direction: string }) => {
      if (now === point && where.stepId === id && where.direction === 'act') act();
    },
  });

  it('with overlap: goes to the end with the old key proven dead, and all the way back to the byte', async () => {
    const open = await lab.open();
    const before = shop.env();
    const pid = await shop.control('status');
    const { plan, found } = await preflight(open, 'rotate-api-key');
    expect(found.ok, JSON.stringify(found.items)).toBe(true);
    expect(JSON.stringify(plan)).not.toContain(key('api-key'));
    const done = await open.run('rotate-api-key');
    expect(done.state, why(done)).toBe('succeeded');
    const now = await open.slots.read('api-key', 'current');
    expect(now).toMatch(/^key_[0-9a-f]{64}$/);
    expect(await open.slots.read('api-key', 'previous')).toBe(key('api-key'));
    expect(await api(key('api-key'))).toBe(401);
    expect(await api(now)).toBe(200);
    expect(await shop.control('status')).not.toBe(pid);
    expect(shop.env()).toBe(before.replace(key('api-key'), now));
    expect(statSync(shop.envFile).mode & 0o777).toBe(0o600);
    // Neither the run nor the journal tells a value.
    const written = JSON.stringify([done, open.journal.list({ limit: 1000 })]);
    for (const secret of [now, ...Object.values(shop.secrets)]) expect(written).not.toContain(secret);

    const reverted = await open.engine.settled((await open.engine.revert({ runId: done.id, ...typed })).id);
    expect(reverted.state, why(reverted)).toBe('reverted');
    expect(shop.env()).toBe(before);
    expect(await api(key('api-key'))).toBe(200);
    expect(await api(now)).toBe(401);
    expect(await open.slots.status('api-key')).toMatchObject({ pending: undefined, previous: undefined });
    expect(await open.slots.read('api-key', 'current')).toBe(key('api-key'));
  });

  it('refuses to begin without a keychain, with another key, or with a variable set twice', async () => {
    const without = await lab.open({ keychain: { state: 'unavailable', detail: 'There is none.' } });
    const blocked = await preflight(without, 'rotate-api-key');
    expect(blocked.found.ok).toBe(false);
    expect(blocked.found.items.find(({ id }) => id === 'stage-keychain')).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('must not exist in memory only'),
    });
    await without.close();
    const open = await lab.open({ storeFile: `${lab.handle.storeFile}.2` });
    const text = shop.env();
    writeFileSync(shop.envFile, text.replace(key('api-key'), 'somebody-elses'));
    expect((await preflight(open, 'rotate-api-key')).found.items.find(({ id }) => id === 'add-value')).toMatchObject({ verdict: 'block' });
    writeFileSync(shop.envFile, `${text}\nAPI_KEYS=x\n`);
    expect((await preflight(open, 'rotate-api-key')).found.items.find(({ id }) => id === 'add-env-file')).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('in the lines 2, 11'),
    });
    writeFileSync(shop.envFile, `${text}\nROLES='{"${key('api-key')}":["viewer"]}'\n`);
    const warned = (await preflight(open, 'rotate-api-key')).found;
    expect(warned.items.find(({ id }) => id === 'add-elsewhere')).toMatchObject({
      verdict: 'warn',
      detail: expect.stringContaining('ROLES (line 11)'),
    });
    expect(JSON.stringify(warned)).not.toContain(key('api-key'));
    writeFileSync(shop.envFile, text.replace(/API_KEYS=".*?"/, 'API_KEYS=""'));
    expect((await preflight(open, 'rotate-api-key')).found.items.find(({ id }) => id === 'add-empty')).toMatchObject({ verdict: 'block' });
  });

  it('refuses an edit by somebody else between reading and writing: theirs stays, and what was done is taken back by itself', async () => {
    const link = await connectTo(lab.sshd);
    let theirs = '';
    const racing = new Proxy(link, {
      get(target, name, receiver) {
        if (name !== 'detach') return Reflect.get(target, name, receiver) as unknown;
        return (job: string, ...rest: [Parameters<SshSession['detach']>[1], Parameters<SshSession['detach']>[2]]) => {
          if (job.includes('-add-1-write')) {
            theirs = shop.env().replace('# the shop', '# the shop, edited');
            writeFileSync(shop.envFile, theirs);
          }
          return target.detach(job, ...rest);
        };
      },
    });
    const open = await openEngine(lab.handle, racing);
    try {
      const run = await open.run('rotate-api-key');
      expect(run.state, why(run)).toBe('reverted');
      expect(run.summary).toContain('Somebody else changed the environment file since it was read');
      expect(states(run)).toContain('stage reverted, ready reverted, add pending, load pending');
      expect(theirs).toContain('edited');
      expect(shop.env()).toBe(theirs);
      expect(await open.slots.status('api-key')).toMatchObject({ pending: undefined, previous: undefined });
    } finally {
      await open.close();
      await link.close();
    }
  });

  it('keeps what somebody else adds between two steps, and leaves the file alone when it is not as the run left it', async () => {
    const open = await lab.open({
      engine: atStep('promote', 'after-outcome', () => {
        writeFileSync(shop.envFile, shop.env().replace('# the shop', '# the shop, edited'));
      }),
    });
    const run = await open.run('rotate-api-key');
    expect(run.state, why(run)).toBe('succeeded');
    expect(shop.env()).toContain('# the shop, edited');
    writeFileSync(shop.envFile, `${shop.env()}\nMORE=1\n`);
    const kept = shop.env();
    const reverted = await open.engine.settled((await open.engine.revert({ runId: run.id, ...typed })).id);
    expect(reverted.state).toBe('revert-failed');
    expect(reverted.summary).toContain('Somebody else changed');
    expect(shop.env()).toBe(kept);
  });

  it('goes back by itself when the new key is not accepted, and says why', async () => {
    const http = (inner: HttpClient): HttpClient => ({
      close: () => inner.close(),
      request: async (request) => {
        const answer = await inner.request(request);
        const meta =
          request.url.endsWith('/api/v1/meta') &&
          String(request.headers?.['x-api-key']).startsWith('key_') &&
          request.headers?.['x-api-key'] !== key('api-key');
        return meta && answer.outcome === 'done' ? { ...answer, status: 401 } : answer;
      },
    });
    const open = await lab.open({ http });
    const before = shop.env();
    const run = await open.run('rotate-api-key');
    expect(run.state, why(run)).toBe('reverted');
    expect(run.summary).toContain('is not accepted');
    expect(run.summary).toContain('It went back by itself');
    expect(shop.env()).toBe(before);
    expect(await api(key('api-key'))).toBe(200);
    expect(await open.slots.status('api-key')).toMatchObject({ pending: undefined, previous: undefined });
  });

  it('never takes an error for a refusal: the run is unknown, nothing is undone, and it goes on when the service answers', async () => {
    let broken = true;
    const http = (inner: HttpClient): HttpClient => ({
      close: () => inner.close(),
      request: async (request) => {
        const answer = await inner.request(request);
        const old = request.url.endsWith('/api/v1/meta') && request.headers?.['x-api-key'] === key('api-key');
        return broken && old && answer.outcome === 'done' ? { ...answer, status: 502 } : answer;
      },
    });
    const text = rotationStack.replace("slot: previous, rejected: ['401'] }", "slot: previous, rejected: ['401'], within_ms: 1000 }");
    await lab.close();
    lab = await startOperationLab({ stackText: text, stackId: 'rotation', inputs: shop.inputs, secrets: shop.secrets });
    const open = await lab.open({ http });
    const run = await open.run('rotate-api-key');
    expect(run.state, why(run)).toBe('unknown');
    expect(states(run)).toContain('old-dead unknown');
    broken = false;
    const ended = await open.engine.settled((await open.engine.resume({ runId: run.id, ...typed })).id);
    expect(ended.state, why(ended)).toBe('succeeded');
  });

  it('sees that a service which says it was restarted still has its old environment', async () => {
    // A control that answers well and does nothing.
    const honest = readFileSync(`${shop.dir}/control`, 'utf8');
    const open = await lab.open({
      engine: atStep('add', 'after-outcome', () => {
        writeFileSync(`${shop.dir}/honest`, honest);
        chmodSync(`${shop.dir}/honest`, 0o755);
        const pretend = `#!/bin/sh\ncase $1 in stop) : >"\${0%/*}/down"; echo stopped; exit 0 ;; start) rm -f "\${0%/*}/down" ;; esac\n`;
        writeFileSync(`${shop.dir}/control`, `${pretend}"\${0%/*}/honest" status\n`);
      }),
    });
    const before = shop.env();
    const run = await open.run('rotate-api-key');
    expect(run.steps.find(({ id }) => id === 'load')?.state, why(run)).toBe('failed');
    expect(run.state).not.toBe('succeeded');
    expect(shop.env()).toBe(before);
    writeFileSync(`${shop.dir}/control`, honest);
    expect(await api(key('api-key'))).toBe(200);
  });

  it('writes in place, with a copy beside it, when the file has another name that must see it', async () => {
    linkSync(shop.envFile, `${shop.dir}/env-elsewhere`);
    const open = await lab.open();
    const { found } = await preflight(open, 'rotate-api-token');
    expect(found.items.find(({ id }) => id === 'set-env-file')?.detail).toContain('in place because it has another name');
    const before = shop.env();
    const run = await open.run('rotate-api-token');
    expect(run.state, why(run)).toBe('succeeded');
    expect(statSync(shop.envFile).ino).toBe(statSync(`${shop.dir}/env-elsewhere`).ino);
    expect(readFileSync(`${shop.dir}/env-elsewhere`, 'utf8')).toContain(await open.slots.read('api-token', 'current'));
    expect(readFileSync(`${shop.dir}/.env.before-api-token`, 'utf8')).toBe(before);
    expect(statSync(`${shop.dir}/.env.before-api-token`).mode & 0o777).toBe(0o600);
    expect(await shop.status('/api/v1/profiles', { 'x-api-token': key('api-token') })).toBe(401);
    const reverted = await open.engine.settled((await open.engine.revert({ runId: run.id, ...typed })).id);
    expect(reverted.state, why(reverted)).toBe('reverted');
    expect(shop.env()).toBe(before);
  });

  it('without overlap: says before that every session ends, and proves who can sign in', async () => {
    const open = await lab.open();
    const { plan } = await preflight(open, 'rotate-jwt-secret');
    expect(plan.blastRadius.join(' ')).toContain('Every session ends');
    const login = async () => {
      const answer = await fetch(`${shop.baseUrl}/auth/login`, {
        method: 'POST',
        headers: { connection: 'close' },
        body: JSON.stringify({ email: 'a', password: 'correct horse' }),
      });
      return ((await answer.json()) as { token: string }).token;
    };
    const session = await login();
    const run = await open.run('rotate-jwt-secret');
    expect(run.state, why(run)).toBe('succeeded');
    expect(await shop.status('/auth/me', { authorization: `Bearer ${session}` })).toBe(401);
    expect(await shop.status('/auth/me', { authorization: `Bearer ${await login()}` })).toBe(200);
  });

  it('at a provider: waits for what a person does there, and believes only what it sees', async () => {
    const open = await lab.open();
    const none = await preflight(open, 'rotate-provider-key');
    expect(none.found.items.find(({ id }) => id === 'stage-pending')?.verdict).toBe('block');
    await open.slots.stage('provider-key', 'prov_new-one');
    const waiting = await open.run('rotate-provider-key');
    expect(waiting.state).toBe('failed');
    expect(waiting.summary).toContain('Waits for you');
    expect(states(waiting)).toContain('stage done, made failed, ready pending');
    shop.provider([key('provider-key'), 'prov_new-one']);
    const revoke = await open.engine.settled((await open.engine.resume({ runId: waiting.id, ...typed })).id);
    expect(states(revoke), why(revoke)).toContain('promote done, revoked failed');
    expect(revoke.summary).toContain('still accepted');
    shop.provider(['prov_new-one']);
    const done = await open.engine.settled((await open.engine.resume({ runId: waiting.id, ...typed })).id);
    expect(done.state, why(done)).toBe('succeeded');
    expect(shop.env()).toContain('PROVIDER_KEY="prov_new-one"');
    expect(done.allowed).toEqual([]);
  });

  it('encryption: k of N, resumed from there, reverted from there, and the old key kept while a backup needs it', async () => {
    let refuse = 'profile%204';
    const saves: string[] = [];
    const http = (inner: HttpClient): HttpClient => ({
      close: () => inner.close(),
      request: async (request) => {
        if (request.url.endsWith('/reencrypt')) saves.push(request.url.split('/').at(-2) ?? '');
        return refuse !== '' && request.url.includes(`${refuse}/reencrypt`)
          ? { outcome: 'unknown', problem: { code: 'outcome-unknown', message: 'The answer was lost.', retryable: false } }
          : inner.request(request);
      },
    });
    const open = await lab.open({ http });
    const before = shop.env();
    open.memory.remember({ environmentId: 'env-1', name: 'unknown-key.db' });
    const old = (await open.slots.status('encryption-key')).current ?? '';
    const part = await open.run('rotate-encryption-key');
    expect(part.state, why(part)).toBe('unknown');
    expect(part.summary).toContain('3 of 5');
    const pending = await open.slots.read('encryption-key', 'pending');
    expect(Object.values(shop.profiles(pending)).filter((text) => text !== undefined)).toHaveLength(3);
    refuse = '';
    saves.length = 0;
    const done = await open.engine.settled((await open.engine.resume({ runId: part.id, ...typed })).id);
    expect(done.state, why(done)).toBe('succeeded');
    expect(saves).toEqual(['profile%204', 'profile%205']);
    expect(Object.values(shop.profiles(pending)).every((text) => text?.startsWith('secret of'))).toBe(true);
    expect(shop.env()).toContain('ENCRYPTION_KEYS_OLD=\n');

    // The old key: not forgotten while a backup may need it, and not pushed out by another rotation.
    const held = await preflight(open, 'retire-encryption-key');
    expect(held.found.items.find(({ id }) => id === 'retire-needed')).toMatchObject({ verdict: 'pass' });
    writeFileSync(`${shop.dir}/backups/unknown-key.db`, '');
    const needed = await preflight(open, 'retire-encryption-key');
    expect(needed.found.items.find(({ id }) => id === 'retire-needed')).toMatchObject({
      verdict: 'block',
      detail: expect.stringContaining('unknown-key.db'),
    });
    await expect(open.slots.discard('encryption-key', 'previous', old)).rejects.toThrow(/may need it/);

    const reverted = await open.engine.settled((await open.engine.revert({ runId: done.id, ...typed })).id);
    expect(reverted.state, why(reverted)).toBe('reverted');
    expect(shop.env()).toBe(before);
    expect(Object.values(shop.profiles(key('encryption-key'))).every((text) => text?.startsWith('secret of'))).toBe(true);
    expect(await shop.status('/api/v1/jobs', { 'x-api-token': key('api-token'), 'x-profile-id': 'profile 1' })).toBe(200);
  });
});
