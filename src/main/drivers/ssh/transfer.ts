import type { Sftp } from './sftp.ts';

/** What a transfer gets to work with; valid while its channel is open. */
export interface TransferTools {
  readonly sftp: Sftp;
  readonly where: string;
  /** Throws `cancelled` once the caller gave up. */
  check(): void;
  /** SHA-256 of a remote file by the host's own tools, in hex. Throws `not-supported` when it has none. */
  remoteSha256(path: string): Promise<string>;
  /** Renames over an existing file with the host's `mv`, for servers without OpenSSH's rename. */
  moveOver(from: string, to: string): Promise<void>;
}
