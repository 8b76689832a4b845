import type { Attributes, SFTPWrapper, Stats } from 'ssh2';
import { Problem } from '../../../contract/problem.ts';
import { cleanText } from '../text.ts';
import type { Lifeline } from './lifeline.ts';
import { reasonOf } from './problems.ts';

/** The SFTP calls that are used, as promises that a dropped connection rejects at once. */
export interface Sftp {
  open(path: string, flags: 'r' | 'w' | 'r+', attributes?: { mode: number }): Promise<Buffer>;
  close(handle: Buffer): Promise<void>;
  stat(path: string): Promise<Stats | undefined>;
  lstat(path: string): Promise<Stats | undefined>;
  fstat(handle: Buffer): Promise<Stats>;
  fsetstat(handle: Buffer, attributes: { mode?: number; size?: number }): Promise<void>;
  readdir(path: string): Promise<{ filename: string; attrs: Attributes }[]>;
  /** Reads up to the buffer's length; fewer bytes mean the end of the file. */
  read(handle: Buffer, into: Buffer, position: number): Promise<number>;
  write(handle: Buffer, bytes: Buffer, position: number): Promise<void>;
  /** Syncs to disk; false when the server cannot. */
  fsync(handle: Buffer): Promise<boolean>;
  /** Renames over an existing file; false when the server cannot. */
  renameOver(from: string, to: string): Promise<boolean>;
}

type Callback<T> = (error: Error | null | undefined, value: T) => void;
type Plain = (error?: Error | null) => void;

/** Wraps a channel. `where` names the host in messages. */
export function wrapSftp(raw: SFTPWrapper, lifeline: Lifeline, where: string): Sftp {
  raw.on('error', () => undefined);
  const call = <T>(path: string, start: (done: Callback<T>) => void): Promise<T> =>
    lifeline.guard<T>((resolve, reject) =>
      start((error, value) => {
        if (error === undefined || error === null) resolve(value);
        else reject(asProblem(error, path, where));
      }),
    );
  const absent = (error: unknown): undefined => {
    if (error instanceof Problem && error.code === 'remote-file-missing') return undefined;
    throw error;
  };
  const optional = async (start: Promise<unknown>): Promise<boolean> => {
    try {
      await start;
      return true;
    } catch (error) {
      const cause: unknown = error instanceof Error ? (error.cause ?? error) : error;
      if (
        cause instanceof Error &&
        (/does not support this extended request/.test(cause.message) || (cause as { code?: unknown }).code === 8)
      )
        return false;
      throw error;
    }
  };
  return {
    open: (path, flags, attributes) =>
      call(path, (done) => (attributes === undefined ? raw.open(path, flags, done) : raw.open(path, flags, attributes as never, done))),
    close: (handle) => call('', (done) => raw.close(handle, done as Plain)),
    stat: (path) => call<Stats>(path, (done) => raw.stat(path, done)).catch(absent),
    lstat: (path) => call<Stats>(path, (done) => raw.lstat(path, done)).catch(absent),
    fstat: (handle) => call('', (done) => raw.fstat(handle, done)),
    fsetstat: (handle, attributes) => call('', (done) => raw.fsetstat(handle, attributes as never, done as Plain)),
    readdir: (path) => call(path, (done) => raw.readdir(path, done as never)),
    read: (handle, into, position) =>
      lifeline.guard((resolve, reject) =>
        raw.read(handle, into, 0, into.length, position, (error: Error | undefined, count: number) => {
          // 1 is SSH_FX_EOF.
          if (error !== undefined && error !== null && (error as { code?: unknown }).code !== 1) reject(asProblem(error, '', where));
          else resolve(count ?? 0);
        }),
      ),
    write: (handle, bytes, position) => call('', (done) => raw.write(handle, bytes, 0, bytes.length, position, done as Plain)),
    fsync: (handle) => optional(call('', (done) => raw.ext_openssh_fsync(handle, done as never))),
    renameOver: (from, to) => optional(call(to, (done) => raw.ext_openssh_rename(from, to, done as Plain))),
  };
}

/** SFTP status codes (draft-ietf-secsh-filexfer-02, section 7) in words. */
function asProblem(error: Error, path: string, where: string): Problem {
  const code = (error as { code?: unknown }).code;
  const file = path === '' ? `A file on ${where}` : `${cleanText(path, { maxLength: 500 })} on ${where}`;
  const detail = path === '' ? {} : { detail: { path: cleanText(path, { maxLength: 500 }) } };
  if (code === 2)
    return new Problem('remote-file-missing', `${file} does not exist.`, { ...detail, hint: 'Check the path.', cause: error });
  if (code === 3)
    return new Problem('remote-permission-denied', `${file} cannot be accessed: permission denied.`, {
      ...detail,
      hint: 'Check its owner and mode, or sign in as another user.',
      cause: error,
    });
  if (error.message === 'No response from server')
    return new Problem('ssh-connection-lost', `The SFTP channel to ${where} ended in the middle of a transfer.`, {
      retryable: true,
      hint: 'Connect again: the transfer resumes.',
      cause: error,
    });
  return new Problem('remote-command-failed', `${file} could not be worked on: ${reasonOf(error)}.`, {
    ...detail,
    hint: 'The disk may be full or the file system read-only.',
    cause: error,
  });
}
