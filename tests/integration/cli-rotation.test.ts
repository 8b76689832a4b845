import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Preflight, Run } from '../../src/contract/runs.ts';
import type { SecretStatus } from '../../src/contract/secrets.ts';
import { canaryFiles } from '../support/canary.ts';
import { createCli } from '../support/cli.ts';
import { furnish } from '../support/furnish.ts';
import type { Keyring } from '../support/keyring.ts';
import { keyringUnavailable, startKeyring } from '../support/keyring.ts';
import type { RotationLab } from '../support/rotation/lab.ts';
import { rotationStack, startRotationLab } from '../support/rotation/lab.ts';
import { skipSsh } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

const name = 'Shop production';

describe.skipIf(skipSsh(keyringUnavailable()))('key rotation on the command line', () => {
  const root = mkdtempSync(join(tmpdir(), 'quarterdeck-cli-rotation-'));
  let sshd: Sshd;
  let shop: RotationLab;
  let keyring: Keyring;
  let cli: ReturnType<typeof createCli>;
  const key = (secret: string) => shop.secrets[secret] as string;
  const api = (value: string) => shop.status('/api/v1/meta', { 'x-api-key': value });
  const slots = async (secret: string) =>
    (await cli(['secret', 'list', name, '--json'])).json<{ secrets: SecretStatus[] }>().secrets.find((one) => one.key === secret)?.slots;

  beforeAll(async () => {
    [sshd, shop, keyring] = await Promise.all([startSshd(), startRotationLab(join(root, 'shop')), startKeyring()]);
    const dataFolder = join(root, 'data');
    await furnish({ dataFolder, name, tier: 'production', stackId: 'rotation', stackText: rotationStack, inputs: shop.inputs, sshd });
    cli = createCli({ home: dataFolder, env: keyring.env });
    for (const secret of ['api-key', 'provider-key']) expect((await cli(['secret', 'set', name, secret], key(secret))).code).toBe(0);
  });
  afterAll(async () => {
    await shop?.stop();
    await Promise.all([sshd?.stop(), keyring?.stop()]);
    rmSync(root, { recursive: true, force: true });
  });

  it('a wrong file is refused before anything begins; the right one is rotated with overlap until the old key is dead, and reverted', async () => {
    const before = shop.env();
    writeFileSync(shop.envFile, `${before}\nAPI_KEYS=again\n`);
    const planned = await cli(['run', name, 'rotate-api-key', '--plan', '--json']);
    const { preflight } = planned.json<{ preflight: unknown }>();
    expect(Preflight.parse(preflight).ok).toBe(false);
    expect(planned.stdout).toContain('in the lines 2, 11');
    writeFileSync(shop.envFile, before);

    const done = await cli(['run', name, 'rotate-api-key', '--confirm', name, '--json']);
    const run = Run.parse(done.json());
    expect(run.state, run.summary).toBe('succeeded');
    expect(run.plan.blastRadius.join(' ')).toContain('undone at once');
    expect(await api(key('api-key'))).toBe(401);
    const now = /, (key_[0-9a-f]{64})"/.exec(shop.env())?.[1] ?? '';
    expect(await api(now)).toBe(200);
    expect(await slots('api-key')).toEqual({ current: expect.any(String), pending: null, previous: expect.any(String) });
    // No value is anywhere on the laptop, nor in what the host keeps of its jobs.
    const canaries = [now, key('api-key')];
    expect(canaryFiles(join(root, 'data'), canaries)).toEqual([]);
    expect(canaryFiles(keyring.dir, canaries)).toEqual([]);
    expect(done.stdout + done.stderr).not.toContain(now);

    const reverted = await cli(['runs', 'revert', run.id, '--confirm', name, '--json']);
    expect(Run.parse(reverted.json()).state, reverted.stderr).toBe('reverted');
    expect(shop.env()).toBe(before);
    expect(await api(key('api-key'))).toBe(200);
    expect(await api(now)).toBe(401);
    expect((await cli(['journal', 'verify'])).code).toBe(0);
  });

  it('a provider’s key is pasted as the pending one, waits for the dashboard, and is discarded by name', async () => {
    const set = await cli(['secret', 'set', name, 'provider-key', '--pending', '--json'], 'prov_pasted');
    expect(set.json<SecretStatus>()).toMatchObject({ set: true, slots: { pending: expect.any(String) } });
    const run = Run.parse((await cli(['run', name, 'rotate-provider-key', '--confirm', name, '--json'])).json());
    expect(run.state).toBe('failed');
    expect(run.summary).toContain('Waits for you');
    expect(readFileSync(shop.envFile, 'utf8')).toContain(key('provider-key'));
    const reverted = Run.parse((await cli(['runs', 'revert', run.id, '--confirm', name, '--json'])).json());
    expect(reverted.state, reverted.summary).toBe('reverted');
    expect((await slots('provider-key'))?.pending).not.toBeNull();
    expect((await cli(['secret', 'discard', name, 'provider-key', 'pending'])).code).toBe(0);
    expect((await slots('provider-key'))?.pending).toBeNull();
  });
});
