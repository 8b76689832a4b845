import { Buffer } from 'node:buffer';
import type { Attributes, SFTPWrapper } from 'ssh2';
import { Problem } from '../../../contract/problem.ts';
import { cleanText } from '../text.ts';
import type { ChannelKind, ChannelQueue } from './channels.ts';
import { download } from './download.ts';
import type { ExecContext } from './exec.ts';
import { exec } from './exec.ts';
import type { Lifeline } from './lifeline.ts';
import { createLifeline } from './lifeline.ts';
import { cancelled } from './problems.ts';
import type { Sftp } from './sftp.ts';
import { wrapSftp } from './sftp.ts';
import type { TransferTools } from './transfer.ts';
import type { RemoteEntry, RemoteScript, SshFiles } from './types.ts';
import { upload } from './upload.ts';

/** What file work needs of its session. */
export interface FilesContext {
  readonly queue: ChannelQueue;
  readonly lifeline: Lifeline;
  readonly where: string;
  readonly exec: ExecContext;
  openSftp(): Promise<SFTPWrapper>;
}

/** Makes the file side of a session. */
export function createFiles(context: FilesContext): SshFiles {
  const busy = new Set<string>();
  const withSftp = async <T>(kind: ChannelKind, signal: AbortSignal | undefined, work: (sftp: Sftp) => Promise<T>): Promise<T> => {
    const slot = await context.queue.open(kind, () => context.openSftp(), signal);
    const raw = slot.value;
    const gone = (): void => {
      slot.release();
      stop();
    };
    const stop = context.lifeline.onCut(gone);
    raw.once('close', gone);
    // A line of its own, because the caller may give up while the host answers nothing but keepalives.
    const line = createLifeline();
    const stopLine = context.lifeline.onCut(line.cut);
    const onAbort = (): void => line.cut(cancelled('The transfer').data);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    try {
      return await work(wrapSftp(raw, line, context.where));
    } finally {
      signal?.removeEventListener('abort', onAbort);
      stopLine();
      raw.end();
    }
  };
  const transfer = async <T>(key: string, signal: AbortSignal | undefined, work: (tools: TransferTools) => Promise<T>): Promise<T> => {
    if (busy.has(key))
      throw new Problem('conflict', `A transfer to ${cleanText(key, { maxLength: 500 })} is already under way.`, {
        hint: 'Wait for it to end.',
      });
    busy.add(key);
    try {
      return await withSftp('long', signal, (sftp) =>
        work({
          sftp,
          where: context.where,
          check: () => {
            if (signal?.aborted === true) throw cancelled('The transfer');
          },
          remoteSha256: (path) => remoteSha256(context, path, signal),
          moveOver: async (from, to) => void (await must(context, moveScript, [from, to], signal)),
        }),
      );
    } finally {
      busy.delete(key);
    }
  };
  return {
    stat: (path) =>
      withSftp('short', undefined, async (sftp) => {
        const found = await sftp.stat(path);
        return found === undefined ? undefined : asEntry(path.slice(path.lastIndexOf('/') + 1), found);
      }),
    list: (path) =>
      withSftp('short', undefined, async (sftp) =>
        (await sftp.readdir(path))
          .filter((one) => one.filename !== '.' && one.filename !== '..')
          .map((one) => asEntry(one.filename, one.attrs)),
      ),
    readText: (path, maxBytes = 1024 * 1024) => withSftp('short', undefined, (sftp) => readBeginning(sftp, path, maxBytes)),
    download: (remote, local, options = {}) => transfer(local, options.signal, (tools) => download(tools, remote, local, options)),
    upload: (local, remote, options = {}) => transfer(remote, options.signal, (tools) => upload(tools, local, remote, options)),
  };
}

async function readBeginning(sftp: Sftp, path: string, maxBytes: number): Promise<string> {
  const handle = await sftp.open(path, 'r');
  try {
    const chunks: Buffer[] = [];
    let position = 0;
    while (position < maxBytes) {
      const buffer = Buffer.allocUnsafe(Math.min(32 * 1024, maxBytes - position));
      const count = await sftp.read(handle, buffer, position);
      if (count === 0) break;
      chunks.push(buffer.subarray(0, count));
      position += count;
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    await sftp.close(handle).catch(() => undefined);
  }
}

/** The file types of a mode (S_IFMT). */
const kinds = new Map<number, RemoteEntry['type']>([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'link'],
]);

function asEntry(name: string, attributes: Attributes): RemoteEntry {
  return {
    name,
    type: kinds.get(attributes.mode & 0o170000) ?? 'other',
    size: attributes.size,
    modifiedAt: attributes.mtime * 1000,
    mode: attributes.mode & 0o7777,
    uid: attributes.uid,
    gid: attributes.gid,
  };
}

const hashScript = `
if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1"
elif command -v shasum >/dev/null 2>&1; then shasum -a 256 <"$1"
elif command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r <"$1"
else exit 96; fi`;
const moveScript = `mv -f -- "$1" "$2"`;

async function must(context: FilesContext, script: string, args: readonly string[], signal: AbortSignal | undefined): Promise<string> {
  const program: RemoteScript = { script, args };
  // Hashing a large file takes its time: an hour covers a terabyte.
  const outcome = await exec(context.exec, program, {
    timeoutMs: 3_600_000,
    maxBytes: 64 * 1024,
    ...(signal === undefined ? {} : { signal }),
  });
  if (outcome.outcome !== 'done') throw Problem.from(outcome.problem);
  if (outcome.exitCode === 0) return outcome.stdout.toString('utf8');
  if (outcome.exitCode === 96)
    throw new Problem('not-supported', `${context.where} has neither sha256sum nor shasum nor openssl, so a transfer cannot be verified.`, {
      hint: 'Install coreutils on the host.',
    });
  throw new Problem(
    'remote-command-failed',
    `${context.where} could not do a step of the transfer: ${cleanText(outcome.stderr.toString('utf8'), { maxLength: 300 })}`,
    { detail: { exitCode: outcome.exitCode } },
  );
}

async function remoteSha256(context: FilesContext, path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = /\b([0-9a-f]{64})\b/.exec(await must(context, hashScript, [path], signal))?.[1];
  if (hash === undefined)
    throw new Problem('integrity-mismatch', `${context.where} did not tell the SHA-256 of ${cleanText(path, { maxLength: 300 })}.`);
  return hash;
}
