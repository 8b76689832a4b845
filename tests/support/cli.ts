import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../src/main/cli.ts', import.meta.url));

/** How a command line ended. */
export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The one JSON value on stdout. Throws when it is not one. */
  json<T>(): T;
  /** The JSON values of stdout, one a line. */
  lines<T>(): T[];
}

/** Runs `quarterdeck` from the sources in a data folder of its own. */
export function createCli(options: { home: string; env?: Readonly<Record<string, string>> }) {
  return (args: readonly string[], input = ''): Promise<CliResult> =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [entry, ...args], {
        env: { PATH: process.env['PATH'] ?? '', HOME: options.home, ...options.env, QUARTERDECK_HOME: options.home },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      child.on('error', reject);
      // A command that reads nothing may have ended before its input was written.
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
      child.on('close', (code) => {
        const lines = <T>(): T[] =>
          stdout
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line) as T);
        resolve({ code, stdout, stderr, json: <T>() => JSON.parse(stdout) as T, lines });
      });
    });
}
