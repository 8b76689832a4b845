import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ProblemData } from '../../src/contract/problem.ts';
import { Problem } from '../../src/contract/problem.ts';

const script = fileURLToPath(new URL('./secrets-host.ts', import.meta.url));

interface Answer {
  readonly output?: unknown;
  readonly problem?: ProblemData;
  readonly crash?: string;
}

/** A running `secrets-host.ts`. */
export interface SecretsHost {
  readonly pid: number;
  /** Every line it ever wrote to its output or its error stream. */
  readonly written: () => string;
  /** A call; throws the problem it answers with. */
  call<T>(call: string, input?: unknown): Promise<T>;
  /** Ends it by closing its input; resolves with its exit code. */
  stop(): Promise<number | null>;
}

/** Starts a host of the secret-keeping services, with nothing but `env` as its environment. */
export function startSecretsHost({
  folder,
  env,
  knownHosts = '/nonexistent',
}: {
  folder: string;
  env: Readonly<Record<string, string>>;
  knownHosts?: string;
}): SecretsHost {
  const child = spawn(process.execPath, [script, folder, knownHosts], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const waiting = new Map<number, (answer: Answer) => void>();
  let written = '';
  let next = 0;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    written += text;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    written += `${line}\n`;
    const answer = JSON.parse(line) as Answer & { id: number };
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  return {
    pid: child.pid ?? 0,
    written: () => written,
    async call<T>(call: string, input: unknown = {}): Promise<T> {
      next += 1;
      const id = next;
      const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve));
      child.stdin.write(`${JSON.stringify({ id, call, input })}\n`);
      const answer = await Promise.race([
        answered,
        ended.then((code) => ({ crash: `the host ended with ${code}: ${written.slice(-2000)}` })),
      ]);
      if ('crash' in answer && answer.crash !== undefined) throw new Error(answer.crash);
      if ('problem' in answer && answer.problem !== undefined) throw Problem.from(answer.problem);
      return ('output' in answer ? answer.output : undefined) as T;
    },
    async stop() {
      child.stdin.end();
      return ended;
    },
  };
}
