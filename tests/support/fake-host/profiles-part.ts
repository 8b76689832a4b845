import type { ConnectionState } from '../../../src/contract/connections.ts';
import type { Environment } from '../../../src/contract/environments.ts';
import { Problem } from '../../../src/contract/problem.ts';
import type { SecretStatus } from '../../../src/contract/secrets.ts';
import type { Gate } from './gate.ts';
import { createHub, pause } from './streams.ts';
import type { World } from './world.ts';

/** Profiles, connections and secrets. */
export function createProfiles(gate: Gate, world: World) {
  const hub = createHub<ConnectionState>();
  const put = (state: ConnectionState): ConnectionState => {
    world.connections.set(state.environmentId, state);
    hub.send(state);
    return state;
  };
  const secrets: SecretStatus[] = [
    { key: 'ssh-password', label: 'SSH password', required: true, set: false, kept: 'none' },
    { key: 'api-key', label: 'API key', required: true, set: true, kept: 'keychain' },
  ];
  return {
    environments: {
      list: gate.environments.list.handler(() => world.environments),
      get: gate.environments.get.handler(({ input }) => world.environmentOf(input.environmentId)),
      create: gate.environments.create.handler(({ input }) => {
        if (world.environments.some(({ name }) => name === input.name))
          throw new Problem('bad-input', 'There is an environment by this name already.', {
            detail: { issues: [{ path: 'name', reason: 'This name is taken.' }] },
          });
        const made: Environment = {
          ...input,
          id: `made-${world.environments.length}`,
          demo: false,
          revision: 1,
          createdAt: Date.now(),
          updatedAt: Date.now(),
        };
        world.environments = [...world.environments, made];
        return made;
      }),
      update: gate.environments.update.handler(({ input }) => {
        const saved: Environment = {
          ...world.environmentOf(input.environmentId),
          ...input.draft,
          revision: input.revision + 1,
          updatedAt: Date.now(),
        };
        world.environments = world.environments.map((each) => (each.id === saved.id ? saved : each));
        return saved;
      }),
      duplicate: gate.environments.duplicate.handler(({ input }) => {
        const copy: Environment = {
          ...world.environmentOf(input.environmentId),
          id: `copy-${world.environments.length}`,
          name: input.name,
          demo: false,
        };
        world.environments = [...world.environments, copy];
        return copy;
      }),
      remove: gate.environments.remove.handler(({ input }) => {
        world.environments = world.environments.filter(({ id }) => id !== input.environmentId);
        return { removed: true as const };
      }),
      readSshConfig: gate.environments.readSshConfig.handler(() => ({
        path: '/home/maria/.ssh/config',
        warnings: ['Line 12: Match is not taken over.'],
        hosts: [
          {
            alias: 'ff-eu',
            route: {
              target: { host: 'ff-eu-1.example.net', port: 22, user: 'deploy', auth: [{ kind: 'agent' as const }] },
              jumps: [{ host: 'bastion.example.net', port: 2222, user: 'ops', auth: [{ kind: 'agent' as const }] }],
            },
            warnings: [],
          },
          {
            alias: 'nas',
            route: { target: { host: '192.168.1.20', port: 22, user: 'admin', auth: [{ kind: 'password' as const }] }, jumps: [] },
            warnings: ['ProxyCommand is not supported; the host is taken over without it.'],
          },
          { alias: 'broken', warnings: ['The jump host “gone” is not defined anywhere.'] },
        ],
      })),
      exportProfiles: gate.environments.exportProfiles.handler(() => ({
        format: 'quarterdeck-profiles' as const,
        version: 1 as const,
        environments: [],
      })),
      importProfiles: gate.environments.importProfiles.handler(({ input }) => {
        const made = input.file.environments.map(
          (draft, place): Environment => ({
            ...draft,
            id: `imported-${world.environments.length + place}`,
            demo: false,
            revision: 1,
            createdAt: Date.now(),
            updatedAt: Date.now(),
          }),
        );
        world.environments = [...world.environments, ...made];
        return made;
      }),
    },
    connections: {
      connect: gate.connections.connect.handler(async ({ input: { environmentId } }) => {
        await pause(400, undefined);
        const state = world.connections.get(environmentId);
        if (state?.phase === 'blocked') return state;
        return put({ environmentId, phase: 'connected', since: Date.now(), attempt: 0, latencyMs: 12 });
      }),
      disconnect: gate.connections.disconnect.handler(({ input: { environmentId } }) =>
        put({ environmentId, phase: 'disconnected', since: Date.now(), attempt: 0 }),
      ),
      get: gate.connections.get.handler(
        ({ input: { environmentId } }) =>
          world.connections.get(environmentId) ?? { environmentId, phase: 'disconnected' as const, since: 0, attempt: 0 },
      ),
      watch: gate.connections.watch.handler(({ signal }) => hub.stream([...world.connections.values()], signal)),
      trust: gate.connections.trust.handler(({ input: { environmentId } }) =>
        put({ environmentId, phase: 'connected', since: Date.now(), attempt: 0, latencyMs: 12 }),
      ),
      answer: gate.connections.answer.handler(({ input: { environmentId } }) =>
        put({ environmentId, phase: 'connected', since: Date.now(), attempt: 0, latencyMs: 12 }),
      ),
      hostKeys: gate.connections.hostKeys.handler(() => [
        {
          host: 'bastion.example.net',
          port: 22,
          type: 'ssh-ed25519',
          fingerprint: 'SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDiOeWqpVtsjPnrlXk',
          addedAt: Date.now() - 9e8,
        },
      ]),
      forgetHostKey: gate.connections.forgetHostKey.handler(() => ({ removed: true })),
    },
    secrets: {
      status: gate.secrets.status.handler(() => ({ keychain: { state: 'available' as const, detail: 'GNOME Keyring' }, secrets })),
      set: gate.secrets.set.handler(({ input }) =>
        Object.assign(secrets.find(({ key }) => key === input.key) ?? { key: input.key, label: input.key, required: false }, {
          set: true,
          kept: 'keychain' as const,
        }),
      ),
      clear: gate.secrets.clear.handler(({ input }) =>
        Object.assign(secrets.find(({ key }) => key === input.key) ?? { key: input.key, label: input.key, required: false }, {
          set: false,
          kept: 'none' as const,
        }),
      ),
      discard: gate.secrets.discard.handler(({ input }) => {
        const secret = secrets.find(({ key }) => key === input.key);
        return Object.assign(
          secret ?? { key: input.key, label: input.key, required: false, set: false, kept: 'none' as const },
          secret?.slots === undefined ? {} : { slots: { ...secret.slots, [input.slot]: null } },
        );
      }),
      recheckKeychain: gate.secrets.recheckKeychain.handler(() => ({ state: 'available' as const, detail: 'GNOME Keyring' })),
    },
  };
}
