import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sshd } from '../support/sshd.ts';
import { descendants } from '../support/sshd.ts';

/** A detached job as its folder on the host tells. */
export interface RemoteJob {
  readonly key: string;
  /** Leader of the session that all of its processes belong to; undefined until it has begun. */
  readonly runner: number | undefined;
  readonly ended: boolean;
}

const jobsFolder = (sshd: Sshd) => join(sshd.stateHome, 'quarterdeck', 'jobs');

/** Every job of the host, or those whose key begins so. */
export function remoteJobs(sshd: Sshd, prefix = ''): RemoteJob[] {
  const folder = jobsFolder(sshd);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => !name.startsWith('.') && name.startsWith(prefix))
    .map((key) => {
      let runner: number | undefined;
      try {
        runner = Number(readFileSync(join(folder, key, 'runner'), 'utf8').split(' ')[0]) || undefined;
      } catch {
        // It has not begun.
      }
      return { key, runner, ended: existsSync(join(folder, key, 'exit')) };
    });
}

/** Processes of a session, from /proc. What a job started as a daemon has a session of its own, and is not the job's any more. */
function sessionOf(leader: number): number[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const [state, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(session) === leader && state !== 'Z' && state !== 'X' ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}

/** True while anything of a job lives. */
export const jobLives = (job: RemoteJob): boolean => !job.ended && job.runner !== undefined && sessionOf(job.runner).length > 0;

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself just now.
  }
}

/** Kills what lives of the jobs whose key begins so: the runner first, so that it writes no end. */
export function killJobs(sshd: Sshd, prefix: string): void {
  for (const { runner, ended } of remoteJobs(sshd, prefix)) {
    if (runner === undefined || ended) continue;
    const session = sessionOf(runner);
    for (const pid of [runner, ...session.filter((one) => one !== runner)]) if (session.includes(pid)) kill(pid);
  }
}

/** Kills the server's processes that serve the open connections: a step without a job has no other helper there. */
export function killServing(sshd: Sshd): void {
  const listener = Number(readFileSync(join(sshd.dir, 'pid'), 'utf8'));
  for (const { pid, name } of descendants(listener)) if (name.startsWith('sshd')) kill(pid);
}
