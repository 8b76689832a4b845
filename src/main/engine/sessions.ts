import type { PreflightItem } from '../../contract/runs.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import { plainLine } from './words.ts';

/**
 * Lists what may be a person at work: `ssh PID ACCOUNT@TTY` for each session of an SSH server (its title says so), `login ACCOUNT TTY` for
 * each line of `who`, and `self PID` for this script's own ancestors. Reads only. What an account may not see of others is not listed.
 */
const sessionsScript = `set -u
pid=$$
while [ -n "$pid" ] && [ "$pid" -gt 1 ] 2>/dev/null; do
  printf 'self %s\\n' "$pid"
  pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
done
grep -asE '^sshd(-session)?: [^ ]+@' /proc/[0-9]*/cmdline 2>/dev/null | tr '\\000' ' ' |
  sed -n 's|^/proc/\\([0-9]*\\)/cmdline:sshd[-a-z]*: \\([^ ]*@[^ ]*\\).*|ssh \\1 \\2|p' | head -n 200
who 2>/dev/null | sed -n 's/^\\([^ ]*\\) *\\([^ ]*\\).*/login \\1 \\2/p' | head -n 200
[ -r /proc/self/status ] && echo seen
exit 0
`;

interface Other {
  readonly account: string;
  readonly tty: string;
}

/** Sessions of others, from the script's lines; a session with a terminal is in both lists and counts once. */
export function otherSessions(stdout: string): { others: Other[]; seen: boolean } {
  const lines = stdout.split('\n').map((line) => line.split(' '));
  const own = new Set(lines.filter(([kind]) => kind === 'self').map(([, pid]) => pid));
  const ssh = lines.flatMap(([kind, pid, who = '']) => {
    const at = who.lastIndexOf('@');
    return kind === 'ssh' && !own.has(pid) ? [{ account: who.slice(0, at), tty: who.slice(at + 1) }] : [];
  });
  const terminals = new Set(ssh.map(({ tty }) => tty));
  const logins = lines.flatMap(([kind, account = '', tty = '']) =>
    kind === 'login' && !terminals.has(tty) && tty !== '' ? [{ account, tty }] : [],
  );
  return { others: [...ssh, ...logins], seen: lines.some(([kind]) => kind === 'seen') };
}

/** Who else is connected to the host: for information, it never stops a run. */
export async function sessionsVerdict(session: SshSession): Promise<Omit<PreflightItem, 'id' | 'title'>> {
  const outcome = await session.exec({ script: sessionsScript }, { timeoutMs: 10_000 });
  const { others, seen } = outcome.outcome === 'done' ? otherSessions(outcome.stdout.toString('utf8')) : { others: [], seen: false };
  if (!seen && others.length === 0)
    return { verdict: 'warn', detail: 'Who else is connected could not be seen. Ask before you change it.' };
  if (others.length === 0) return { verdict: 'pass', detail: 'No other session was seen, as far as this account may see.' };
  const counts = new Map<string, number>();
  for (const { account } of others) counts.set(account, (counts.get(account) ?? 0) + 1);
  const names = [...counts].map(([account, n]) => (n === 1 ? account : `${account} (${n})`)).join(', ');
  return {
    verdict: 'pass',
    detail: `${others.length} other ${others.length === 1 ? 'session' : 'sessions'} on this host: ${plainLine(names, 300)}. For information only.`,
  };
}
