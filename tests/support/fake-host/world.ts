import type { ConnectionState } from '../../../src/contract/connections.ts';
import type { Environment } from '../../../src/contract/environments.ts';
import type { HealthState } from '../../../src/contract/health.ts';
import { Problem } from '../../../src/contract/problem.ts';
import { environments, firstConnections } from './environments.ts';

/** What several domains of the fake host look at. */
export interface World {
  environments: Environment[];
  readonly connections: Map<string, ConnectionState>;
  /** The demo has a fault on. */
  broken: boolean;
  environmentOf(id: string): Environment;
  healthOf(id: string): HealthState;
}

export function createWorld(empty: boolean): World {
  const world: World = {
    environments: empty ? [] : [...environments],
    connections: new Map(firstConnections().map((state) => [state.environmentId, state])),
    broken: false,
    environmentOf(id) {
      const found = world.environments.find((each) => each.id === id);
      if (found === undefined) throw new Problem('not-found', `There is no environment ${id}.`);
      return found;
    },
    healthOf(id) {
      if (world.connections.get(id)?.phase !== 'connected') return id === 'empty' ? 'unknown' : 'unobserved';
      return id === 'eu' || world.broken ? 'unhealthy' : 'healthy';
    },
  };
  return world;
}
