import type { Duplex, Readable, Writable } from 'node:stream';
import type { HostKeyQuestion } from '../../../contract/connections.ts';
import type { ProblemData } from '../../../contract/problem.ts';

/** How one hop is authenticated. Secrets are asked for by name when needed and never held longer than the handshake. */
export type SshAuth =
  | { readonly kind: 'agent' }
  | { readonly kind: 'key'; readonly path: string }
  | { readonly kind: 'password' }
  | { readonly kind: 'keyboard-interactive' };

/** One host on the way. `jumps` of a route come first, the target last. */
export interface SshHop {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Tried in this order. */
  readonly auth: readonly SshAuth[];
}

/** The whole way to the target. */
export interface SshRoute {
  readonly target: SshHop;
  readonly jumps: readonly SshHop[];
}

/** What the server wants typed (keyboard-interactive). */
export interface SshPrompt {
  readonly text: string;
  readonly echo: boolean;
}

/**
 * Gives a secret for a hop, or undefined when none is set (the connection then fails with `ssh-auth-needed`).
 * `hop` is 0 for the first jump; the target is `route.jumps.length`.
 */
export type SshSecretSource = (request: {
  readonly kind: 'password' | 'key-passphrase' | 'prompt';
  readonly hop: number;
  readonly prompts?: readonly SshPrompt[];
}) => Promise<readonly string[] | undefined>;

/** The answer of the host-key policy; nothing but `accept` ever lets a byte of authentication out. */
export type HostKeyDecision =
  | { readonly verdict: 'accept' }
  | { readonly verdict: 'refuse'; readonly problem: ProblemData; readonly question?: HostKeyQuestion };

/**
 * Decides on the key a hop presented. Synchronous on purpose: ssh2's verifier fails open on anything but a literal
 * boolean, so what is known is loaded before the connection starts.
 */
export interface HostKeyPolicy {
  /** Key types already known for that host, so that the handshake asks for one of them first. */
  knownTypes(host: string, port: number): readonly string[];
  decide(hop: { readonly index: number; readonly host: string; readonly port: number }, key: Buffer): HostKeyDecision;
}

/** What is known about a remote effect: seen to be done, seen to have failed, or not seen. */
export type Outcome<T> =
  | ({ readonly outcome: 'done' } & T)
  | ({ readonly outcome: 'failed'; readonly problem: ProblemData } & Partial<T>)
  | { readonly outcome: 'unknown'; readonly problem: ProblemData };

/** A finished remote command. `done` means it was seen to end (whatever its exit code). */
export type ExecOutcome = Outcome<{
  readonly exitCode: number;
  readonly signal?: string;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** True when a stream was longer than `maxBytes`; what was kept is the beginning. */
  readonly truncated: boolean;
  readonly durationMs: number;
}>;

/** A constant POSIX shell script and its arguments. The script never contains data; `"$1"` and stdin carry it. */
export interface RemoteScript {
  /** Constant text. Sent on stdin of `/bin/sh -s`, arguments single-quoted by one function. */
  readonly script: string;
  readonly args?: readonly string[];
}

/** Options of {@link SshSession.exec}. */
export interface ExecOptions {
  /** Bytes for the script's stdin, after the script itself. Secrets go here, never in `args`. */
  readonly input?: string | Buffer;
  /** Longest wait for a *reading* command; then `unknown`/`timed-out`. Mutating work uses {@link SshSession.detach}. Default 30 s. */
  readonly timeoutMs?: number;
  /** Kept bytes per stream. Default 4 MiB. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** A long-lived remote command with streams (tails). `ended` settles once, and never rejects. */
export interface ExecStream {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<Outcome<{ readonly exitCode: number; readonly signal?: string }>>;
  close(): void;
}

/** A detached remote job: outlives the connection, writes its state atomically, and can be found again by its key. */
export interface DetachedState {
  readonly state: 'absent' | 'running' | 'exited' | 'lost';
  readonly exitCode?: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly pid?: number;
}

/** A finished, verified transfer. */
export interface TransferResult {
  readonly bytes: number;
  readonly sha256: string;
  /** Bytes that were already there from an earlier, interrupted try. */
  readonly resumedFrom: number;
}

/** Progress of a transfer; `total` in bytes. */
export type TransferProgress = (state: { readonly bytes: number; readonly total: number }) => void;

/** A directory entry as the server told it; `name` is hostile. */
export interface RemoteEntry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'link' | 'other';
  readonly size: number;
  readonly modifiedAt: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Verified SFTP work. Every write goes to `<path>.part`, is compared by size and SHA-256, synced, then renamed over. */
export interface SshFiles {
  stat(path: string): Promise<RemoteEntry | undefined>;
  list(path: string): Promise<RemoteEntry[]>;
  readText(path: string, maxBytes?: number): Promise<string>;
  /** Downloads with resume; the local file appears under its name only when hash and size match. */
  download(
    remote: string,
    local: string,
    options?: { sha256?: string; progress?: TransferProgress; signal?: AbortSignal },
  ): Promise<TransferResult>;
  /** Uploads with resume; the remote file appears under its name only when hash and size match. */
  upload(
    local: string,
    remote: string,
    options?: { mode?: number; progress?: TransferProgress; signal?: AbortSignal },
  ): Promise<TransferResult>;
}

/**
 * One multiplexed connection to a host. Made by `createSshClient`, kept by the connections service. Channels queue
 * under the server's MaxSessions. All methods throw a `Problem` when the work could not be *started*; once started,
 * what happened is an {@link Outcome}.
 */
export interface SshSession {
  /** Runs a constant script and proves by a sentinel that it was seen to end. */
  exec(script: RemoteScript, options?: ExecOptions): Promise<ExecOutcome>;
  /** Starts a constant script whose output is read as it comes. */
  stream(script: RemoteScript, options?: { signal?: AbortSignal }): Promise<ExecStream>;
  /** Starts a mutating script detached on the host under `key`; starting the same key again attaches and never runs it twice. */
  detach(key: string, script: RemoteScript, options?: { input?: string | Buffer }): Promise<DetachedState>;
  /** Reads a detached job's state. */
  detached(key: string): Promise<DetachedState>;
  /** Waits until a detached job has exited, re-attaching over drops while the session lives; `unknown` when it does not. */
  awaitDetached(
    key: string,
    options?: { signal?: AbortSignal; onOutput?: (text: string, stream: 'out' | 'err') => void },
  ): Promise<Outcome<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>>;
  readonly files: SshFiles;
  /** Opens a TCP connection from the host's side; a Node stream. */
  forwardTcp(host: string, port: number): Promise<Duplex>;
  /** Opens a Unix socket on the host; a Node stream. */
  forwardUnix(path: string): Promise<Duplex>;
  /** What the server said of itself, and what was negotiated. */
  readonly server: { readonly ident: string; readonly hostKeyType: string; readonly fingerprint: string };
  /** Settles when the connection is over, with the reason when it was not asked for. Never rejects. */
  readonly closed: Promise<ProblemData | undefined>;
  /** Ends the connection and frees every channel. */
  close(): Promise<void>;
}
