import type { ContractRouterClient } from '@orpc/contract';
import type { ConnectionState } from '../../contract/connections.ts';
import type { Environment } from '../../contract/environments.ts';
import type { contract } from '../../contract/index.ts';
import { Problem } from '../../contract/problem.ts';

/** The host, in this process, behind the same contract as the window. */
export type CliClient = ContractRouterClient<typeof contract>;

/**
 * Finds an environment by name (any case) or id.
 * @throws Problem `not-found`, naming those that exist.
 */
export async function findEnvironment(client: CliClient, name: string): Promise<Environment> {
  const all = await client.environments.list({});
  const wanted = name.toLowerCase();
  const found = all.find((environment) => environment.id === name) ?? all.find((environment) => environment.name.toLowerCase() === wanted);
  if (found !== undefined) return found;
  throw new Problem('not-found', `There is no environment named "${name}".`, {
    hint:
      all.length === 0
        ? 'Add one with: quarterdeck env add -f FILE'
        : `There are: ${all.map((environment) => environment.name).join(', ')}.`,
  });
}

/**
 * Connects, or throws why not. A command never goes on with a connection that is not up.
 * @throws Problem what the connection is blocked by.
 */
export async function connect(client: CliClient, environment: Environment, signal: AbortSignal): Promise<ConnectionState> {
  const state = await client.connections.connect({ environmentId: environment.id }, { signal });
  if (state.phase === 'connected') return state;
  if (state.problem !== undefined) {
    const problem = Problem.from(state.problem);
    if (state.hostKey === undefined) throw problem;
    const { hint, detail, ...data } = state.problem;
    throw Problem.from({
      ...data,
      ...(state.hostKey.verdict === 'unknown'
        ? {
            hint: `Compare it with the host's own (ssh-keygen -lf), then: quarterdeck env trust "${environment.name}" --fingerprint ${state.hostKey.offered.fingerprint}`,
          }
        : hint === undefined
          ? {}
          : { hint }),
      detail: { ...detail, question: state.hostKey },
    });
  }
  throw new Problem('not-connected', `${environment.name} is ${state.phase}.`, { retryable: true });
}
