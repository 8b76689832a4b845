import type { Stats } from 'node:fs';
import { constants as fsConstants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { chmod, lstat, mkdir, open, readdir, readlink, rename, rmdir, stat, unlink, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Attributes, FileEntry, SFTPWrapper } from 'ssh2';
import ssh2 from 'ssh2';
import { createPathGuard, OutsideRoot } from './sftp-paths.ts';

const { STATUS_CODE, OPEN_MODE } = ssh2.utils.sftp;
const maxRead = 256 * 1024 - 2048;

const attributes = (s: Stats): Attributes => ({
  mode: s.mode,
  uid: s.uid,
  gid: s.gid,
  size: s.size,
  atime: Math.floor(s.atimeMs / 1000),
  mtime: Math.floor(s.mtimeMs / 1000),
});

function longName(name: string, s: Stats): string {
  const kind = s.isDirectory() ? 'd' : s.isSymbolicLink() ? 'l' : '-';
  const bits = ['rwx', 'rwx', 'rwx']
    .map((word, i) => [...word].map((c, j) => (((s.mode >> (6 - 3 * i)) & (4 >> j)) === 0 ? '-' : c)).join(''))
    .join('');
  return `${kind}${bits} ${s.nlink} ${s.uid} ${s.gid} ${s.size} ${s.mtime.toISOString().slice(0, 16).replace('T', ' ')} ${name}`;
}

function openFlags(flags: number): number {
  const has = (bit: number) => (flags & bit) !== 0;
  const access = has(OPEN_MODE.WRITE) ? (has(OPEN_MODE.READ) ? fsConstants.O_RDWR : fsConstants.O_WRONLY) : fsConstants.O_RDONLY;
  // The path is already free of links; one that appears at its end now is not followed.
  return (
    access |
    fsConstants.O_NOFOLLOW |
    (has(OPEN_MODE.APPEND) ? fsConstants.O_APPEND : 0) |
    (has(OPEN_MODE.CREAT) ? fsConstants.O_CREAT : 0) |
    (has(OPEN_MODE.TRUNC) ? fsConstants.O_TRUNC : 0) |
    (has(OPEN_MODE.EXCL) ? fsConstants.O_EXCL : 0)
  );
}

/** The strings of an extended request: each a 32-bit length and its bytes. */
function readStrings(data: Buffer | undefined): Buffer[] {
  const strings: Buffer[] = [];
  let at = 0;
  while (data !== undefined && at + 4 <= data.length) {
    const length = data.readUInt32BE(at);
    strings.push(data.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}

/**
 * ssh2's server answers INIT with a constant that names no extensions, and has no option for it; without the names a client
 * will not use posix-rename or fsync. The first packet this channel sends is that constant: it is replaced here. (ssh2 1.17)
 */
function announceExtensions(sftp: SFTPWrapper, names: Readonly<Record<string, string>>): void {
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const body = Buffer.concat([
    Buffer.from([2, 0, 0, 0, 3]),
    ...Object.entries(names).flatMap(([name, version]) => [text(name), text(version)]),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const holder = sftp as unknown as { _protocol: { channelData(id: number, data: Buffer): void } };
  const protocol = holder._protocol;
  holder._protocol = Object.create(protocol, {
    channelData: {
      value(id: number, _constant: Buffer) {
        holder._protocol = protocol;
        protocol.channelData(id, Buffer.concat([length, body]));
      },
    },
  }) as typeof protocol;
}

/** Serves one SFTP session inside `root`. Every handle is closed with the session. Symbolic links cannot be made. */
export function serveSftp(sftp: SFTPWrapper, root: string, home: string): void {
  const guard = createPathGuard(root, home);
  const files = new Map<number, FileHandle>();
  const folders = new Map<number, { path: string; rest: string[] }>();
  let next = 0;
  announceExtensions(sftp, { 'posix-rename@openssh.com': '1', 'fsync@openssh.com': '1' });

  const token = (id: number) => {
    const buffer = Buffer.alloc(4);
    buffer.writeUInt32BE(id);
    return buffer;
  };
  const idOf = (handle: Buffer) => (handle.length === 4 ? handle.readUInt32BE(0) : -1);
  const fileOf = (handle: Buffer): FileHandle => {
    const file = files.get(idOf(handle));
    if (file === undefined) throw new Error('Unknown handle.');
    return file;
  };

  function fail(id: number, error: unknown): void {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') sftp.status(id, STATUS_CODE.NO_SUCH_FILE, 'No such file');
    else if (error instanceof OutsideRoot || code === 'EACCES' || code === 'EPERM' || code === 'ELOOP')
      sftp.status(id, STATUS_CODE.PERMISSION_DENIED, 'Permission denied');
    else sftp.status(id, STATUS_CODE.FAILURE, error instanceof Error ? error.message : 'Failure');
  }
  const run = (id: number, work: () => Promise<void>) => void work().catch((error: unknown) => fail(id, error));
  /** For requests answered with a bare status. */
  const simple = (id: number, work: () => Promise<unknown>) =>
    run(id, async () => {
      await work();
      sftp.status(id, STATUS_CODE.OK);
    });
  const entryOf = (name: string, s: Stats): FileEntry => ({ filename: name, longname: longName(name, s), attrs: attributes(s) });

  sftp.on('OPEN', (id, path, flags, attrs) =>
    run(id, async () => {
      const file = await open(await guard.follow(path), openFlags(flags), (attrs.mode ?? 0o644) & 0o7777);
      files.set(next, file);
      sftp.handle(id, token(next));
      next += 1;
    }),
  );
  sftp.on('READ', (id, handle, offset, length) =>
    run(id, async () => {
      const buffer = Buffer.alloc(Math.min(length, maxRead));
      const { bytesRead } = await fileOf(handle).read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0) sftp.status(id, STATUS_CODE.EOF);
      else sftp.data(id, buffer.subarray(0, bytesRead));
    }),
  );
  // The bytes are copied: the parser reuses its buffer once the event is over.
  sftp.on('WRITE', (id, handle, offset, data) => {
    const bytes = Buffer.from(data);
    simple(id, async () => {
      const file = fileOf(handle);
      for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
    });
  });
  sftp.on('FSTAT', (id, handle) => run(id, async () => sftp.attrs(id, attributes(await fileOf(handle).stat()))));
  sftp.on('FSETSTAT', (id, handle, attrs) =>
    simple(id, async () => {
      const file = fileOf(handle);
      if (attrs.size !== undefined) await file.truncate(attrs.size);
      if (attrs.mode !== undefined) await file.chmod(attrs.mode & 0o7777);
      if (attrs.mtime !== undefined) await file.utimes(attrs.atime ?? attrs.mtime, attrs.mtime);
    }),
  );
  sftp.on('CLOSE', (id, handle) =>
    simple(id, async () => {
      const key = idOf(handle);
      if (folders.delete(key)) return;
      const file = fileOf(handle);
      files.delete(key);
      await file.close();
    }),
  );
  sftp.on('OPENDIR', (id, path) =>
    run(id, async () => {
      const folder = await guard.follow(path);
      folders.set(next, { path: folder, rest: ['.', '..', ...(await readdir(folder))] });
      sftp.handle(id, token(next));
      next += 1;
    }),
  );
  sftp.on('READDIR', (id, handle) =>
    run(id, async () => {
      const folder = folders.get(idOf(handle));
      if (folder === undefined) throw new Error('Unknown handle.');
      const names = folder.rest.splice(0, 100);
      if (names.length === 0) {
        sftp.status(id, STATUS_CODE.EOF);
        return;
      }
      const entries = await Promise.all(
        names.map(async (name) => {
          // A file that went away since the folder was read is left out.
          const s = await lstat(name === '..' ? folder.path : join(folder.path, name)).catch(() => null);
          return s === null ? [] : [entryOf(name, s)];
        }),
      );
      sftp.name(id, entries.flat());
    }),
  );
  sftp.on('LSTAT', (id, path) => run(id, async () => sftp.attrs(id, attributes(await lstat(await guard.entry(path))))));
  sftp.on('STAT', (id, path) => run(id, async () => sftp.attrs(id, attributes(await stat(await guard.follow(path))))));
  sftp.on('REMOVE', (id, path) => simple(id, async () => unlink(await guard.entry(path))));
  sftp.on('RMDIR', (id, path) => simple(id, async () => rmdir(await guard.entry(path))));
  sftp.on('MKDIR', (id, path, attrs) => simple(id, async () => mkdir(await guard.entry(path), { mode: (attrs.mode ?? 0o755) & 0o7777 })));
  sftp.on('REALPATH', (id, path) =>
    run(id, async () => {
      const real = await guard.follow(path);
      const s = await stat(real).catch(() => null);
      sftp.name(id, [
        s === null
          ? { filename: real, longname: real, attrs: { mode: 0, uid: 0, gid: 0, size: 0, atime: 0, mtime: 0 } }
          : { ...entryOf(basename(real), s), filename: real },
      ]);
    }),
  );
  sftp.on('READLINK', (id, path) =>
    run(id, async () => {
      const target = await readlink(await guard.entry(path));
      sftp.name(id, [{ filename: target, longname: target, attrs: { mode: 0, uid: 0, gid: 0, size: 0, atime: 0, mtime: 0 } }]);
    }),
  );
  sftp.on('SETSTAT', (id, path, attrs) =>
    simple(id, async () => {
      const real = await guard.follow(path);
      if (attrs.mode !== undefined) await chmod(real, attrs.mode & 0o7777);
      if (attrs.mtime !== undefined) await utimes(real, attrs.atime ?? attrs.mtime, attrs.mtime);
    }),
  );
  sftp.on('RENAME', (id, from, to) =>
    simple(id, async () => {
      const target = await guard.entry(to);
      // Version 3 of the protocol refuses an existing target; posix-rename is the one that replaces.
      if ((await lstat(target).catch(() => null)) !== null) throw new Error('The target exists.');
      await rename(await guard.entry(from), target);
    }),
  );
  sftp.on('EXTENDED', (id, name, data) => {
    const [first, second] = readStrings(data).map((part) => Buffer.from(part));
    if (name === 'posix-rename@openssh.com' && first !== undefined && second !== undefined) {
      simple(id, async () => rename(await guard.entry(first.toString()), await guard.entry(second.toString())));
    } else if (name === 'fsync@openssh.com' && first !== undefined) simple(id, async () => fileOf(first).sync());
    else sftp.status(id, STATUS_CODE.OP_UNSUPPORTED);
  });
  // ssh2 does not answer the client's end of file by itself; OpenSSH's sftp waits for the channel to close.
  sftp.on('end', () => sftp.end());
  sftp.on('close', () => {
    for (const file of files.values()) file.close().catch(() => undefined);
    files.clear();
    folders.clear();
  });
}
