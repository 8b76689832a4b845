import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { Outcome, RemoteScript, SshSession } from '../../drivers/ssh/types.ts';

/** A session that runs scripts on this machine, for tests without a network. `path` goes before PATH: folders with stand-ins. */
export function localSession(options: { path?: string; onStream?: (child: ChildProcess) => void } = {}): SshSession {
  const env = { ...process.env, ...(options.path === undefined ? {} : { PATH: `${options.path}:${process.env['PATH'] ?? ''}` }) };
  const start = ({ script, args = [] }: RemoteScript): ChildProcess =>
    spawn('/bin/sh', ['-c', script, 'sh', ...args], { env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const kill = (child: ChildProcess): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    } catch {
      // It has ended by itself.
    }
  };
  const ending = (child: ChildProcess, asked: () => boolean): Promise<Outcome<{ readonly exitCode: number }>> =>
    new Promise((resolve) => {
      child.once('close', (code) => {
        if (asked() || code === null)
          resolve({
            outcome: 'unknown',
            problem: { code: 'ssh-connection-lost', message: 'The stand-in’s connection was lost.', retryable: true },
          });
        else resolve({ outcome: 'done', exitCode: code });
      });
    });

  const parts: Partial<SshSession> = {
    async exec(script, { input, maxBytes = 4 * 1024 * 1024 } = {}) {
      const child = start(script);
      const out: Buffer[] = [];
      const err: Buffer[] = [];
      child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
      child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input);
      const end = await ending(child, () => false);
      if (end.outcome !== 'done')
        return { outcome: 'unknown', problem: end.problem ?? { code: 'outcome-unknown', message: 'ended', retryable: false } };
      const stdout = Buffer.concat(out);
      return {
        outcome: 'done',
        exitCode: end.exitCode,
        stdout: stdout.subarray(0, maxBytes),
        stderr: Buffer.concat(err),
        truncated: stdout.length > maxBytes,
        durationMs: 1,
      };
    },
    async stream(script, { signal } = {}) {
      const child = start(script);
      options.onStream?.(child);
      let asked = false;
      const close = (): void => {
        asked = true;
        kill(child);
      };
      signal?.addEventListener('abort', close, { once: true });
      if (child.stdin === null || child.stdout === null || child.stderr === null) throw new Error('no pipes');
      return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, ended: ending(child, () => asked), close };
    },
  };
  return parts as SshSession;
}
