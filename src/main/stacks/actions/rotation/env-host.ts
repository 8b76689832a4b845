import { createHash } from 'node:crypto';
import { Problem } from '../../../../contract/problem.ts';
import type { ActionContext, ActionOutcome } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import type { Meanings } from '../job.ts';
import { mustRun } from '../job.ts';

/** An environment file as it was read. `text` has one character for each byte, so that no byte is lost on the way back. */
export interface HostFile {
  readonly text: string;
  readonly sha256: string;
  readonly mode: string;
  readonly owner: string;
  /** A new file under its name would not be seen by all who use it: it is mounted as one file, or has other names. */
  readonly pinned: '' | 'mounted' | 'linked';
  /** What an earlier, interrupted write left beside it. */
  readonly left: boolean;
}

const LIMIT = 262_144;

const prelude = `real=$(readlink -f -- "$1") && [ -f "$real" ] || exit 31
tmp=$real.quarterdeck-new
old_link=$real.quarterdeck-old
`;

/** Facts, a line \`---\`, then the bytes. \`$2\`: another file beside it to read instead (the copy from before a write in place). */
const readScript = `${prelude}
[ -r "$real" ] || exit 36
links=$(stat -c %h -- "$real") || exit 39
[ "$old_link" -ef "$real" ] && links=$((links - 1))
echo "meta=$(stat -c '%a %u:%g' -- "$real")"
[ -e "$tmp" ] || [ -e "$old_link" ] && echo left=yes
[ "$links" -gt 1 ] && echo pinned=linked
if [ -r /proc/self/mountinfo ]; then
  esc=$(printf '%s' "$real" | sed 's/\\\\/\\\\134/g; s/ /\\\\040/g; s/\t/\\\\011/g')
  own=$(P=$esc awk '{ m = $5; p = ENVIRON["P"]
    if (m == "/" || p == m || index(p, m "/") == 1) if (length(m) >= length(best)) { best = m; dev = $3; root = $4 } }
    END { if (best == p) print "self"; else print dev " " (root == "/" ? "" : root) (best == "/" ? p : substr(p, length(best) + 1)) }' /proc/self/mountinfo)
  if [ "$own" = self ]; then echo pinned=mounted
  elif cat /proc/[0-9]*/mountinfo 2>/dev/null | O=$own awk '{ if (($3 " " $4) == ENVIRON["O"]) { found = 1; exit } } END { exit !found }'; then echo pinned=mounted
  fi
fi
file=$real
[ -n "$2" ] && file=$(dirname -- "$real")/$(basename -- "$real").before-$2
[ -r "$file" ] || exit 36
[ "$(wc -c <"$file")" -le ${LIMIT} ] || exit 37
echo ---
cat -- "$file"
`;

/**
 * \`$1\` path, \`$2\` and \`$3\` SHA-256 of what is there and of what comes, \`$4\` \`rename\` or \`in-place\`, \`$5\` name of the copy from before; stdin: the
 * new bytes. They are whole on the disk before anything is touched; what replaces the file has its owner, group and mode. Between the last
 * comparison and the rename somebody may still write into the old file: it is kept under a second name for that moment and looked at again.
 */
const writeScript = `${prelude}
old=$2 new=$3 way=$4 keep=$5
hash() { if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1" | cut -c1-64; else openssl dgst -sha256 <"$1" | sed 's/.*[ =]//'; fi; }
flush() { sync "$1" 2>/dev/null || sync; }
give_up() { rm -f "$tmp" "$old_link"; exit "$1"; }
fill() { dd if="$1" of="$real" bs=65536 conv=notrunc 2>/dev/null && dd if=/dev/null of="$real" bs=1 seek="$(wc -c <"$1")" count=0 2>/dev/null && flush "$real"; }
umask 077
rm -f "$tmp" "$old_link"
cat >"$tmp" && flush "$tmp" && [ "$(hash "$tmp")" = "$new" ] || give_up 33
now=$(hash "$real")
[ "$now" = "$new" ] && { rm -f "$tmp"; echo already=yes; exit 0; }
[ "$now" = "$old" ] || give_up 32
if [ "$way" = rename ]; then
  meta=$(stat -c '%a %u:%g' -- "$real") || give_up 39
  [ "$(stat -c %u:%g -- "$tmp")" = "\${meta#* }" ] || chown -- "\${meta#* }" "$tmp" 2>/dev/null || give_up 34
  chmod -- "\${meta%% *}" "$tmp" && [ "$(stat -c '%a %u:%g' -- "$tmp")" = "$meta" ] || give_up 34
  ln -- "$real" "$old_link" || give_up 35
  [ "$(hash "$real")" = "$old" ] || give_up 32
  mv -f -- "$tmp" "$real" || give_up 35
  flush "$(dirname -- "$real")"
  if [ "$(hash "$old_link")" != "$old" ]; then mv -f -- "$old_link" "$real"; exit 32; fi
  rm -f -- "$old_link"
else
  [ -w "$real" ] || give_up 38
  before=$(dirname -- "$real")/$(basename -- "$real").before-$keep
  rm -f -- "$before.new"
  cat -- "$real" >"$before.new" && flush "$before.new" && [ "$(hash "$before.new")" = "$old" ] || { rm -f -- "$before.new"; give_up 33; }
  mv -f -- "$before.new" "$before" && flush "$(dirname -- "$real")" || give_up 33
  [ "$(hash "$real")" = "$old" ] || give_up 32
  if ! fill "$tmp" || [ "$(hash "$real")" != "$new" ]; then fill "$before"; give_up 33; fi
  rm -f -- "$tmp"
fi
[ "$(hash "$real")" = "$new" ] || exit 40
`;

const cleanScript = `${prelude}
rm -f -- "$tmp" "$old_link"
`;

const meanings: Meanings = {
  31: 'the environment file is not on the host',
  32: 'somebody else changed the environment file since it was read; it was left as they wrote it',
  33: 'the new environment file could not be written whole; the old one is unchanged',
  34: 'the new file could not be given the owner and mode of the old one; nothing was changed',
  35: 'the new file could not be put in the place of the old one; nothing was changed',
  36: 'the environment file can’t be read by this login',
  37: 'the environment file is larger than 256 KiB',
  38: 'the environment file can’t be written by this login; nothing was changed',
  39: 'the host has no stat that tells owner and mode',
  40: 'the environment file was written, and holds something else now',
};

const hash = (text: string) => createHash('sha256').update(Buffer.from(text, 'latin1')).digest('hex');

export { hash as textHash };

/** Reads it; `before`: the copy from before a write in place, by its name. @throws Problem */
export async function readHostFile(context: ActionContext, path: string, before = ''): Promise<HostFile> {
  const session = await context.session();
  const end = await session.exec(
    { script: readScript, args: [path, before] },
    { timeoutMs: 20_000, maxBytes: LIMIT + 4096, signal: context.signal },
  );
  if (end.outcome !== 'done') throw Problem.from(end.problem);
  if (end.exitCode !== 0)
    throw new Problem(
      end.exitCode === 31 ? 'remote-file-missing' : end.exitCode === 36 ? 'remote-permission-denied' : 'remote-command-failed',
      `${path}: ${meanings[end.exitCode] ?? `it can't be read (exit ${end.exitCode}): ${plainLine(end.stderr.toString('utf8'), 200)}`}.`,
      { hint: 'Check the path of the environment file and the rights of the login.' },
    );
  const cut = end.stdout.indexOf('---\n');
  const head = end.stdout.subarray(0, cut).toString('latin1');
  const text = end.stdout.subarray(cut + 4).toString('latin1');
  const meta = /^meta=([0-7]{3,5}) (\d+:\d+)$/m.exec(head);
  return {
    text,
    sha256: hash(text),
    mode: meta?.[1] ?? '',
    owner: meta?.[2] ?? '',
    pinned: head.includes('pinned=mounted') ? 'mounted' : head.includes('pinned=linked') ? 'linked' : '',
    left: head.includes('left=yes'),
  };
}

/** Swaps the whole file, when it still is `old`, as a job of this step. Undefined when it was seen to be done. */
export async function writeHostFile(
  context: ActionContext,
  write: { path: string; old: string; text: string; way: 'rename' | 'in-place'; keep: string },
): Promise<ActionOutcome | undefined> {
  const result = await mustRun(context, {
    name: 'write',
    script: writeScript,
    args: [write.path, write.old, hash(write.text), write.way, write.keep],
    input: Buffer.from(write.text, 'latin1'),
    meanings,
    hint: 'Look at the file, then plan again.',
  });
  return 'outcome' in result ? result.outcome : undefined;
}

/** Removes what an interrupted write left beside the file. */
export async function cleanHostFile(context: ActionContext, path: string): Promise<ActionOutcome | undefined> {
  const result = await mustRun(context, { name: 'clean', script: cleanScript, args: [path], meanings });
  return 'outcome' in result ? result.outcome : undefined;
}
