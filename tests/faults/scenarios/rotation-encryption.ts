import assert from 'node:assert/strict';
import { join } from 'node:path';
import { rotationStack, startRotationLab } from '../../support/rotation/lab.ts';
import { sshdUnavailable } from '../../support/sshd.ts';
import type { Scenario } from '../scenario.ts';

const value = (text: string, name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '';
const others = (text: string) => text.replace(/^ENCRYPTION_KEY(S_OLD)?=.*$/gm, '');

/** Rotation of an encryption key: each profile is encrypted anew while the service knows both keys. */
export const rotationEncryption: Scenario = {
  id: 'rotation-encryption',
  hostMebibytes: 8,
  laptopMebibytes: 16,
  unavailable: sshdUnavailable,
  async start({ hostDir }) {
    const shop = await startRotationLab(join(hostDir, 'shop'), { profiles: 3 });
    const first = shop.env();
    const old = shop.secrets['encryption-key'] as string;
    const token = shop.secrets['api-token'] as string;
    const use = (id: string) => shop.status('/api/v1/jobs', { 'x-api-token': token, 'x-profile-id': id }).catch(() => 0);
    const texts = (key: string) => Object.values(shop.profiles(key));
    return {
      stackId: 'rotation',
      stackText: rotationStack.replaceAll('    on_failure: revert\n', ''),
      inputs: shop.inputs,
      secrets: shop.secrets,
      runbook: 'rotate-encryption-key',
      runInputs: () => ({}),
      reset: () => shop.reset(),
      live: async () => `${shop.env()}\n${JSON.stringify(shop.profiles(old))}\nused: ${await use('profile 1')}`,
      async assertDone() {
        const text = shop.env();
        assert.equal(others(text), others(first), 'another line of the file was changed');
        assert.equal(value(text, 'ENCRYPTION_KEYS_OLD'), '', 'the old key is still in the file');
        assert.notEqual(value(text, 'ENCRYPTION_KEY'), old);
        for (const one of texts(value(text, 'ENCRYPTION_KEY'))) assert.match(one ?? 'not decrypted', /^secret of/);
        assert.equal(await use('profile 3'), 200, 'a profile can not be used');
      },
      async assertSafe() {
        const text = shop.env();
        assert.equal(others(text), others(first), 'the file is torn, or another line of it was changed');
        // Each profile is readable with the old key, or with the one that stands in the file.
        const now = texts(value(text, 'ENCRYPTION_KEY'));
        for (const [index, one] of texts(old).entries()) assert.match(one ?? now[index] ?? 'lost', /^secret of/);
      },
      stop: () => shop.stop(),
    };
  },
};
