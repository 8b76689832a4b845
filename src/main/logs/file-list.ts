import { Problem } from '../../contract/problem.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import { read } from './remote.ts';
import { LIST_FILES } from './scripts.ts';

/** One file of a source: the current one, or one that was rotated away. */
export interface LogFile {
  readonly path: string;
  readonly inode: string;
  readonly size: number;
  /** Unix seconds. */
  readonly modified: number;
  readonly current: boolean;
  readonly packed: boolean;
}

const PACKED = /\.(gz|bz2|xz|zst|lz4|Z)$/;

/** Newer first by name where times are equal: `.1` before `.2`, a later date before an earlier one. */
function byAge(base: string): (a: LogFile, b: LogFile) => number {
  const number = ({ path }: LogFile): number | undefined => {
    const rest = path.startsWith(base) ? path.slice(base.length).replace(PACKED, '') : '';
    return /^\.\d{1,4}$/.test(rest) ? Number(rest.slice(1)) : undefined;
  };
  return (a, b) => {
    if (a.current !== b.current) return a.current ? -1 : 1;
    const [one, two] = [number(a), number(b)];
    if (one !== undefined && two !== undefined && one !== two) return one - two;
    return b.modified - a.modified || (a.path < b.path ? 1 : -1);
  };
}

/** Reads what {@link LIST_FILES} tells. Newest first; the current file, where there is one, at the head. */
export function parseFileList(text: string, base: string): LogFile[] {
  const files = text.split('\n').flatMap((line): LogFile[] => {
    const match = /^(current|rotated) (\d{1,20}) (\d{1,16}) (\d{1,12}) (\/.*)$/.exec(line);
    if (match === null) return [];
    const [, role, inode = '', size, modified, path = ''] = match;
    return [{ path, inode, size: Number(size), modified: Number(modified), current: role === 'current', packed: PACKED.test(path) }];
  });
  // A file that two patterns meet, or a hard link, is one file.
  return [...new Map(files.map((file) => [file.inode, file])).values()].sort(byAge(base));
}

/** The files of a source as they are now. @throws Problem `remote-permission-denied`, `not-supported` */
export async function listFiles(session: SshSession, path: string, signal: AbortSignal): Promise<LogFile[]> {
  const { stdout } = await read(session, { script: LIST_FILES, args: [path] }, { what: `The log ${path}`, signal });
  const text = stdout.toString('utf8');
  if (text.startsWith('denied'))
    throw new Problem('remote-permission-denied', `The log ${path} can't be read by this SSH user.`, {
      hint: 'Add the user to the group that may read it.',
    });
  if (text.startsWith('folder'))
    throw new Problem('not-supported', `${path} is a folder, not a log file.`, {
      hint: 'Correct the path of the log in this environment.',
    });
  return parseFileList(text, path);
}
