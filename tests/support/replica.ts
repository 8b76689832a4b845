import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deploy, freePort, runFfctl } from '../../src/main/demo/friendlyface/deploy.ts';
import type { FaultName } from '../../src/main/demo/friendlyface/fault-file.ts';
import { writeFault } from '../../src/main/demo/friendlyface/fault-file.ts';
import type { Layout } from '../../src/main/demo/friendlyface/layout.ts';
import { layoutOf, stackInputs } from '../../src/main/demo/friendlyface/layout.ts';

/** What a replica is started with. Without anything: six backups (one corrupt), 300 events, one admin key, no rate limit. */
export interface ReplicaOptions {
  /** The folder to lay it out in; must be empty or missing. A temporary one, removed by `stop`, when not given. */
  readonly dir?: string;
  readonly port?: number;
  readonly keys?: readonly string[];
  readonly roles?: Readonly<Record<string, readonly string[]>>;
  readonly retention?: { readonly count?: number; readonly days?: number };
  /** As `FF_RATE_LIMIT`; `none` when not given. */
  readonly rateLimit?: string;
  readonly migrationsEnabled?: boolean;
  readonly logFormat?: 'json' | 'text';
  readonly events?: number;
  /** Hours of log written before the start; 1 when not given. */
  readonly logHours?: number;
  /** False lays it out without starting the service. */
  readonly start?: boolean;
}

/** A running FriendlyFace-compatible service in a folder of its own. Put a real sshd before it to reach it as the console does. */
export interface Replica {
  readonly layout: Layout;
  readonly port: number;
  /** The inputs of the `friendlyface` stack: base_url, service_control, db_path, backup_dir, log_file, env_file. */
  readonly inputs: Record<string, string>;
  readonly apiKey: string;
  readonly apiKeys: readonly string[];
  /** Runs `ffctl start|stop|restart|status`. */
  control(verb: 'start' | 'stop' | 'restart' | 'status'): Promise<{ code: number; stdout: string; stderr: string }>;
  /** A request with the first key (another with `key`, none with `key: null`). */
  request(
    method: string,
    path: string,
    init?: { key?: string | null; body?: unknown; headers?: Record<string, string> },
  ): Promise<Response>;
  setFault(fault: FaultName, on: boolean): void;
  /** Stops the service and removes a temporary folder. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Lays out, seeds and starts a replica; resolves when it listens. @throws Error with ffctl's words when it does not start */
export async function startReplica(options: ReplicaOptions = {}): Promise<Replica> {
  const root = options.dir ?? (await mkdtemp(join(tmpdir(), 'quarterdeck-replica-')));
  const port = options.port ?? (await freePort());
  const layout = layoutOf(root);
  const keys = options.keys ?? [`ffk_${randomBytes(16).toString('hex')}`];
  const settings: Record<string, string> = { FF_RATE_LIMIT: options.rateLimit ?? 'none' };
  if (options.retention?.count !== undefined) settings['FF_BACKUP_RETENTION_COUNT'] = String(options.retention.count);
  if (options.retention?.days !== undefined) settings['FF_BACKUP_RETENTION_DAYS'] = String(options.retention.days);
  if (options.migrationsEnabled === true) settings['FF_MIGRATIONS_ENABLED'] = 'true';
  if (options.logFormat !== undefined) settings['FF_LOG_FORMAT'] = options.logFormat;
  deploy({
    layout,
    port,
    keys,
    settings,
    events: options.events ?? 300,
    logHours: options.logHours ?? 1,
    ...(options.roles === undefined ? {} : { roles: options.roles }),
  });

  const inputs = stackInputs(layout, port);
  const replica: Replica = {
    layout,
    port,
    inputs,
    apiKey: keys[0] ?? '',
    apiKeys: keys,
    control: (verb) => runFfctl(layout, verb),
    request(method, path, init = {}) {
      const key = init.key === undefined ? (keys[0] ?? null) : init.key;
      // No kept connection: a test that ends must leave no socket behind.
      const headers: Record<string, string> = { connection: 'close', ...init.headers };
      if (key !== null) headers['x-api-key'] = key;
      if (init.body !== undefined) headers['content-type'] = 'application/json';
      return fetch(`${inputs['base_url']}${path}`, {
        method,
        headers,
        redirect: 'manual',
        ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
      });
    },
    setFault: (fault, on) => writeFault(layout.faultsFile, fault, on),
    async stop() {
      const stopped = await runFfctl(layout, 'stop');
      if (stopped.code !== 0) throw new Error(`The replica did not stop: ${stopped.stderr}`);
      if (options.dir === undefined) await rm(root, { recursive: true, force: true });
    },
    [Symbol.asyncDispose]: () => replica.stop(),
  };
  if (options.start === false) return replica;
  const started = await runFfctl(layout, 'start');
  if (started.code !== 0) {
    if (options.dir === undefined) await rm(root, { recursive: true, force: true });
    throw new Error(`The replica did not start: ${started.stderr}`);
  }
  return replica;
}
