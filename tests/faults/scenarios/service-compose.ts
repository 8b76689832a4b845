import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { engineScenario, shownLive } from '../../support/service-scenario.ts';

/** Re-creation of a service of a compose project, whose environment file was changed before. */
export const serviceCompose = engineScenario({
  id: 'service-compose',
  runbook: 'recreate-compose',
  inputs: { service: 'web' },
  async prepare({ project, port, compose, serves }) {
    writeFileSync(`${project}/.env`, `PORT=${port}\nGREETING=former\n`);
    await compose('up', '-d');
    await serves('v2');
    writeFileSync(`${project}/.env`, `PORT=${port}\nGREETING=changed\n`);
  },
  live: (services) => shownLive(services, 'shop_web_1'),
  async done(services) {
    assert.match(await shownLive(services, 'shop_web_1'), / true serves v2 changed$/);
  },
});
