import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn as nodeSpawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Problem } from '../../contract/problem.ts';
import type { FaultName } from './friendlyface/fault-file.ts';
import { locateProgram } from './locate.ts';
import type { Command, ReadyMessage } from './messages.ts';
import { ChildMessage } from './messages.ts';

/** How to reach the running demo host. Holds no secret: the API key is taken once, with `takeApiKey`. */
export interface DemoInfo {
  readonly sshPort: number;
  readonly user: string;
  /** The private key of the demo login, a 0600 file. */
  readonly keyPath: string;
  readonly hostKeyFingerprint: string;
  /** The inputs of the `friendlyface` stack. */
  readonly inputs: Record<string, string>;
}

export interface DemoStatus {
  readonly state: 'stopped' | 'starting' | 'running' | 'stopping';
  readonly info: DemoInfo | null;
  readonly faults: readonly FaultName[];
  /** Why it stopped, when it was not asked to. */
  readonly lastError: string | null;
}

/** Makes a child from a program and its arguments; replaced in tests. */
export type SpawnDemo = (program: string, args: readonly string[], env: Record<string, string>) => ChildProcessWithoutNullStreams;

const spawnDemo: SpawnDemo = (program, args, env) => nodeSpawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });

/** What the child needs of the app's environment. Nothing else is passed on: no token, no agent socket. */
function childEnvironment(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'LANG'].flatMap((name) =>
    process.env[name] === undefined ? [] : [[name, process.env[name]]],
  );
  // Under Electron the same binary is Node when told so; a plain Node does not look at it.
  return { ...(Object.fromEntries(kept) as Record<string, string>), ELECTRON_RUN_AS_NODE: '1' };
}

interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ready: ReadyMessage;
  readonly faults: Set<FaultName>;
  readonly exited: Promise<void>;
  readonly send: (command: Command) => Promise<void>;
}

/**
 * The demo host on demand: one child process with an SSH server, a FriendlyFace-compatible service and its traffic, in `dir`.
 * The child ends with this process whatever happens. `close()` stops it.
 */
export function createDemo(options: { dir: string; spawn?: SpawnDemo; log: (line: string) => void }) {
  const { dir, log } = options;
  let running: Running | null = null;
  let starting: Promise<DemoInfo> | null = null;
  let stopping: Promise<void> | null = null;
  let lastError: string | null = null;
  let nextId = 1;

  const infoOf = ({ sshPort, user, keyPath, hostKeyFingerprint, inputs }: ReadyMessage): DemoInfo => ({
    sshPort,
    user,
    keyPath,
    hostKeyFingerprint,
    inputs,
  });

  async function launch(): Promise<DemoInfo> {
    if (process.platform === 'win32') {
      throw new Problem('not-supported', 'The demo host needs a POSIX shell and does not run on Windows.', {
        hint: 'Start it on Linux or macOS, or connect to a practice machine of your own.',
      });
    }
    // A packaged app's fuse forbids its binary to run as Node, and a second copy of the app would be started instead.
    if (process.versions['electron'] !== undefined && !('defaultApp' in process)) {
      throw new Problem('not-supported', 'The demo host does not run in the packaged app yet.', {
        hint: 'In a checkout, npm start has it.',
      });
    }
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const child = (options.spawn ?? spawnDemo)(process.execPath, [locateProgram('child'), '--dir', dir], childEnvironment());
    const waiting = new Map<number, (error: string | null) => void>();
    // A child that went away makes writes fail; its exit says so already.
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stderr }).on('line', (line) => log(`demo: ${line}`));

    const exited = new Promise<void>((resolve) => {
      child.once('error', () => resolve());
      child.once('close', () => resolve());
    });
    const send = (command: Command) =>
      new Promise<void>((resolve, reject) => {
        waiting.set(command.id, (error) =>
          error === null ? resolve() : reject(new Problem('remote-command-failed', `The demo host refused: ${error}`)),
        );
        child.stdin.write(`${JSON.stringify(command)}\n`);
      });

    return new Promise<DemoInfo>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(
          new Problem('timed-out', 'The demo host did not come up within a minute.', {
            hint: `Look at the log; if it keeps happening, remove ${dir} and start again.`,
            retryable: true,
          }),
        );
        child.stdin.end();
      }, 60_000);

      createInterface({ input: child.stdout }).on('line', (line) => {
        const parsed = ChildMessage.safeParse(parseJson(line));
        if (!parsed.success) return log(`demo: unexpected line of ${line.length} characters`);
        const message = parsed.data;
        if ('id' in message) {
          waiting.get(message.id)?.(message.ok ? null : (message.message ?? 'no reason given'));
          waiting.delete(message.id);
        } else if (message.ready) {
          clearTimeout(timer);
          running = { child, ready: message, faults: new Set(message.faults), exited, send };
          lastError = null;
          resolve(infoOf(message));
        } else {
          reject(
            new Problem(
              message.code === 'conflict' ? 'conflict' : 'remote-command-failed',
              `The demo host did not start: ${message.message}`,
              {
                hint:
                  message.code === 'conflict' ? 'Close the other window first.' : `If it keeps happening, remove ${dir} and start again.`,
              },
            ),
          );
        }
      });
      void exited.then(() => {
        clearTimeout(timer);
        const wanted = stopping !== null;
        if (running?.child === child) {
          running = null;
          if (!wanted) lastError = `The demo host ended by itself (${child.signalCode ?? `exit code ${child.exitCode ?? 'unknown'}`}).`;
          if (lastError !== null) log(lastError);
        }
        for (const settle of waiting.values()) settle('the demo host ended');
        waiting.clear();
        reject(new Problem('remote-command-failed', 'The demo host ended before it was ready.'));
      });
    });
  }

  function parseJson(line: string): unknown {
    try {
      return JSON.parse(line);
    } catch {
      return undefined;
    }
  }

  async function shutDown(current: Running): Promise<void> {
    // The closed stdin alone is enough; the command makes it an orderly end that is logged as one.
    current.send({ id: nextId++, cmd: 'stop' }).catch(() => undefined);
    current.child.stdin.end();
    // The service gets ffctl's thirty seconds. After that the child is left to the next start's clean-up.
    const timer = setTimeout(() => current.child.kill('SIGKILL'), 45_000);
    await current.exited;
    clearTimeout(timer);
  }

  async function stop(): Promise<void> {
    await starting?.catch(() => undefined);
    const current = running;
    if (current === null) return;
    stopping ??= shutDown(current).finally(() => {
      stopping = null;
    });
    await stopping;
  }

  return {
    /** Starts the demo, or answers the running one. @throws Problem not-supported, conflict, timed-out, remote-command-failed */
    async start(): Promise<DemoInfo> {
      await stopping;
      if (running !== null) return infoOf(running.ready);
      starting ??= launch().finally(() => {
        starting = null;
      });
      return starting;
    },

    stop,

    status(): DemoStatus {
      const state = stopping !== null ? 'stopping' : starting !== null ? 'starting' : running === null ? 'stopped' : 'running';
      return { state, info: running === null ? null : infoOf(running.ready), faults: [...(running?.faults ?? [])], lastError };
    },

    /** Breaks or mends one thing for practice; resolves when the service has seen it. @throws Problem not-connected */
    async setFault(fault: FaultName, on: boolean): Promise<void> {
      if (running === null) throw new Problem('not-connected', 'The demo host is not running.', { hint: 'Start the demo first.' });
      const { send, faults } = running;
      await send({ id: nextId++, cmd: 'fault', fault, on });
      if (on) faults.add(fault);
      else faults.delete(fault);
    },

    /**
     * The service's API key, for the keychain or the session: read once from the file the child left, which is removed.
     * @throws Problem not-connected, secret-missing when it was taken before
     */
    async takeApiKey(): Promise<string> {
      if (running === null) throw new Problem('not-connected', 'The demo host is not running.', { hint: 'Start the demo first.' });
      const file = running.ready.apiKeyFile;
      const key = await readFile(file, 'utf8').catch(() => null);
      if (key === null)
        throw new Problem('secret-missing', 'The demo API key was already taken.', {
          hint: 'Stop the demo and start it again to be handed the key anew.',
        });
      await rm(file, { force: true });
      return key;
    },

    close: stop,
  };
}

/** The demo of the host. */
export type Demo = ReturnType<typeof createDemo>;
