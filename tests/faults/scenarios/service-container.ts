import assert from 'node:assert/strict';
import { engineScenario, shownLive } from '../../support/service-scenario.ts';

let before = '';

/** Restart of a real container. */
export const serviceContainer = engineScenario({
  id: 'service-container',
  runbook: 'restart-container',
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
  async live(services) {
    before = await services.engine.docker('inspect', '--format', '{{.State.StartedAt}}', 'shop').catch(() => '');
    return shownLive(services, 'shop');
  },
  async done(services) {
    assert.match(await shownLive(services, 'shop'), / true serves v2/);
    assert.notEqual(await services.engine.docker('inspect', '--format', '{{.State.StartedAt}}', 'shop'), before, 'it was not restarted');
  },
});
