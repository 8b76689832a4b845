import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { KeytarModule } from './keytar-module.ts';

/** Constant text: one JSON line in, one out. Ends the hard way, because a process whose native call hangs can't end any other. */
const program = `'use strict';
const keytar = require(process.argv[1]);
const die = () => process.kill(process.pid, 'SIGKILL');
const calls = { getPassword: keytar.getPassword, setPassword: keytar.setPassword, deletePassword: keytar.deletePassword };
require('node:readline').createInterface({ input: process.stdin }).on('close', die).on('line', (line) => {
  const { id, method, args } = JSON.parse(line);
  calls[method](...args).then((value) => ({ id, value }), (error) => ({ id, error: String(error && error.message) }))
    .then((answer) => process.stdout.write(JSON.stringify(answer) + '\\n'));
});`;

interface Answer {
  readonly id: number;
  readonly value?: string | boolean | null;
  readonly error?: string;
}

/** Undefined for what is no answer: the native library may write to stdout, too (G_MESSAGES_DEBUG). */
function answerOf(line: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'id' in value ? (value as Answer) : undefined;
  } catch {
    return undefined;
  }
}

/** How long the process may idle; the master key is wanted once or twice in a lifetime. */
const IDLE_MS = 2000;

/**
 * keytar in a process of its own, started at the first call. A call to a locked keyring may wait for a prompt without end, and
 * while one does, the process that made it can't even exit; libsecret also keeps a stale session when the keyring was
 * restarted. Here the helper is simply ended. Values go through its pipes, never into its arguments or environment.
 */
export function createKeytarProcess(): KeytarModule {
  const path = createRequire(import.meta.url).resolve('keytar');
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let child: ChildProcess | undefined;
  let idle: NodeJS.Timeout | undefined;
  let last = 0;

  const end = (why: string): void => {
    clearTimeout(idle);
    child?.kill('SIGKILL');
    child = undefined;
    for (const [id, { reject }] of [...waiting]) {
      waiting.delete(id);
      reject(new Error(why));
    }
  };
  const start = (): ChildProcess => {
    const made = spawn(process.execPath, ['-e', program, path], { stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true });
    let complaint = '';
    made.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(0, 4000);
    });
    made.stdin.on('error', () => undefined);
    createInterface({ input: made.stdout }).on('line', (line) => {
      const answer = answerOf(line);
      if (answer === undefined) return;
      const asked = waiting.get(answer.id);
      waiting.delete(answer.id);
      if (answer.error === undefined) asked?.resolve(answer.value);
      else asked?.reject(new Error(answer.error));
      if (waiting.size === 0) idle = setTimeout(end, IDLE_MS, 'idle').unref();
    });
    const over = (why: string): void => {
      if (child === made) end(why);
    };
    made.once('error', (error) => over(`the keychain helper could not be started: ${error.message}`));
    made.once('close', () => over(/Error: .*/.exec(complaint)?.[0] ?? 'the keychain helper ended'));
    // Whoever waits for an answer has a timer of his own; the helper alone keeps nobody up.
    made.unref();
    for (const stream of [made.stdin, made.stdout, made.stderr]) (stream as unknown as Socket).unref();
    return made;
  };
  const call = <T>(method: string, ...args: string[]): Promise<T> =>
    new Promise((resolve, reject) => {
      clearTimeout(idle);
      child ??= start();
      last += 1;
      waiting.set(last, { resolve: (value) => resolve(value as T), reject });
      child.stdin?.write(`${JSON.stringify({ id: last, method, args })}\n`);
    });
  return {
    getPassword: (service, account) => call('getPassword', service, account),
    setPassword: (service, account, password) => call('setPassword', service, account, password),
    deletePassword: (service, account) => call('deletePassword', service, account),
    close: () => end('the keychain helper was ended'),
  };
}
