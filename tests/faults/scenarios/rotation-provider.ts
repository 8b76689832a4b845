import assert from 'node:assert/strict';
import { join } from 'node:path';
import { rotationStack, startRotationLab } from '../../support/rotation/lab.ts';
import { sshdUnavailable } from '../../support/sshd.ts';
import type { Scenario } from '../scenario.ts';

const line = /^PROVIDER_KEY=.*$/m;
const others = (text: string) => text.replace(line, '');
const next = 'prov_the-next-one';
/** The old key is forgotten in the same run, so that nothing of the rotation is left out. */
const retire = '      - { id: retire, action: rotation.retire@1, with: { key: provider-key } }';

/** Rotation of a key that only a provider makes and revokes; the person at its dashboard has done both already. Its own return is left out. */
export const rotationProvider: Scenario = {
  id: 'rotation-provider',
  hostMebibytes: 8,
  laptopMebibytes: 16,
  unavailable: sshdUnavailable,
  async start({ hostDir }) {
    const shop = await startRotationLab(join(hostDir, 'shop'));
    const first = shop.env();
    const old = line.exec(first)?.[0] ?? '';
    const stackText = rotationStack
      .replaceAll('    on_failure: revert\n', '')
      .replace('\n\n  - id: rotate-encryption-key', `\n${retire}\n\n  - id: rotate-encryption-key`);
    return {
      stackId: 'rotation',
      stackText,
      inputs: shop.inputs,
      secrets: { ...shop.secrets, 'provider-key+pending': next },
      runbook: 'rotate-provider-key',
      runInputs: () => ({}),
      async reset() {
        await shop.reset();
        shop.provider([next]);
      },
      live: async () => shop.env(),
      async assertDone() {
        const text = shop.env();
        assert.equal(others(text), others(first), 'another line of the file was changed');
        assert.equal(line.exec(text)?.[0], `PROVIDER_KEY="${next}"`);
        assert.match(await shop.control('status'), /^running/, 'the service does not run');
      },
      async assertSafe() {
        const text = shop.env();
        assert.equal(others(text), others(first), 'the file is torn, or another line of it was changed');
        assert.ok([old, `PROVIDER_KEY="${next}"`].includes(line.exec(text)?.[0] ?? ''), 'the key is neither the old nor the new one');
      },
      stop: () => shop.stop(),
    };
  },
};
