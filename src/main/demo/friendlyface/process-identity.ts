import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * A word that changes when a process id is used again: the start time in kernel ticks on Linux, the start time `ps` prints
 * elsewhere (in one zone and language, or two askers would read two words). Null when there is no such process (a zombie counts as none). `ffctl` computes the same word in shell.
 */
export function startToken(pid: number): string | null {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name in brackets may hold spaces and brackets; the fields begin after the last one.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
    } catch {
      return null;
    }
  }
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin', TZ: 'UTC', LC_ALL: 'C' },
    }).trim();
    return text === '' ? null : text.replace(/\s+/g, '_');
  } catch {
    return null;
  }
}
