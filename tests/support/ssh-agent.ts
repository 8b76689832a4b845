import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A running ssh-agent. */
export interface TestAgent {
  readonly socket: string;
  close(): Promise<void>;
}

/** Starts an ssh-agent on a socket path, with these keys added. */
export async function startAgent(socket: string, keys: readonly string[]): Promise<TestAgent> {
  const child = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  while (!existsSync(socket)) {
    if (child.exitCode !== null) throw new Error('ssh-agent did not start');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (const key of keys) execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: 'pipe' });
  return {
    socket,
    close: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
