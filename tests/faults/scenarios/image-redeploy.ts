import assert from 'node:assert/strict';
import { engineScenario, shownLive } from '../../support/service-scenario.ts';

/** The previous image in the place of the present one, as a container of its own. */
export const imageRedeploy = engineScenario({
  id: 'image-redeploy',
  runbook: 'rollback-container',
  runInputs: { image: 'shop-web:v1' },
  async prepare({ engine, port, serves }) {
    await engine.docker(
      'run',
      '--detach',
      '--name',
      'shop',
      '--network',
      'host',
      '--env',
      `PORT=${port}`,
      '--restart',
      'always',
      'shop-web:v2',
    );
    await serves('v2');
  },
  live: async (services) => {
    const names = await services.engine.docker('ps', '--format', '{{.Names}}');
    return `${names} ${await shownLive(services, 'shop')}`;
  },
  async done(services) {
    assert.match(await shownLive(services, 'shop'), / true serves v1/);
    assert.equal(await services.engine.docker('inspect', '--format', '{{.Image}}', 'shop'), await services.imageId('shop-web:v1'));
  },
});
