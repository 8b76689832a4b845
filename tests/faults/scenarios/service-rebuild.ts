import assert from 'node:assert/strict';
import { writeImage } from '../../support/service-lab.ts';
import { engineScenario, shownLive } from '../../support/service-scenario.ts';

/** A compose project built anew from changed sources; the way back has the former image under its tag. */
export const serviceRebuild = engineScenario({
  id: 'service-rebuild',
  runbook: 'rebuild-compose',
  inputs: { service: 'web' },
  async prepare({ project, engine, compose, serves }) {
    await engine.docker('tag', 'shop-web:v2', 'shop-web:live');
    writeImage(`${project}/web`, 'v2');
    await compose('up', '-d');
    await serves('v2');
    writeImage(`${project}/web`, 'v3');
  },
  live: async (services) => `${await services.imageId('shop-web:live')} ${await shownLive(services, 'shop_web_1')}`,
  async done(services) {
    assert.match(await shownLive(services, 'shop_web_1'), / true serves v3 /);
  },
});
