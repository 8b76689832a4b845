import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Owner } from './types.ts';

/** When a process started, as its system tells it; undefined when there is no such process (or it only waits to be reaped). */
function processStart(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      // Behind the last parenthesis: a process may have spaces and parentheses in its name.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
      return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${fields[19]}`;
    } catch {
      return undefined;
    }
  }
  if (process.platform === 'win32') {
    try {
      process.kill(pid, 0);
      return 'running';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'running' : undefined;
    }
  }
  try {
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() ||
      undefined
    );
  } catch {
    return undefined;
  }
}

/** Names this host instance within this process. */
export function thisOwner(): Owner {
  return { instance: randomUUID(), pid: process.pid, processStart: processStart(process.pid) ?? 'unknown' };
}

/** True while the process that drives a run exists. A number that was given to another process since does not count. */
export function ownerLives(owner: Owner): boolean {
  return processStart(owner.pid) === owner.processStart;
}
