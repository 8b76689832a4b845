import type { DemoFault, DemoStatus } from '../../contract/demo.ts';
import type { Environment, EnvironmentDraft } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import type { Connections } from '../connections/connections.ts';
import type { Demo, DemoInfo } from './manager.ts';

/** What {@link createDemoService} works with. */
export interface DemoServiceOptions {
  readonly demo: Demo;
  readonly environments: {
    list(): Promise<Environment[]>;
    createDemo(draft: EnvironmentDraft): Environment;
    update(input: { environmentId: string; revision: number; draft: EnvironmentDraft }): Promise<Environment>;
  };
  readonly secrets: {
    set(input: { environmentId: string; key: string; value: string }): Promise<unknown>;
    read(environmentId: string, key: string): Promise<string | undefined>;
  };
  readonly connections: Pick<Connections, 'connect' | 'trust' | 'hostKeys' | 'forgetHostKey'>;
  readonly log: (line: string) => void;
}

/** Contract `demo.*`, and the demo on demand. */
export interface DemoService {
  status(): Promise<DemoStatus>;
  start(): Promise<DemoStatus>;
  stop(): Promise<DemoStatus>;
  setFault(input: { fault: DemoFault; on: boolean }): Promise<DemoStatus>;
  /** Before connecting: starts the demo host when this is its environment. Another window's running demo is used as it is. */
  prepare(environment: Environment): Promise<void>;
  close(): Promise<void>;
}

/** Joins the demo's child process with its environment: profile, host key, API key. */
export function createDemoService({ demo, environments, secrets, connections, log }: DemoServiceOptions): DemoService {
  let starting: Promise<void> | undefined;
  let failure: string | undefined;

  const own = async (): Promise<Environment | undefined> => (await environments.list()).find((environment) => environment.demo);

  /** Makes the profile say where the demo is now. Ports are kept from start to start, so this changes it rarely. */
  const profile = async (info: DemoInfo): Promise<Environment> => {
    const there = await own();
    const ssh: Environment['ssh'] = {
      target: { host: '127.0.0.1', port: info.sshPort, user: info.user, auth: [{ kind: 'key', path: info.keyPath }] },
      jumps: [],
    };
    if (there === undefined) {
      return environments.createDemo({
        name: 'Demo',
        tier: 'development',
        ssh,
        stack: 'friendlyface',
        inputs: info.inputs,
        notes: 'A small deployment on this computer to practise on. Break it, restore it, start over.',
      });
    }
    const { name, tier, stack, notes, inputs } = there;
    const draft: EnvironmentDraft = { name, tier, ssh, stack, inputs: { ...inputs, ...info.inputs }, notes };
    if (JSON.stringify([there.ssh, there.inputs]) === JSON.stringify([draft.ssh, draft.inputs])) return there;
    return environments.update({ environmentId: there.id, revision: there.revision, draft });
  };

  /** A demo folder that was deleted comes back with another key; only this port of this computer is meant. */
  const forgetFormerKeys = async ({ sshPort: port, hostKeyFingerprint }: DemoInfo): Promise<void> => {
    for (const { host, port: known, fingerprint } of await connections.hostKeys()) {
      if (host === '127.0.0.1' && known === port && fingerprint !== hostKeyFingerprint)
        await connections.forgetHostKey({ host, port, fingerprint });
    }
  };

  /** Connects by the same verified way as everywhere: the child told its key's fingerprint over a pipe, and only that one is accepted. */
  const trust = async (): Promise<void> => {
    const environment = await own();
    const fingerprint = demo.status().info?.hostKeyFingerprint;
    if (environment === undefined || fingerprint === undefined) return;
    const { hostKey } = await connections.connect({ environmentId: environment.id });
    if (hostKey?.verdict === 'unknown') await connections.trust({ environmentId: environment.id, fingerprint });
  };

  const launch = async (): Promise<void> => {
    const info = await demo.start();
    await forgetFormerKeys(info);
    const environment = await profile(info);
    try {
      await secrets.set({ environmentId: environment.id, key: 'api-key', value: (await demo.takeApiKey()).trim() });
    } catch (error) {
      // The key is handed over once a start; a second window finds it in the keychain.
      if (!(error instanceof Problem && error.code === 'secret-missing')) throw error;
    }
  };

  const ensure = async (): Promise<void> => {
    if (demo.status().state === 'running' && (await own()) !== undefined) return;
    starting ??= launch()
      .then(
        () => {
          failure = undefined;
        },
        (error: unknown) => {
          failure = error instanceof Error ? error.message : String(error);
          throw error;
        },
      )
      .finally(() => {
        starting = undefined;
      });
    return starting;
  };

  const status = async (): Promise<DemoStatus> => {
    const { state, faults, lastError } = demo.status();
    const environmentId = (await own())?.id ?? null;
    if (starting !== undefined || state === 'starting')
      return { state: 'starting', environmentId, faults: [...faults], detail: 'The demo host is starting.' };
    if (state === 'running')
      return {
        state: 'running',
        environmentId,
        faults: [...faults],
        detail: faults.length === 0 ? 'The demo host is running.' : `The demo host is running, broken on purpose: ${faults.join(', ')}.`,
      };
    const why = failure ?? lastError;
    return why === null || why === undefined
      ? { state: 'stopped', environmentId, faults: [], detail: 'The demo host is not running.' }
      : { state: 'failed', environmentId, faults: [], detail: why };
  };

  return {
    status,
    async start() {
      await ensure();
      await trust();
      return status();
    },
    async stop() {
      await demo.stop();
      failure = undefined;
      return status();
    },
    async setFault({ fault, on }) {
      await demo.setFault(fault, on);
      return status();
    },
    async prepare(environment) {
      if (!environment.demo) return;
      try {
        await ensure();
      } catch (error) {
        // Another window or command has it running: its profile says where.
        if (error instanceof Problem && error.code === 'conflict') {
          log('the demo host is run by another process');
          return;
        }
        throw error;
      }
    },
    close: () => demo.close(),
  };
}
