import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { AnyRouter } from '@orpc/server';
import type { AppInfo } from '../contract/app.ts';
import { Problem } from '../contract/problem.ts';
import { createBackups } from './backups/backups.ts';
import { createBackupMemory } from './backups/memory.ts';
import { createConnections } from './connections/connections.ts';
import { createDemo } from './demo/manager.ts';
import type { DemoService } from './demo/service.ts';
import { createDemoService } from './demo/service.ts';
import { createHttpClient } from './drivers/http/client.ts';
import type { HttpClient } from './drivers/http/types.ts';
import { createKeychain } from './drivers/keychain/keychain.ts';
import { inspectSqlite } from './drivers/sqlite/inspect.ts';
import type { SecretSlots } from './engine/action.ts';
import { createEngine } from './engine/engine.ts';
import { createHealth } from './health/health.ts';
import { createHttpPool } from './http-pool.ts';
import { createJournal } from './journal/journal.ts';
import { createRedactor } from './journal/redactor.ts';
import type { Log } from './log.ts';
import { createLog } from './log.ts';
import { createLogs } from './logs/logs.ts';
import { createEnvironments } from './profiles/environments.ts';
import { createSettings } from './profiles/settings.ts';
import type { Rehearsals } from './rehearsals/rehearsals.ts';
import { createRehearsals } from './rehearsals/rehearsals.ts';
import { createRouter } from './router.ts';
import { createSecrets } from './secrets/secrets.ts';
import { createActions } from './stacks/actions/index.ts';
import { createStacks } from './stacks/stacks.ts';
import { migrations } from './store/migrations/index.ts';
import { openStore } from './store/store.ts';

/** What a host is opened with. */
export interface HostOptions {
  /** Made when it is not there. */
  readonly dataFolder: string;
  /** Where the shipped stacks lie. */
  readonly resourcesFolder: string;
  readonly transport: AppInfo['transport'];
  readonly version: string;
  /** known_hosts files; the user's and the system's when not given. */
  readonly knownHosts?: readonly string[];
  /** On the first run, before the user has made anything, the demo is started so that there is something to look at. */
  readonly demoOnFirstRun?: boolean;
  /** Secrets for this process only, by key; they go before what the keychain holds. */
  readonly sessionSecrets?: ReadonlyMap<string, string>;
}

/** Everything the product does, behind the contract. */
export interface Host {
  readonly router: AnyRouter;
  readonly log: Log;
  readonly demo: DemoService;
  /** Ends in order: runs stop before their next step, connections close, the store last. Safe to call again. */
  close(): Promise<void>;
}

/**
 * The composition root: every service is made here, top to bottom, by a plain call.
 * @throws Problem `not-supported` when the data folder is of a newer version
 */
export async function createHost(options: HostOptions): Promise<Host> {
  const { dataFolder, transport, version } = options;
  const operator = `${userInfo().username}@${hostname()}`;
  const clock = Date.now;

  const store = openStore(join(dataFolder, 'quarterdeck.db'), migrations);
  const redactor = createRedactor();
  const log = createLog({ folder: join(dataFolder, 'logs'), redact: redactor.text });
  const say = (line: string): void => log.info(line);
  const journal = createJournal({ store, operator, clock, redactor });

  const stacks = createStacks({
    shippedFolder: join(options.resourcesFolder, 'stacks'),
    userFolder: join(dataFolder, 'stacks'),
    actions: createActions({ inspectSqlite }),
  });
  const stackParts = { get: (id: string) => stacks.find(id)?.definition };
  const keychain = createKeychain({ service: 'Quarterdeck' });
  const secrets = createSecrets({ store, keychain, journal, stacks: stackParts, redactor, clock });
  const environments = createEnvironments({ store, stacks: stackParts, journal, secrets, clock });
  const settings = createSettings({ store });

  const given = options.sessionSecrets ?? new Map<string, string>();
  for (const value of given.values()) redactor.register(value);
  const read = async (environmentId: string, key: string): Promise<string | undefined> =>
    given.get(key) ?? secrets.read(environmentId, key);

  const connections = createConnections({
    environments,
    secrets: { readForHop: async (environmentId, request) => given.get(hopSecret(request)) ?? secrets.readForHop(environmentId, request) },
    store,
    journal,
    clock,
    log: say,
    prepare: async (environment) => demo.prepare(environment),
    ...(options.knownHosts === undefined ? {} : { files: options.knownHosts }),
  });
  const demo = createDemoService({
    demo: createDemo({ dir: join(dataFolder, 'demo'), log: say }),
    environments,
    secrets,
    connections,
    log: say,
  });

  const pool = createHttpPool((environmentId) =>
    createHttpClient({ connect: (host, port) => connections.connectTo(environmentId, host, port) }),
  );
  environments.onChange(({ kind, environment }) => {
    if (kind === 'removed') pool.forget(environment.id);
  });
  const http = (environmentId: string): HttpClient => pool.of(environmentId);
  const session = (environmentId: string) => connections.sessionFor(environmentId);
  const localFolder = (environmentId: string): string => join(dataFolder, 'backups', environmentId);

  const memory = createBackupMemory(store);
  const health = createHealth({
    store,
    stacks,
    environments,
    http,
    session,
    secrets: { read },
    connections,
    journal,
    log,
    clock,
    moreAlerts: (environmentId) => rehearsals.alerts(environmentId),
  });
  const logs = createLogs({
    stacks,
    environments,
    session: (environmentId, signal) => connections.sessionFor(environmentId, { wait: true, ...(signal === undefined ? {} : { signal }) }),
    clock,
  });
  const backups = createBackups({
    memory,
    stacks,
    environments,
    http,
    session,
    secrets: { read },
    journal,
    inspectSqlite,
    localFolder,
    operator,
    clock,
  });
  const engine = createEngine({
    store,
    journal,
    stacks,
    actions: createActions({ inspectSqlite }),
    environments: { get: (id) => environments.find(id) ?? missing() },
    operator,
    clock,
    redact: redactor.json,
    contextFor: (environment) => ({
      environment,
      session: () => session(environment.id),
      http: http(environment.id),
      secret: async (key) => (await read(environment.id, key)) ?? unset(environment.name, key),
      slots: rotatable(secrets.slots(environment.id), given),
      localFolder: localFolder(environment.id),
      memory,
      operator,
      now: clock,
    }),
  });

  const rehearsals: Rehearsals = createRehearsals({ environments, stacks, runs: engine, clock });

  const info = async (): Promise<AppInfo> => {
    await secrets.ready;
    return {
      version,
      transport,
      dataFolder,
      operator,
      platform: process.platform,
      node: process.versions.node,
      electron: process.versions['electron'] ?? null,
      keychain: secrets.keychainState(),
    };
  };
  const router = createRouter({
    info,
    environments,
    secrets,
    connections,
    settings,
    stacks,
    health,
    logs,
    backups,
    engine,
    rehearsals,
    journal,
    demo,
  });
  log.info('host opened', { version, transport, node: process.versions.node });

  if (options.demoOnFirstRun === true && !(await settings.get()).welcomed && (await environments.list()).length === 0) {
    // In the background: the window does not wait for it, and shows by itself how it went.
    demo
      .start()
      .catch((error: unknown) => log.warn('the demo did not start', { error: error instanceof Error ? error.message : String(error) }));
  }

  let closing: Promise<void> | undefined;
  // In this order; one that fails is logged and keeps no other from closing.
  const close = async (): Promise<void> => {
    for (const part of [engine, health, logs, pool, connections, demo, secrets, keychain, journal]) {
      try {
        await part.close();
      } catch (error) {
        log.error('a part of the host did not close', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      }
    }
    store.close();
  };
  return { router, log, demo, close: () => (closing ??= close()) };
}

function hopSecret({ kind, hop, jumps }: { kind: 'password' | 'key-passphrase'; hop: number; jumps: number }): string {
  return hop === jumps ? `ssh-${kind}` : `jump-${hop + 1}-${kind}`;
}

/** A value given for this process only would hide what a rotation brings into use: such a secret is not rotated. */
function rotatable(slots: SecretSlots, given: ReadonlyMap<string, string>): SecretSlots {
  const refuse = (key: string): void => {
    if (given.has(key))
      throw new Problem('policy-refused', `The secret ${key} was given for this process only, so it can't be rotated.`, {
        hint: 'Keep it in the keychain (secret set), and leave it out of the command.',
      });
  };
  const unless =
    <A extends readonly unknown[], R>(call: (key: string, ...rest: A) => Promise<R>) =>
    async (key: string, ...rest: A): Promise<R> => {
      refuse(key);
      return call(key, ...rest);
    };
  return { ...slots, status: unless(slots.status), read: unless(slots.read), stage: unless(slots.stage) };
}

function missing(): never {
  throw new Problem('not-found', 'That environment does not exist (any more).');
}

function unset(name: string, key: string): never {
  throw new Problem('secret-missing', `The secret ${key} of ${name} is not set.`, {
    hint: `Set it in the environment, or: quarterdeck secret set "${name}" ${key}`,
  });
}
