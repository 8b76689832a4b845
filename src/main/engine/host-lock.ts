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
  /** The account of the host that made it: only that one, or root, can remove it. */
  readonly account: string;
  /** What a mutating script is fenced with: number, nonce, and where the lock stands. Opaque. */
  readonly fence: string;
}

/** The lock as it stands. */
export interface LockState {
  readonly holder: LockHolder | undefined;
  /** Where it stands on the host. */
  readonly place: string;
  /** False when the host has no folder that all accounts share: then other accounts' locks are not seen. */
  readonly shared: boolean;
}

/**
 * One constant script for every verb. `mkdir` is what is atomic; the fencing number only ever goes up; giving back is one
 * rename, so that nobody sees half a lock. Exit codes: 0 free or done, 10 held by another, 11 not ours any more, 12 made by another
 * account, 20 not writable, 21 something that is no lock stands there.
 *
 * All accounts must look at one place, so it is chosen by what all of them see alike: the first of `/var/tmp` (it outlives a reboot),
 * `/run/lock`, `/tmp` that is a real folder of root's, writable for everyone and sticky. Such a folder is hostile ground: anyone may make
 * the lock first (then they are seen to hold it), but nobody can replace or change another's, and a link in its place is refused. A lock is
 * believed to be ours only when our account made it. The name it is moved to before it is removed can't be foreseen.
 */
const lockScript = `set -uf
umask 077
verb=$1 run=$2 operator=$3 at=$4 nonce=$5 gone=$6 known=$7
state="\${XDG_STATE_HOME:-$HOME/.local/state}/quarterdeck"
common() {
  [ -d "$1" ] && [ ! -L "$1" ] && [ -w "$1" ] || return 1
  set -- $(ls -ldn "$1" 2>/dev/null)
  case "\${1:-}" in drwxrwxrwt*) [ "\${3:-}" = 0 ] ;; *) return 1 ;; esac
}
shared=yes
if [ -n "$known" ]; then lock=$known
elif [ -n "\${QUARTERDECK_LOCK_DIR:-}" ]; then
  if [ ! -d "$QUARTERDECK_LOCK_DIR" ] || [ -L "$QUARTERDECK_LOCK_DIR" ]; then
    echo "QUARTERDECK_LOCK_DIR ($QUARTERDECK_LOCK_DIR) is no folder." >&2
    exit 20
  fi
  lock=$QUARTERDECK_LOCK_DIR/quarterdeck.lock
elif common /var/tmp; then lock=/var/tmp/quarterdeck.lock
elif common /run/lock; then lock=/run/lock/quarterdeck.lock
elif common /tmp; then lock=/tmp/quarterdeck.lock
else shared=no lock=$state/lock
fi
if [ -L "$lock" ] || { [ -e "$lock" ] && [ ! -d "$lock" ]; }; then
  echo "What stands at $lock is no lock. Find out who put it there, and remove it." >&2
  exit 21
fi
readable() { [ -f "$lock/owner" ] && [ ! -L "$lock/owner" ]; }
field() { readable && head -c 2000 "$lock/owner" 2>/dev/null | sed -n "s/^$1=//p" | head -n 1; }
account() { set -- $(ls -ld "$lock" 2>/dev/null); printf '%s' "\${3:-}"; }
tell() {
  readable && head -c 2000 "$lock/owner" 2>/dev/null
  printf '\\nplace=%s\\nshared=%s\\naccount=%s\\n' "$lock" "$shared" "$(account)"
}
drop() { mv "$lock" "$lock.gone.$gone" && rm -rf "$lock.gone.$gone"; }
case "$verb" in
  read)
    tell
    [ -d "$lock" ] || exit 0
    exit 10 ;;
  acquire)
    mkdir -p "$state" || exit 20
    made=no
    if (umask 022 && mkdir "$lock" 2>/dev/null); then made=yes
    elif [ ! -d "$lock" ]; then
      echo "The lock could not be made at $lock." >&2
      exit 20
    elif [ ! -O "$lock" ] || [ "$(field run)" != "$run" ]; then tell; exit 10
    fi
    n=$(cat "$state/fence" 2>/dev/null)
    case "$n" in '' | *[!0-9]*) n=0 ;; esac
    n=$((n + 1))
    if printf '%s\\n' "$n" >"$state/fence.new" && mv -f "$state/fence.new" "$state/fence" &&
      (umask 022 && printf 'run=%s\\noperator=%s\\nat=%s\\ntoken=%s-%s\\n' "$run" "$operator" "$at" "$n" "$nonce" >"$lock/owner.new") &&
      mv -f "$lock/owner.new" "$lock/owner"; then
      tell
      exit 0
    fi
    [ $made = yes ] && rm -rf "$lock"
    exit 20 ;;
  check)
    [ -O "$lock" ] && [ "$(field token)" = "$nonce" ] && exit 0
    tell
    exit 11 ;;
  release)
    if [ ! -O "$lock" ] || [ "$(field token)" != "$nonce" ]; then tell; exit 11; fi
    drop || exit 20 ;;
  break)
    [ -d "$lock" ] || exit 0
    [ "$(field run)" = "$run" ] || { tell; exit 10; }
    [ -O "$lock" ] || [ "$(id -u)" = 0 ] || { tell; exit 12; }
    drop || exit 20 ;;
esac
`;

/**
 * What every mutating script begins with: it refuses to act (exit 97) when the lock at the place where it was taken does not bear the token
 * given first, or was made by another account. The place is part of the fence: nothing is looked for, so nothing can be found elsewhere.
 */
const fencePrelude = `fence=$1
shift
lock=\${fence#*@}
held=
if [ -d "$lock" ] && [ ! -L "$lock" ] && [ -O "$lock" ] && [ -f "$lock/owner" ] && [ ! -L "$lock/owner" ]; then
  held=$(sed -n 's/^token=//p' "$lock/owner" 2>/dev/null | head -n 1)
fi
if [ -z "$fence" ] || [ -z "$held" ] || [ "$held@$lock" != "$fence" ]; then
  echo 'The lock on this host is not held by this run any more.' >&2
  exit 97
fi
`;

/** Exit code of a script that found the lock in other hands: nothing was done. */
export const FENCED_OUT = 97;

/** Puts the fence before a constant script; its own arguments follow it. `fence` is {@link LockHolder.fence}. */
export function fencedScript(script: string, fence: string, args: readonly string[]): RemoteScript {
  return { script: `${fencePrelude}${script}`, args: [fence, ...args] };
}

const safe = (text: string) => plainLine(text, 120);

function parseState(stdout: Buffer, held: boolean): LockState {
  // The last of each name: what the script itself says comes after what the holder wrote.
  const fields = new Map(
    stdout
      .toString('utf8')
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const),
  );
  const text = (name: string) => safe(fields.get(name) ?? '');
  const at = Number(fields.get('at'));
  const place = plainLine(fields.get('place') ?? '', 1100);
  const holder: LockHolder = {
    runId: text('run'),
    operator: text('operator'),
    at: Number.isSafeInteger(at) && at > 0 ? at : null,
    account: text('account'),
    fence: `${text('token')}@${place}`,
  };
  return { holder: held ? holder : undefined, place, shared: fields.get('shared') === 'yes' };
}

const parseHolder = (stdout: Buffer): LockHolder => parseState(stdout, true).holder as LockHolder;

/** Who holds it since when, in words. */
export function holderText(holder: LockHolder): string {
  const since = holder.at === null ? '' : ` since ${new Date(holder.at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return holder.runId === ''
    ? `The lock is there, but who took it was not written. It was made by the account ${holder.account}.`
    : `Held by ${holder.operator}${since} (run ${holder.runId}, account ${holder.account}).`;
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
  args: { runId?: string; operator?: string; at?: number; token?: string; place?: string },
): Promise<{ code: number; stdout: Buffer; stderr: string }> {
  const gone = randomBytes(12).toString('hex');
  const outcome: ExecOutcome = await session.exec(
    {
      script: lockScript,
      args: [verb, args.runId ?? '', safe(args.operator ?? ''), String(args.at ?? 0), args.token ?? '', gone, args.place ?? ''],
    },
    { timeoutMs: 15_000 },
  );
  if (outcome.outcome !== 'done') throw Problem.from(outcome.problem);
  return { code: outcome.exitCode, stdout: outcome.stdout, stderr: outcome.stderr.toString('utf8') };
}

const trouble = (verb: string, answer: { code: number; stderr: string }) =>
  new Problem(
    'remote-command-failed',
    `The lock on the host could not be ${verb} (exit ${answer.code}): ${plainLine(answer.stderr, 300)}`,
    { hint: 'Check free space and permissions of /var/tmp and ~/.local/state on the host. Nothing was changed.' },
  );

/** The token and the place that a fence names. */
function split(fence: string): { token: string; place: string } {
  const at = fence.indexOf('@');
  return { token: fence.slice(0, at), place: fence.slice(at + 1) };
}

/** How the lock stands. Reads only. */
export async function readLockState(session: SshSession): Promise<LockState> {
  const answer = await call(session, 'read', {});
  if (answer.code === 0 || answer.code === 10) return parseState(answer.stdout, answer.code === 10);
  throw trouble('read', answer);
}

/** Who holds the lock; undefined when it is free. Reads only. */
export async function readLock(session: SshSession): Promise<LockHolder | undefined> {
  return (await readLockState(session)).holder;
}

/** Takes the lock, or takes it over when the same run holds it (with a higher fencing number). @throws Problem `host-locked` */
export async function acquireLock(session: SshSession, owner: { runId: string; operator: string; at: number }): Promise<LockHolder> {
  const answer = await call(session, 'acquire', { ...owner, token: randomBytes(9).toString('hex') });
  if (answer.code === 0) return parseHolder(answer.stdout);
  if (answer.code === 10) throw lockedBy(parseHolder(answer.stdout));
  throw trouble('taken', answer);
}

/** @throws Problem `host-locked` when the fence is not the one on the host any more */
export async function checkLock(session: SshSession, fence: string): Promise<void> {
  const answer = await call(session, 'check', split(fence));
  if (answer.code === 11) throw lockedBy(parseHolder(answer.stdout));
  if (answer.code !== 0) throw trouble('checked', answer);
}

/** Gives it back; false when it was not ours any more. */
export async function releaseLock(session: SshSession, fence: string): Promise<boolean> {
  const answer = await call(session, 'release', split(fence));
  if (answer.code !== 0 && answer.code !== 11) throw trouble('given back', answer);
  return answer.code === 0;
}

/** Removes the lock of a run that will not come back. @throws Problem `host-locked` when another run holds it by now, or another account made it */
export async function breakLock(session: SshSession, runId: string): Promise<void> {
  const answer = await call(session, 'break', { runId });
  if (answer.code === 10) throw lockedBy(parseHolder(answer.stdout));
  if (answer.code === 12) {
    const { account } = parseHolder(answer.stdout);
    throw new Problem('host-locked', `The lock was made by the account ${account}, and only that account or root can remove it.`, {
      hint: `Ask its operator, or connect as ${account} or root. Nothing was changed.`,
    });
  }
  if (answer.code !== 0) throw trouble('removed', answer);
}
