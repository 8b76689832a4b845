import { mkdirSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import type { Environment } from '../../src/contract/environments.ts';
import { Problem } from '../../src/contract/problem.ts';
import type { Run } from '../../src/contract/runs.ts';
import type { KeychainState } from '../../src/contract/secrets.ts';
import { createBackupMemory } from '../../src/main/backups/memory.ts';
import { createHttpClient } from '../../src/main/drivers/http/client.ts';
import type { HttpClient } from '../../src/main/drivers/http/types.ts';
import { inspectSqlite } from '../../src/main/drivers/sqlite/inspect.ts';
import type { SshSession } from '../../src/main/drivers/ssh/types.ts';
import type { ActionWaits, BackupMemory, SecretSlots } from '../../src/main/engine/action.ts';
import { canonicalHash } from '../../src/main/engine/canonical.ts';
import type { Engine } from '../../src/main/engine/engine.ts';
import { createEngine } from '../../src/main/engine/engine.ts';
import type { EngineOptions } from '../../src/main/engine/types.ts';
import type { Journal } from '../../src/main/journal/journal.ts';
import { createJournal } from '../../src/main/journal/journal.ts';
import { createActions } from '../../src/main/stacks/actions/index.ts';
import { createStacks } from '../../src/main/stacks/stacks.ts';
import { migrations } from '../../src/main/store/migrations/index.ts';
import type { Store } from '../../src/main/store/store.ts';
import { openStore } from '../../src/main/store/store.ts';
import type { CutProxy } from './cut-proxy.ts';
import { startCutProxy } from './cut-proxy.ts';
import { fileKeychain, labSecrets } from './lab-secrets.ts';
import type { Replica, ReplicaOptions } from './replica.ts';
import { startReplica } from './replica.ts';
import { connectTo, scratch } from './ssh-lab.ts';
import type { Sshd } from './sshd.ts';
import { startSshd } from './sshd.ts';

const shippedFolder = fileURLToPath(new URL('../../resources/stacks', import.meta.url));

/** What another process needs to open the same engine. */
export interface LabHandle {
  readonly environment: Environment;
  /** By key. */
  readonly secrets: Readonly<Record<string, string>>;
  /** A folder of stacks beside the shipped ones. */
  readonly userStacks?: string;
  readonly storeFile: string;
  readonly localFolder: string;
  readonly sshd: Pick<Sshd, 'host' | 'port' | 'user'> & { readonly key: string; readonly knownHosts: string };
}

/** An engine on real components. */
export interface OpenEngine {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly store: Store;
  readonly memory: BackupMemory;
  readonly slots: SecretSlots;
  /** The open session; connects again after a drop when the engine was opened with a way to. */
  session(): Promise<SshSession>;
  /** Plan, preflight, confirm, start. */
  begin(runbook: string, inputs?: Record<string, string>): Promise<Run>;
  /** {@link begin}, and waits until nothing runs any more. */
  run(runbook: string, inputs?: Record<string, string>): Promise<Run>;
  close(): Promise<void>;
}

function missingSecret(key: string): never {
  throw new Problem('secret-missing', `The secret ${key} is not set.`);
}

/** Opens an engine; `http` may put something between it and the deployment. */
export async function openEngine(
  handle: LabHandle,
  connection: SshSession | (() => Promise<SshSession>),
  options: {
    operator?: string;
    http?: (inner: HttpClient) => HttpClient;
    storeFile?: string;
    engine?: Partial<EngineOptions>;
    /** Another state than one that works. */
    keychain?: KeychainState;
    /** Told every value of a secret that passes. */
    register?: (value: string) => void;
    waits?: ActionWaits;
    /** The laptop's clock; the real one when not given. */
    clock?: () => number;
  } = {},
): Promise<OpenEngine> {
  const session = typeof connection === 'function' ? connection : async () => connection;
  const operator = options.operator ?? 'ann@laptop';
  const clock = options.clock ?? Date.now;
  const store = openStore(options.storeFile ?? handle.storeFile, migrations);
  const journal = createJournal({ store, operator, clock });
  const actions = createActions({ inspectSqlite });
  const stacks = createStacks({ shippedFolder, userFolder: handle.userStacks ?? '/nowhere', actions });
  const inner = createHttpClient({ connect: async (host, port) => (await session()).forwardTcp(host, port) });
  const http = options.http?.(inner) ?? inner;
  const memory = createBackupMemory(store);
  const secrets = labSecrets({
    environment: handle.environment,
    given: handle.secrets,
    store,
    journal,
    stack: (id) => stacks.find(id)?.definition,
    keychain: fileKeychain(`${options.storeFile ?? handle.storeFile}.keychain`, options.keychain),
    ...(options.register === undefined ? {} : { register: options.register }),
  });
  const engine = createEngine({
    store,
    journal,
    stacks,
    actions,
    operator,
    clock,
    environments: { get: () => handle.environment },
    contextFor: (environment) => ({
      environment,
      session,
      http,
      secret: async (key) => (await secrets.read(key)) ?? missingSecret(key),
      slots: secrets.slots(),
      localFolder: handle.localFolder,
      memory,
      operator,
      now: clock,
      ...(options.waits === undefined ? {} : { waits: options.waits }),
    }),
    ...options.engine,
  });
  const open: OpenEngine = {
    engine,
    journal,
    store,
    memory,
    slots: secrets.slots(),
    session,
    async begin(runbook, inputs = {}) {
      const plan = engine.plan({ environmentId: handle.environment.id, runbook, inputs });
      await engine.preflight({ planId: plan.id });
      const { token } = engine.confirm({ planId: plan.id, planHash: plan.hash, typedName: handle.environment.name });
      return engine.start({ planId: plan.id, token });
    },
    run: async (runbook, inputs) => engine.settled((await open.begin(runbook, inputs)).id),
    async close() {
      await engine.close();
      secrets.close();
      journal.close();
      await http.close();
      store.close();
    },
  };
  return open;
}

/** A replica behind a cutting proxy behind a real sshd, and where the laptop keeps its things. */
export interface EngineLab {
  readonly replica: Replica;
  readonly sshd: Sshd;
  readonly proxy: CutProxy;
  readonly handle: LabHandle;
  connect(): Promise<SshSession>;
  /** How many events the live database holds, and the hash of all their columns. */
  dump(): string;
  /** Names of the backups, oldest first. */
  backups(): string[];
  close(): Promise<void>;
}

/** Starts the lab; production unless told otherwise, so that the typed name is asked. */
export async function startEngineLab(options: { replica?: ReplicaOptions; tier?: Environment['tier'] } = {}): Promise<EngineLab> {
  const room = scratch();
  const replica = await startReplica(options.replica);
  const sshd = await startSshd();
  const proxy = await startCutProxy({ port: replica.port });
  const environment: Environment = {
    id: 'env-1',
    name: 'Face prod',
    tier: options.tier ?? 'production',
    stack: 'friendlyface',
    notes: '',
    demo: false,
    revision: 1,
    createdAt: 1,
    updatedAt: 1,
    ssh: { target: { host: sshd.host, port: sshd.port, user: sshd.user, auth: [{ kind: 'key', path: sshd.clientKey.path }] }, jumps: [] },
    inputs: { ...replica.inputs, base_url: `http://127.0.0.1:${proxy.port}` },
  };
  mkdirSync(room.path('copies'));
  return {
    replica,
    sshd,
    proxy,
    handle: {
      environment,
      secrets: { 'api-key': replica.apiKey },
      storeFile: room.path('store.db'),
      localFolder: room.path('copies'),
      sshd: { host: sshd.host, port: sshd.port, user: sshd.user, key: sshd.clientKey.path, knownHosts: sshd.knownHosts() },
    },
    connect: () => connectTo(sshd),
    dump() {
      const db = new Database(replica.layout.dbPath, { readonly: true });
      try {
        const rows = db.prepare('SELECT * FROM events ORDER BY seq').all();
        return `${rows.length} events ${canonicalHash(rows)}`;
      } finally {
        db.close();
      }
    },
    backups: () =>
      readdirSync(replica.layout.backupDir)
        .filter((name) => name.endsWith('.db'))
        .sort(),
    async close() {
      await proxy.close();
      await sshd.stop();
      await replica.stop();
      room.close();
    },
  };
}
