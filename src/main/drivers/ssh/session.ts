import type { Duplex } from 'node:stream';
import type { ProblemData } from '../../../contract/problem.ts';
import { Problem } from '../../../contract/problem.ts';
import { cleanText } from '../text.ts';
import { createChannelQueue } from './channels.ts';
import type { ExecContext } from './exec.ts';
import { exec } from './exec.ts';
import { createFiles } from './files.ts';
import { fingerprintOf, keyTypeOf } from './fingerprint.ts';
import type { ConnectedHop, HopContext } from './hop.ts';
import { openTcp, openThrough, signIn } from './hop.ts';
import { awaitDetached, detach, detached } from './jobs.ts';
import { createLifeline } from './lifeline.ts';
import { openExec, openIdle, openSftp, openTcpForward, openUnixForward } from './open.ts';
import { lostProblem, networkReason, reasonOf } from './problems.ts';
import { stream } from './stream.ts';
import type { HostKeyPolicy, SshRoute, SshSecretSource, SshSession } from './types.ts';

/** Options of {@link createSshSession}. */
export interface SshSessionOptions {
  readonly policy: HostKeyPolicy;
  readonly secrets: SshSecretSource;
  /** Aborts the connecting; a connected session is ended with `close()`. */
  readonly signal?: AbortSignal;
  /** Longest wait per hop, without the time spent waiting for a secret. Default 20 s. */
  readonly readyTimeoutMs?: number;
  /** Default: every 10 s, lost after 3 without an answer. */
  readonly keepalive?: { readonly intervalMs: number; readonly count: number };
  /** First guess at the server's MaxSessions. Default 8. */
  readonly maxSessions?: number;
  /** Told what happens, one line each; never a secret. */
  readonly log?: (line: string) => void;
}

/**
 * Connects along the route, every hop verified by its own name and signed in to, and gives the session. Throws a
 * `Problem`: `ssh-unreachable`, `ssh-timeout`, `ssh-auth-needed`, `ssh-auth-failed`, `ssh-protocol-error`, `host-key-*`
 * (with the `HostKeyQuestion` as `detail.question`), `key-file-unreadable`, `cancelled`. Leaves nothing open when it throws.
 */
export async function createSshSession(route: SshRoute, options: SshSessionOptions): Promise<SshSession> {
  const hops = [...route.jumps, route.target];
  const keepalive = options.keepalive ?? { intervalMs: 10_000, count: 3 };
  const context: HopContext = {
    policy: options.policy,
    secrets: options.secrets,
    signal: options.signal,
    readyTimeoutMs: options.readyTimeoutMs ?? 20_000,
    keepalive,
    jumps: route.jumps.length,
  };
  const log = options.log ?? (() => undefined);
  const connected: ConnectedHop[] = [];
  const lifeline = createLifeline();
  const first = hops[0] as (typeof hops)[number];
  const socket = await openTcp(first, context);
  // A stray late error (a reset after our own end) must not become an uncaught exception.
  socket.on('error', () => undefined);

  let closing = false;
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const destroyAll = (): void => {
    for (const hop of [...connected].reverse()) hop.client.end();
    socket.destroySoon();
    // A peer that takes no bytes any more would keep the socket for ever.
    const timer = setTimeout(() => socket.destroy(), 500);
    socket.once('close', () => clearTimeout(timer));
  };
  const lost = (hop: ConnectedHop, why: string): void => {
    if (lifeline.over !== undefined) return;
    const refused = hop.refusal();
    const problem = refused?.data ?? lostProblem(hop.name, why);
    log(`lost ${hop.name}: ${why}`);
    lifeline.cut(problem);
    destroyAll();
  };
  const watch = (hop: ConnectedHop): void => {
    const silence = Math.round((keepalive.intervalMs * keepalive.count) / 1000);
    hop.client.on('error', (error: Error & { level?: string }) => {
      if (error.level === 'client-timeout') lost(hop, `nothing was heard from it for ${silence} s`);
      else if (error.level === 'client-socket') lost(hop, networkReason(error));
      else lost(hop, `its server ended the session (${reasonOf(error)})`);
    });
    hop.client.on('end', () => lost(hop, 'the other side closed it'));
    hop.client.on('close', () => lost(hop, 'it was closed'));
  };

  try {
    let way: Duplex = socket;
    for (const [index, hop] of hops.entries()) {
      const previous = connected.at(-1);
      if (previous !== undefined) way = await openThrough(previous, hop, index, context);
      const signedIn = await signIn(way, hop, index, context);
      log(`signed in to ${signedIn.name}`);
      connected.push(signedIn);
      watch(signedIn);
    }
    if (lifeline.over !== undefined) throw Problem.from(lifeline.over);
  } catch (error) {
    lifeline.cut((error as Problem).data ?? lostProblem('the host', 'connecting failed'));
    destroyAll();
    socket.destroy();
    await gone;
    throw error;
  }

  const target = connected.at(-1) as ConnectedHop;
  const where = cleanText(`${route.target.user}@${route.target.host}`, { maxLength: 300 });
  const { client } = target;
  const queue = createChannelQueue({ limit: options.maxSessions ?? 8, lifeline, where, probe: () => openIdle(client, lifeline, where) });
  const execContext: ExecContext = { queue, lifeline, where, open: (command) => openExec(client, lifeline, where, command) };
  const files = createFiles({ queue, lifeline, where, exec: execContext, openSftp: () => openSftp(client, lifeline, where) });
  const closed = new Promise<ProblemData | undefined>((resolve) =>
    lifeline.onCut((reason) => void gone.then(() => resolve(closing ? undefined : reason))),
  );

  return {
    exec: (script, execOptions) => exec(execContext, script, execOptions),
    stream: (script, streamOptions) => stream(execContext, script, streamOptions),
    detach: (key, script, jobOptions) => detach(execContext, key, script, jobOptions),
    detached: (key) => detached(execContext, key),
    awaitDetached: (key, waitOptions) => awaitDetached(execContext, key, waitOptions),
    files,
    forwardTcp: (host, port) => openTcpForward(client, lifeline, where, host, port),
    forwardUnix: (path) => openUnixForward(client, lifeline, where, path),
    server: { ident: identOf(target), hostKeyType: keyTypeOf(target.hostKey), fingerprint: fingerprintOf(target.hostKey) },
    closed,
    close: async () => {
      if (lifeline.over === undefined) {
        closing = true;
        lifeline.cut(new Problem('not-connected', `The connection to ${where} was closed.`).data);
        destroyAll();
      }
      await gone;
    },
  };
}

/** ssh2 keeps the server's identification to itself; it is only shown, so its absence does no harm. */
function identOf(hop: ConnectedHop): string {
  const raw = (hop.client as unknown as { _protocol?: { _remoteIdentRaw?: Buffer } })._protocol?._remoteIdentRaw;
  return cleanText(raw?.toString('latin1') ?? 'unknown', { maxLength: 255 });
}
