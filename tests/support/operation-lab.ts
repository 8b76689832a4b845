import { mkdirSync, writeFileSync } from 'node:fs';
import type { Environment } from '../../src/contract/environments.ts';
import type { SshSession } from '../../src/main/drivers/ssh/types.ts';
import type { CutProxy } from './cut-proxy.ts';
import { startCutProxy } from './cut-proxy.ts';
import type { LabHandle, OpenEngine } from './engine-lab.ts';
import { openEngine } from './engine-lab.ts';
import { connectTo, scratch } from './ssh-lab.ts';
import type { Sshd } from './sshd.ts';
import { startSshd } from './sshd.ts';

/** What a lab for any stack is started with. */
export interface OperationLabOptions {
  /** Text of a stack file (its `stack:` must be `stackId`), laid into the user's stacks; absent for a shipped stack. */
  readonly stackText?: string;
  readonly stackId: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  /** Production unless told otherwise, so that the typed name is asked. */
  readonly tier?: Environment['tier'];
  /** More variables of what runs on the host (`DOCKER_HOST`, `PATH`); no white space in them. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Where the laptop keeps its store and copies; a scratch folder when not given. */
  readonly laptopDir?: string;
}

/** A real sshd behind a cutting proxy, and an environment of any stack on it. */
export interface OperationLab {
  readonly sshd: Sshd;
  /** In front of sshd: what it cuts, the console loses. */
  readonly proxy: CutProxy;
  readonly handle: LabHandle;
  /** An engine of its own whose session connects again by itself after a drop. Close it with `close`. */
  open(options?: Parameters<typeof openEngine>[2]): Promise<OpenEngine>;
  /** Ends the engines that are open, then the proxy and sshd. */
  close(): Promise<void>;
}

/** A session that is made anew when the last one is over. */
export function reconnecting(connect: () => Promise<SshSession>): { session(): Promise<SshSession>; close(): Promise<void> } {
  let current: Promise<SshSession> | undefined;
  return {
    session() {
      if (current !== undefined) return current;
      const made = connect();
      current = made;
      const forget = (): void => {
        if (current === made) current = undefined;
      };
      made.then((session) => session.closed.then(forget), forget);
      return made;
    },
    async close() {
      const last = current;
      current = undefined;
      await (await last?.catch(() => undefined))?.close();
    },
  };
}

/** Starts sshd, the proxy and lays out the laptop's side. */
export async function startOperationLab(options: OperationLabOptions): Promise<OperationLab> {
  const room = scratch();
  const laptop = options.laptopDir ?? room.path('laptop');
  const sshd = await startSshd(options.variables === undefined ? {} : { variables: options.variables });
  const proxy = await startCutProxy({ port: sshd.port });
  mkdirSync(`${laptop}/copies`, { recursive: true });
  mkdirSync(room.path('stacks'));
  if (options.stackText !== undefined) writeFileSync(room.path(`stacks/${options.stackId}.yaml`), options.stackText);
  const environment: Environment = {
    id: 'env-1',
    name: 'Shop production',
    tier: options.tier ?? 'production',
    stack: options.stackId,
    notes: '',
    demo: false,
    revision: 1,
    createdAt: 1,
    updatedAt: 1,
    ssh: {
      target: { host: '127.0.0.1', port: proxy.port, user: sshd.user, auth: [{ kind: 'key', path: sshd.clientKey.path }] },
      jumps: [],
    },
    inputs: { ...options.inputs },
  };
  const handle: LabHandle = {
    environment,
    secrets: options.secrets ?? {},
    userStacks: room.path('stacks'),
    storeFile: `${laptop}/store.db`,
    localFolder: `${laptop}/copies`,
    sshd: {
      host: sshd.host,
      port: proxy.port,
      user: sshd.user,
      key: sshd.clientKey.path,
      knownHosts: sshd.knownHosts(`[127.0.0.1]:${proxy.port}`),
    },
  };
  const closers: (() => Promise<void>)[] = [];
  return {
    sshd,
    proxy,
    handle,
    async open(more) {
      const link = reconnecting(() => connectTo(sshd, { port: proxy.port }));
      const opened = await openEngine(handle, link.session, more);
      let closed: Promise<void> | undefined;
      const close = (): Promise<void> => (closed ??= opened.close().then(() => link.close()));
      closers.push(close);
      return { ...opened, close };
    },
    async close() {
      for (const close of closers.splice(0).reverse()) await close();
      await proxy.close();
      await sshd.stop();
      room.close();
    },
  };
}
