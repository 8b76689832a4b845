import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { constants, userInfo } from 'node:os';
import type { ServerChannel } from 'ssh2';
import type { Layout } from './friendlyface/layout.ts';

/** The environment of a command on the demo host: nothing of the app's own. */
export function execEnvironment(layout: Layout, user: string): Record<string, string> {
  return {
    HOME: layout.home,
    PATH: `${layout.bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
    SHELL: '/bin/sh',
    USER: user,
    LOGNAME: user,
    TMPDIR: layout.tmp,
    // The demo is a host of its own: its lock is not this laptop's.
    QUARTERDECK_LOCK_DIR: layout.tmp,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
  };
}

/** The name the demo's commands really run under. */
export const realUser = () => userInfo().username;

/** The signals RFC 4254 can name; ssh2 throws on any other. */
const namedSignals = new Set(
  ['ABRT', 'ALRM', 'FPE', 'HUP', 'ILL', 'INT', 'KILL', 'PIPE', 'QUIT', 'SEGV', 'TERM', 'USR1', 'USR2'].map((name) => `SIG${name}`),
);

/**
 * Runs the commands of the demo's sessions. Honest limit: without a container a shell cannot be confined, so these commands
 * run as the user's own account, in the scratch folder's home and with a clean environment — but they could reach what the
 * user can reach. Only SFTP and forwarding are confined.
 */
export function createExec(layout: Layout, user: string) {
  const running = new Set<ChildProcess>();

  /** Signals the command and everything it started in its process group. */
  function signal(child: ChildProcess, name: NodeJS.Signals): void {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // It ended between the look and the signal.
    }
  }

  return {
    /** Starts a command on a channel; the returned function passes a signal on. */
    run(channel: ServerChannel, command: string): (name: NodeJS.Signals) => void {
      const child = spawn('/bin/sh', ['-c', command], {
        cwd: layout.home,
        env: execEnvironment(layout, user),
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      running.add(child);
      child.on('error', (error) => {
        running.delete(child);
        channel.stderr.write(`${error.message}\n`);
        channel.exit(127);
        channel.end();
      });
      // A command may end without reading its input, or go on without anyone reading its output: neither is an error here.
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined);
      channel.on('error', () => undefined);
      channel.pipe(child.stdin);
      child.stdout.pipe(channel, { end: false });
      child.stderr.pipe(channel.stderr, { end: false });
      child.on('exit', () => running.delete(child));
      child.on('close', (code, name) => {
        if (code !== null) channel.exit(code);
        else if (name !== null && namedSignals.has(name)) channel.exit(name.slice(3));
        // The protocol has no name for it; a shell would say it so.
        else if (name !== null) channel.exit(128 + (constants.signals[name] ?? 0));
        channel.end();
      });
      // As with a real sshd without a terminal, the command outlives a dropped connection and only loses its pipes.
      channel.on('close', () => {
        child.stdin.destroy();
        child.stdout.destroy();
        child.stderr.destroy();
      });
      return (name) => signal(child, name);
    },

    /** Ends every command still running: politely, and after two seconds for good. */
    async close(): Promise<void> {
      await Promise.all(
        [...running].map(async (child) => {
          const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
          signal(child, 'SIGTERM');
          const timer = setTimeout(() => signal(child, 'SIGKILL'), 2000);
          await ended;
          clearTimeout(timer);
        }),
      );
    },
  };
}
