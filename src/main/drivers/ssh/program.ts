import { randomBytes } from 'node:crypto';
import { shellQuote, shellQuoteAll } from './quote.ts';
import type { RemoteScript } from './types.ts';

/** A script made ready to send: the constant command line, the bytes for stdin, and the mark that proves its end. */
export interface RemoteProgram {
  /** The exec request. Holds one number and nothing else that varies. */
  readonly command: string;
  /** First bytes on stdin. */
  readonly head: Buffer;
  /** Appears once on stdout, on a line before all else of the script; and once on stderr, followed by a space, the exit code and a line feed. */
  readonly mark: string;
}

// Why so (docs/adr/0004): the login shell may be no POSIX shell, so its command line is a constant it cannot misread;
// the program comes on stdin by its byte count, and what follows it is left for the script to read. dd with bs=1 never
// takes a byte too many, which neither `sh -s` of dash nor `head -c` of busybox can promise. The program is known to be
// whole before a word of it runs: a connection cut in its middle runs nothing, because `${#…}` is compared first.
const bootstrap = (bytes: number): string =>
  `exec /bin/sh -c 'LC_ALL=C; p=$(dd bs=1 count=${bytes} 2>/dev/null); test \${#p} -eq ${bytes} || exit 97; unset LC_ALL; eval "$p"'`;

/** Runs the script in a subshell so that neither `exit` nor `set -e` in it can keep the mark from being written. */
const body = (script: RemoteScript): string => `set -- ${shellQuoteAll(script.args ?? [])}\neval ${shellQuote(script.script)}`;

/** For short commands: the script's stdin is what follows the program. */
export function execProgram(script: RemoteScript): RemoteProgram {
  const mark = newMark();
  return program(mark, `printf '%s\\n' ${mark}\n(\n${body(script)}\n)\nprintf '%s %d\\n' ${mark} "$?" >&2`);
}

/** The first line of a stream's stdin after the program: what is to come. */
export const streamModes = { pipe: 'p\n', finish: 'q\n' } as const;

/**
 * For long-lived commands. A watcher reads one mode line: `p` pipes what follows to the script, `q` ends in peace, and
 * an end of stdin with neither (closed, or the connection dropped) ends the whole process group: no tail is left behind
 * on the host, not even a silent one that would never meet a broken pipe.
 */
export function streamProgram(script: RemoteScript): RemoteProgram {
  const mark = newMark();
  return program(
    mark,
    `printf '%s\\n' ${mark}\nexec 3<&0\n{ m=; IFS= read -r m <&3; case $m in p) exec cat <&3;; q) exit 0;; *) trap '' TERM; kill -TERM 0; exit 0;; esac; } | {\n(\nexec 3<&-\n${body(script)}\n)\nprintf '%s %d\\n' ${mark} "$?" >&2\n}`,
  );
}

function program(mark: string, text: string): RemoteProgram {
  // The shell drops trailing line feeds of `$(…)`; there must be none for the count to hold. NUL cannot be carried.
  const head = Buffer.from(text.replace(/\n+$/, ''), 'utf8');
  if (head.includes(0)) throw new TypeError('a remote script cannot contain a NUL byte');
  return { command: bootstrap(head.length), head, mark };
}

function newMark(): string {
  return `quarterdeck-${randomBytes(16).toString('hex')}`;
}
