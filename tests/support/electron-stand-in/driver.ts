import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Call, Notice, Question } from './messages.ts';

/** A program running under the stand-in, as its test sees it. */
export interface StandIn {
  /** Every use of Electron so far. */
  readonly calls: readonly Call[];
  /** Arguments of the calls of that name. */
  argsOf(name: string): readonly (readonly unknown[])[];
  ask<T = unknown>(question: Question): Promise<T>;
  /** Called for each message the program posts on a port. */
  onPort(listener: (port: number, data: unknown) => void): void;
  readonly closedPorts: ReadonlySet<number>;
  readonly stderr: () => string;
  /** Waits for a use of Electron. */
  called(name: string): Promise<Call>;
  /** Quits as the menu does; gives the exit code. Fails when the program leaves something open. */
  quit(): Promise<number | null>;
  kill(): void;
}

export interface StandInOptions {
  /** The program: a built bundle, or a source file. */
  readonly entry: string;
  readonly env?: Record<string, string>;
}

/** Starts a program with the stand-in in the place of `electron`. */
export function startStandIn({ entry, env = {} }: StandInOptions): StandIn {
  const register = fileURLToPath(new URL('./register.ts', import.meta.url));
  const child = fork(entry, [], {
    execArgv: ['--import', register],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const calls: Call[] = [];
  const waiting = new Set<() => void>();
  const answers = new Map<number, (notice: Extract<Notice, { kind: 'answer' }>) => void>();
  const listeners = new Set<(port: number, data: unknown) => void>();
  const closedPorts = new Set<number>();
  let errors = '';
  let asked = 0;
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  child.stdout?.resume();
  child.on('message', (notice: Notice) => {
    if (notice.kind === 'call') calls.push(notice.call);
    if (notice.kind === 'port-send') for (const listener of listeners) listener(notice.port, notice.data);
    if (notice.kind === 'port-closed') closedPorts.add(notice.port);
    if (notice.kind === 'answer') answers.get(notice.id)?.(notice);
    for (const look of waiting) look();
  });
  child.on('exit', () => {
    for (const [id, settle] of answers) settle({ kind: 'answer', id, error: `the program ended: ${errors}` });
    for (const look of waiting) look();
  });

  const called = (name: string): Promise<Call> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const call = calls.find((each) => each.name === name);
        if (call === undefined && child.exitCode === null) return;
        waiting.delete(look);
        if (call === undefined) reject(new Error(`the program ended without ${name}: ${errors}`));
        else resolve(call);
      };
      waiting.add(look);
      look();
    });

  const ask = <T>(question: Question): Promise<T> =>
    new Promise((resolve, reject) => {
      asked += 1;
      const id = asked;
      answers.set(id, ({ value, error }) => {
        answers.delete(id);
        if (error === undefined) resolve(value as T);
        else reject(new Error(error));
      });
      // The program may be ending just now: that fails this question, not the test's process.
      child.send({ id, question }, (error) => {
        if (error !== null) answers.get(id)?.({ kind: 'answer', id, error: `the program is gone: ${errors}` });
      });
    });

  return {
    calls,
    argsOf: (name) => calls.filter((call) => call.name === name).map(({ args }) => args),
    ask,
    onPort: (listener) => void listeners.add(listener),
    closedPorts,
    stderr: () => errors,
    called,
    async quit() {
      const ended = exitOf(child);
      ask({ what: 'quit' }).catch(() => undefined);
      return ended;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}
