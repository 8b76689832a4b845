import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Scenario } from '../faults/scenario.ts';
import type { ServiceLab } from './service-lab.ts';
import { servicesUnavailable, startServiceLab } from './service-lab.ts';
import { sshdUnavailable } from './sshd.ts';

const stackText = readFileSync(fileURLToPath(new URL('./stacks/services.yaml', import.meta.url)), 'utf8');

/** What a scenario on the private engine is made of. */
export interface EngineScenario {
  readonly id: string;
  readonly runbook: string;
  readonly runInputs?: Readonly<Record<string, string>>;
  /** Stack inputs beside those of the lab. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** From an engine without containers to the state before. */
  prepare(services: ServiceLab): Promise<void>;
  /** What a revert must bring back. */
  live(services: ServiceLab): Promise<string>;
  done(services: ServiceLab): Promise<void>;
}

/** A scenario on a real engine of its own, whose containers are made anew only when a case has left other ones. */
export function engineScenario(made: EngineScenario): Scenario {
  return {
    id: made.id,
    hostMebibytes: 16,
    laptopMebibytes: 16,
    unavailable: () => sshdUnavailable() ?? servicesUnavailable(),
    async start({ hostDir }) {
      const services = await startServiceLab(hostDir);
      const { engine } = services;
      let base: string | undefined;
      const present = (): Promise<string> => engine.docker('ps', '--all', '--no-trunc', '--format', '{{.ID}} {{.Names}} {{.State}}');
      return {
        stackId: 'services',
        stackText,
        inputs: {
          base_url: services.baseUrl,
          project_dir: services.project,
          container: 'shop',
          env_file: `${services.project}/.env`,
          ...made.inputs,
        },
        secrets: {},
        variables: services.variables,
        runbook: made.runbook,
        runInputs: () => made.runInputs ?? {},
        async reset() {
          if (base !== undefined && (await present()) === base) return;
          const ids = await engine.docker('ps', '--all', '--quiet');
          if (ids !== '') await engine.docker('rm', '--force', ...ids.split('\n'));
          await made.prepare(services);
          base = await present();
        },
        live: () => made.live(services),
        assertDone: () => made.done(services),
        async assertSafe() {
          // What may be lost here is the way back: the former image.
          assert.match(await services.imageId('shop-web:v2'), /^sha256:/);
        },
        stop: () => services.stop(),
      };
    },
  };
}

/** What runs under a name, by its image, and what it serves. */
export async function shownLive(services: ServiceLab, name: string): Promise<string> {
  const of = await services.engine.docker('inspect', '--format', '{{.Image}} {{.State.Running}}', name).catch(() => 'no container');
  const running = of.endsWith(' true');
  for (let tries = 0; running && tries < 40 && (await services.get('/version')) === undefined; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 50));
  return `${of} serves ${(await services.get('/version')) ?? 'nothing'} ${(await services.get('/greeting')) ?? ''}`;
}
