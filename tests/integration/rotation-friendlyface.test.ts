import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { EngineLab, OpenEngine } from '../support/engine-lab.ts';
import { openEngine, startEngineLab } from '../support/engine-lab.ts';
import { skipSsh } from '../support/ssh-lab.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
async function lab(options: Parameters<typeof startEngineLab>[0]): Promise<{ made: EngineLab; open: OpenEngine }> {
  const made = await startEngineLab({ tier: 'development', ...options });
  closers.push(() => made.close());
  const session = await made.connect();
  const open = await openEngine(made.handle, session);
  closers.push(async () => {
    await open.close();
    await session.close();
  });
  return { made, open };
}
const status = async ({ replica }: EngineLab, key: string) => (await replica.request('GET', '/chain/integrity', { key })).status;

describe.skipIf(skipSsh())('FriendlyFace’s API key', () => {
  it('is rotated in its list with overlap until the old one answers 401, and brought back by a revert', async () => {
    const { made, open } = await lab({
      replica: { keys: ['ffk_old-key-of-the-console', 'ffk_key-of-somebody-else'], roles: { 'ffk_old-key-of-the-console': ['admin'] } },
    });
    const file = made.replica.layout.envFile;
    const before = readFileSync(file, 'utf8');
    const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'rotate-api-key', inputs: {} });
    const { ok, items } = await open.engine.preflight({ planId: plan.id });
    expect(ok, JSON.stringify(items)).toBe(true);
    // What the roles grant to the old key is not granted to the new one: said before.
    expect(items.find(({ id }) => id === 'add-elsewhere')).toMatchObject({
      verdict: 'warn',
      detail: expect.stringContaining('FF_API_KEY_ROLES'),
    });
    const done = await open.run('rotate-api-key');
    expect(done.state, `${done.summary} ${JSON.stringify(done.steps)}`).toBe('succeeded');
    const now = await open.slots.read('api-key', 'current');
    expect(await status(made, 'ffk_old-key-of-the-console')).toBe(401);
    expect(await status(made, now)).toBe(200);
    expect(await status(made, 'ffk_key-of-somebody-else')).toBe(200);
    const reverted = await open.engine.settled((await open.engine.revert({ runId: done.id })).id);
    expect(reverted.state, reverted.summary).toBe('reverted');
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(await status(made, 'ffk_old-key-of-the-console')).toBe(200);
    expect(await status(made, now)).toBe(401);
  });

  it('is not rotated while no key is asked for at all', async () => {
    const { made, open } = await lab({ replica: { keys: ['ffk_only'] } });
    const file = made.replica.layout.envFile;
    writeFileSync(file, readFileSync(file, 'utf8').replace('FF_API_KEYS=ffk_only', 'FF_API_KEYS='));
    const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'rotate-api-key', inputs: {} });
    const { ok, items } = await open.engine.preflight({ planId: plan.id });
    expect(ok).toBe(false);
    expect(items.find(({ id }) => id === 'add-empty')?.detail).toContain('no authentication');
  });
});
