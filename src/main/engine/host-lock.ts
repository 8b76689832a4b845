import { randomBytes } from 'node:crypto';
import { Problem } from '../../contract/problem.ts';
import type { ExecOutcome, RemoteScript, SshSession } from '../drivers/ssh/types.ts';
import { plainLine } from './words.ts';

/** Who holds a host's lock. Empty texts: the lock is there, and its holder was not written (yet, or ever). */
export interface LockHolder {
  readonly runId: string;
  readonly operator: string;
  /** Unix milliseconds by the holder's clock. */
  readonly at: number | null;
  readonly token: string;
}

const FOLDER = `dir="\${XDG_STATE_HOME:-$HOME/.local/state}/quarterdeck"`;

/**
 * One constant script for every verb. `mkdir` is what is atomic; the fencing number only ever goes up; giving back is one
 * rename, so that nobody sees half a lock. Exit codes: 0 free or done, 10 held by another, 11 not ours any more, 20 not writable.
 */
const lockScript = `set -u
umask 077
verb=$1 run=$2 operator=$3 at=$4 nonce=$5
${FOLDER}
lock="$dir/lock"
field() { sed -n "s/^$1=//p" "$lock/owner" 2>/dev/null | head -n 1; }
tell() { head -c 2000 "$lock/owner" 2>/dev/null; }
drop() { mv "$lock" "$lock.gone.$$" && rm -rf "$lock.gone.$$"; }
case "$verb" in
  read)
    [ -d "$lock" ] || exit 0
    tell
    exit 10 ;;
  acquire)
    mkdir -p "$dir" || exit 20
    made=no
    if mkdir "$lock" 2>/dev/null; then made=yes
    elif [ ! -d "$lock" ]; then exit 20
    elif [ "$(field run)" != "$run" ]; then tell; exit 10
    fi
    n=$(cat "$dir/fence" 2>/dev/null)
    case "$n" in '' | *[!0-9]*) n=0 ;; esac
    n=$((n + 1))
    if printf '%s\\n' "$n" >"$dir/fence.new" && mv -f "$dir/fence.new" "$dir/fence" &&
      printf 'run=%s\\noperator=%s\\nat=%s\\ntoken=%s-%s\\n' "$run" "$operator" "$at" "$n" "$nonce" >"$lock/owner.new" &&
      mv -f "$lock/owner.new" "$lock/owner"; then
      tell
      exit 0
    fi
    [ $made = yes ] && rm -rf "$lock"
    exit 20 ;;
  check)
    [ "$(field token)" = "$nonce" ] && exit 0
    tell
    exit 11 ;;
  release)
    [ "$(field token)" = "$nonce" ] || { tell; exit 11; }
    drop ;;
  break)
    [ -d "$lock" ] || exit 0
    [ "$(field run)" = "$run" ] || { tell; exit 10; }
    drop ;;
esac
`;

/** What every mutating script begins with: it refuses to act (exit 97) when the host's lock does not bear the token given first. */
const fencePrelude = `fence=$1
shift
${FOLDER}
held=$(sed -n 's/^token=//p' "$dir/lock/owner" 2>/dev/null | head -n 1)
if [ -z "$fence" ] || [ "$held" != "$fence" ]; then
  echo 'The lock on this host is not held by this run any more.' >&2
  exit 97
fi
`;

/** Exit code of a script that found the lock in other hands: nothing was done. */
export const FENCED_OUT = 97;

/** Puts the fence before a constant script; its own arguments follow the token. */
export function fencedScript(script: string, token: string, args: readonly string[]): RemoteScript {
  return { script: `${fencePrelude}${script}`, args: [token, ...args] };
}

const safe = (text: string) => plainLine(text, 120);

function parseHolder(stdout: Buffer): LockHolder {
  const fields = new Map(
    stdout
      .toString('utf8')
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const),
  );
  const at = Number(fields.get('at'));
  return {
    runId: safe(fields.get('run') ?? ''),
    operator: safe(fields.get('operator') ?? ''),
    at: Number.isSafeInteger(at) && at > 0 ? at : null,
    token: safe(fields.get('token') ?? ''),
  };
}

/** Who holds it since when, in words. */
export function holderText(holder: LockHolder): string {
  const since = holder.at === null ? '' : ` since ${new Date(holder.at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return holder.runId === ''
    ? 'The lock is there, but who took it was not written.'
    : `Held by ${holder.operator}${since} (run ${holder.runId}).`;
}

const lockedBy = (holder: LockHolder) =>
  new Problem('host-locked', `Another run holds this host. ${holderText(holder)}`, {
    hint: 'Wait until it has ended, or ask its operator. Nothing was changed.',
    retryable: true,
    detail: { runId: holder.runId, operator: holder.operator, at: holder.at },
  });

async function call(
  session: SshSession,
  verb: string,
  args: { runId?: string; operator?: string; at?: number; token?: string },
): Promise<{ code: number; stdout: Buffer; stderr: string }> {
  const outcome: ExecOutcome = await session.exec(
    { script: lockScript, args: [verb, args.runId ?? '', safe(args.operator ?? ''), String(args.at ?? 0), args.token ?? ''] },
    { timeoutMs: 15_000 },
  );
  if (outcome.outcome !== 'done') throw Problem.from(outcome.problem);
  return { code: outcome.exitCode, stdout: outcome.stdout, stderr: outcome.stderr.toString('utf8') };
}

const trouble = (verb: string, answer: { code: number; stderr: string }) =>
  new Problem(
    'remote-command-failed',
    `The lock on the host could not be ${verb} (exit ${answer.code}): ${plainLine(answer.stderr, 200)}`,
    { hint: 'Check free space and permissions of ~/.local/state on the host.' },
  );

/** Who holds the lock; undefined when it is free. Reads only. */
export async function readLock(session: SshSession): Promise<LockHolder | undefined> {
  const answer = await call(session, 'read', {});
  if (answer.code === 0) return undefined;
  if (answer.code === 10) return parseHolder(answer.stdout);
  throw trouble('read', answer);
}

/** Takes the lock, or takes it over when the same run holds it (with a higher fencing number). @throws Problem `host-locked` */
export async function acquireLock(session: SshSession, owner: { runId: string; operator: string; at: number }): Promise<LockHolder> {
  const answer = await call(session, 'acquire', { ...owner, token: randomBytes(9).toString('hex') });
  if (answer.code === 0) return parseHolder(answer.stdout);
  if (answer.code === 10) throw lockedBy(parseHolder(answer.stdout));
  throw trouble('taken', answer);
}

/** @throws Problem `host-locked` when the token is not the one on the host any more */
export async function checkLock(session: SshSession, token: string): Promise<void> {
  const answer = await call(session, 'check', { token });
  if (answer.code === 11) throw lockedBy(parseHolder(answer.stdout));
  if (answer.code !== 0) throw trouble('checked', answer);
}

/** Gives it back; false when it was not ours any more. */
export async function releaseLock(session: SshSession, token: string): Promise<boolean> {
  const answer = await call(session, 'release', { token });
  if (answer.code !== 0 && answer.code !== 11) throw trouble('given back', answer);
  return answer.code === 0;
}

/** Removes the lock of a run that will not come back. @throws Problem `host-locked` when another run holds it by now */
export async function breakLock(session: SshSession, runId: string): Promise<void> {
  const answer = await call(session, 'break', { runId });
  if (answer.code === 10) throw lockedBy(parseHolder(answer.stdout));
  if (answer.code !== 0) throw trouble('removed', answer);
}
