import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processesAt } from './processes.ts';

const entry = fileURLToPath(new URL('../../out/main/serve.js', import.meta.url));
const READY = /^Quarterdeck is ready: (http:\/\/127\.0\.0\.1:\d+\/#[\w-]{43})\n$/;
const START_MS = 30_000;
const END_MS = 20_000;

/** What {@link startHost} starts. */
export interface HostOptions {
  /** More of an environment: a keyring's, say. Its HOME is not taken over. */
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of the host. */
  readonly args?: readonly string[];
  /** Called with the empty HOME, and where the data folder will be, before the first start. */
  readonly furnish?: (home: string, dataFolder: string) => unknown;
}

/** The built headless host as a process, with a data folder and an empty HOME of its own. */
export interface JourneyHost {
  /** The address it printed; its token works once. */
  readonly url: string;
  /** The user's HOME as the host sees it. */
  readonly home: string;
  readonly dataFolder: string;
  /** Error lines of its log that match are part of the journey. */
  allowErrors(pattern: RegExp): void;
  /** Ends it; resolves when the process is gone. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Starts it again on the same data folder. Gives the new address. */
  restart(): Promise<string>;
  /** Ends it in order and removes its folders. Throws when it said something on stderr, logged errors, or left a process behind. */
  close(): Promise<void>;
}

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
  readonly said: () => { readonly stdout: string; readonly stderr: string };
}

async function launch(env: Readonly<Record<string, string>>, args: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, [entry, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  const ready = new Promise<string>((resolve, reject) => {
    const tooLate = setTimeout(() => reject(new Error(`the host was not ready after ${START_MS} ms: ${stdout}${stderr}`)), START_MS);
    const settle = (end: () => void): void => {
      clearTimeout(tooLate);
      end();
    };
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      const url = READY.exec(stdout)?.[1];
      if (url !== undefined) settle(() => resolve(url));
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once('error', (error) => settle(() => reject(error)));
    child.once('exit', (code) => settle(() => reject(new Error(`the host ended with ${code}: ${stderr}`))));
  });
  try {
    return { child, url: await ready, said: () => ({ stdout, stderr }) };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** Starts the built host. @throws Error when it is not built or does not become ready */
export async function startHost({ env = {}, args = [], furnish }: HostOptions = {}): Promise<JourneyHost> {
  if (!existsSync(entry)) throw new Error('out/main/serve.js is not there: run "npm run build"');
  const root = mkdtempSync(join(tmpdir(), 'quarterdeck-journey-'));
  const home = join(root, 'home');
  const dataFolder = join(root, 'data');
  mkdirSync(home);
  await furnish?.(home, dataFolder);
  const whole = { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', ...env, HOME: home, QUARTERDECK_HOME: dataFolder };
  const allowed: RegExp[] = [];
  const complaints: string[] = [];
  let current = await launch(whole, args);

  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    const { child, said } = current;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    const late = setTimeout(() => {
      complaints.push(`it did not end within ${END_MS} ms of ${signal}`);
      child.kill('SIGKILL');
    }, END_MS);
    const [code] = (await exited) as [number | null];
    clearTimeout(late);
    if (signal === 'SIGTERM' && code !== 0) complaints.push(`it ended with ${code} on SIGTERM`);
    const { stdout, stderr } = said();
    if (stderr !== '') complaints.push(`it said on stderr: ${stderr}`);
    if (!READY.test(stdout)) complaints.push(`it said more than one line on stdout: ${stdout}`);
  };

  const errorLines = (): string[] => {
    const file = join(dataFolder, 'logs', 'quarterdeck.log');
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && (JSON.parse(line) as { level: string }).level === 'error')
      .filter((line) => !allowed.some((pattern) => pattern.test(line)));
  };

  return {
    get url() {
      return current.url;
    },
    home,
    dataFolder,
    allowErrors: (pattern) => void allowed.push(pattern),
    kill: end,
    async restart() {
      await end('SIGTERM');
      current = await launch(whole, args);
      return current.url;
    },
    async close() {
      await end('SIGTERM');
      for (const line of errorLines()) complaints.push(`it logged: ${line}`);
      for (const left of await processesAt(root)) {
        complaints.push(`it left a process behind: ${left.pid} ${left.command}`);
        process.kill(left.pid, 'SIGKILL');
      }
      rmSync(root, { recursive: true, force: true, maxRetries: 5 });
      if (complaints.length > 0) throw new Error(`The host:\n  - ${complaints.join('\n  - ')}`);
    },
  };
}
