import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { RotationLab } from '../../support/rotation/lab.ts';
import { rotationStack, startRotationLab } from '../../support/rotation/lab.ts';
import { sshdUnavailable } from '../../support/sshd.ts';
import type { Scenario } from '../scenario.ts';

const listLine = /^export API_KEYS="([^"]*)".*$/m;
const others = (text: string) => text.replace(listLine, '');
const status = (shop: RotationLab, key: string) => shop.status('/api/v1/meta', { 'x-api-key': key }).catch(() => 0);

/** Rotation of an API key in a list of keys, with overlap. Its own return is left out: the harness decides between resume and revert. */
export const rotationList: Scenario = {
  id: 'rotation-list',
  hostMebibytes: 8,
  laptopMebibytes: 16,
  unavailable: sshdUnavailable,
  async start({ hostDir }) {
    const shop = await startRotationLab(join(hostDir, 'shop'));
    const first = shop.env();
    const old = shop.secrets['api-key'] as string;
    return {
      stackId: 'rotation',
      stackText: rotationStack.replaceAll('    on_failure: revert\n', ''),
      inputs: shop.inputs,
      secrets: shop.secrets,
      runbook: 'rotate-api-key',
      runInputs: () => ({}),
      reset: () => shop.reset(),
      live: async () => `${shop.env()}\nold key: ${await status(shop, old)}\nnobody's key: ${await status(shop, 'nobody')}`,
      async assertDone() {
        const text = shop.env();
        assert.equal(others(text), others(first), 'another line of the file was changed');
        const keys = (listLine.exec(text)?.[1] ?? '').split(',').map((key) => key.trim());
        assert.equal(keys.length, 2, `the list has ${keys.length} keys`);
        assert.ok(!keys.includes(old), 'the old key is still in the file');
        assert.equal(await status(shop, old), 401, 'the old key is not dead');
        for (const key of keys) assert.equal(await status(shop, key), 200, 'a key of the file is not accepted');
      },
      async assertSafe() {
        const text = shop.env();
        assert.equal(others(text), others(first), 'the file is torn, or another line of it was changed');
        const keys = (listLine.exec(text)?.[1] ?? '').split(',').map((key) => key.trim());
        assert.ok(keys.length >= 2, 'clients would be locked out');
      },
      stop: () => shop.stop(),
    };
  },
};
