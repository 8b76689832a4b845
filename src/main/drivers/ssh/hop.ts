import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Client } from 'ssh2';
import { Problem } from '../../../contract/problem.ts';
import { cleanText } from '../text.ts';
import { algorithmsFor } from './algorithms.ts';
import { createHopAuth } from './auth.ts';
import { fingerprintOf, keyTypeOf } from './fingerprint.ts';
import { cancelled, hopName, networkReason, reasonOf } from './problems.ts';
import type { HostKeyDecision, HostKeyPolicy, SshHop, SshSecretSource } from './types.ts';

/** What every hop of a connection shares. */
export interface HopContext {
  readonly policy: HostKeyPolicy;
  readonly secrets: SshSecretSource;
  readonly signal: AbortSignal | undefined;
  readonly readyTimeoutMs: number;
  readonly keepalive: { readonly intervalMs: number; readonly count: number };
  readonly jumps: number;
}

/** A hop that is signed in. */
export interface ConnectedHop {
  readonly client: Client;
  readonly name: string;
  readonly hostKey: Buffer;
  /** A refusal of a later key exchange, when that ended the connection. */
  refusal(): Problem | undefined;
}

/** Opens the TCP connection to the first hop, without Nagle's delay. Throws `ssh-unreachable`, `ssh-timeout`, `cancelled`. */
export function openTcp(hop: SshHop, context: HopContext): Promise<Socket> {
  const name = hopName(hop, 0, context.jumps);
  return new Promise((resolve, reject) => {
    const socket = new Socket();
    socket.setNoDelay(true);
    const settle = (problem?: Problem): void => {
      clearTimeout(timer);
      context.signal?.removeEventListener('abort', onAbort);
      socket.removeAllListeners();
      if (problem === undefined) {
        resolve(socket);
        return;
      }
      socket.on('error', () => undefined);
      socket.destroy();
      reject(problem);
    };
    const onAbort = (): void => settle(cancelled(`Connecting to ${name}`));
    const timer = setTimeout(() => settle(timeoutOf(name, context, 'opening the connection')), context.readyTimeoutMs);
    if (context.signal?.aborted === true) return onAbort();
    context.signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('error', (error) => settle(unreachable(name, networkReason(error), error)));
    socket.once('connect', () => settle());
    socket.connect({ host: hop.host, port: hop.port });
  });
}

/** Opens the way to the next hop through the one before. Throws `ssh-unreachable`. */
export function openThrough(previous: ConnectedHop, hop: SshHop, index: number, context: HopContext): Promise<Duplex> {
  const name = hopName(hop, index, context.jumps);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => settle(() => reject(cancelled(`Connecting to ${name}`)));
    const timer = setTimeout(
      () => settle(() => reject(timeoutOf(name, context, `${previous.name} was reaching it`))),
      context.readyTimeoutMs,
    );
    let settled = false;
    const settle = (then: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      context.signal?.removeEventListener('abort', onAbort);
      then();
    };
    context.signal?.addEventListener('abort', onAbort, { once: true });
    const failed = (error: unknown): void =>
      settle(() => reject(unreachable(name, `${previous.name} could not reach it (${reasonOf(error)})`, error)));
    try {
      previous.client.forwardOut('127.0.0.1', 0, hop.host, hop.port, (error, channel) =>
        error === undefined ? settle(() => resolve(channel)) : failed(error),
      );
    } catch (error) {
      failed(error);
    }
  });
}

/**
 * Verifies and signs in to one hop over a stream. No byte of authentication leaves before the policy accepted the key;
 * at every later key exchange the very same key must come again.
 */
export function signIn(stream: Duplex, hop: SshHop, index: number, context: HopContext): Promise<ConnectedHop> {
  const name = hopName(hop, index, context.jumps);
  return new Promise((resolve, reject) => {
    const client = new Client();
    let hostKey: Buffer | undefined;
    let refused: Problem | undefined;
    let settled = false;
    const settle = (then: () => void): void => {
      if (settled) return;
      settled = true;
      clock.stop();
      context.signal?.removeEventListener('abort', onAbort);
      then();
    };
    const fail = (problem: Problem): void =>
      settle(() => {
        reject(problem);
        client.end();
        stream.destroy();
      });
    const onAbort = (): void => fail(cancelled(`Connecting to ${name}`));
    // Our own clock instead of ssh2's, because ssh2's runs on while somebody is asked for a password.
    const clock = pausableTimer(context.readyTimeoutMs, () =>
      fail(timeoutOf(name, context, hostKey === undefined ? 'the SSH greeting' : 'signing in')),
    );
    const auth = createHopAuth({ hop, index, name, secrets: context.secrets, give: fail, thinking: (on) => clock.pause(on) });

    const verify = (key: Buffer): boolean => {
      if (hostKey !== undefined) {
        if (hostKey.equals(key)) return true;
        refused = new Problem(
          'host-key-changed',
          `${name} presented another key in the middle of the session: ${fingerprintOf(key)} instead of ${fingerprintOf(hostKey)}.`,
          { hint: 'The connection was closed. Find out why before connecting again.' },
        );
        return false;
      }
      const decision = decideSafely(context.policy, { index, host: hop.host, port: hop.port }, key);
      if (decision.verdict === 'accept') {
        hostKey = Buffer.from(key);
        return true;
      }
      const { detail, ...problem } = decision.problem;
      refused = Problem.from({
        ...problem,
        message: index < context.jumps ? `On the way, ${name}: ${problem.message}` : problem.message,
        detail: { ...detail, ...(decision.question === undefined ? {} : { question: decision.question }) },
      });
      return false;
    };

    client.on('error', (error: Error & { level?: string; code?: unknown }) => {
      // A key the agent could not sign with, or a method that was refused: ssh2 goes on to the next.
      if (error.level === 'agent' || error.level === 'client-authentication') return;
      if (refused !== undefined) return fail(refused);
      if (hostKey !== undefined && /too many authentication failures/i.test(error.message)) return fail(auth.verdict());
      fail(error.level === 'client-socket' ? unreachable(name, networkReason(error), error) : protocolProblem(name, error));
    });
    const ended = (): void =>
      fail(
        refused ??
          unreachable(
            name,
            hostKey === undefined
              ? 'it closed the connection before the SSH handshake was done'
              : 'it closed the connection while signing in',
          ),
      );
    client.once('end', ended).once('close', ended);
    client.once('ready', () =>
      settle(() => {
        client.off('end', ended).off('close', ended);
        resolve({ client, name, hostKey: hostKey as Buffer, refusal: () => refused });
      }),
    );
    if (context.signal?.aborted === true) return onAbort();
    context.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      client.connect({
        sock: stream,
        username: hop.user,
        algorithms: algorithmsFor(context.policy.knownTypes(hop.host, hop.port)),
        readyTimeout: 0,
        keepaliveInterval: context.keepalive.intervalMs,
        keepaliveCountMax: context.keepalive.count,
        authHandler: auth.handler,
        // Synchronous, and a literal boolean: ssh2 takes anything but `false` for a yes.
        hostVerifier: (key: Buffer): boolean => verify(key) === true,
      });
    } catch (error) {
      fail(protocolProblem(name, error));
    }
  });
}

function decideSafely(policy: HostKeyPolicy, hop: { index: number; host: string; port: number }, key: Buffer): HostKeyDecision {
  try {
    return policy.decide(hop, key);
  } catch (error) {
    return {
      verdict: 'refuse',
      problem: new Problem(
        'host-key-unknown',
        `The key ${fingerprintOf(key)} (${keyTypeOf(key)}) could not be checked: ${reasonOf(error)}.`,
      ).data,
    };
  }
}

function pausableTimer(totalMs: number, expired: () => void): { pause(on: boolean): void; stop(): void } {
  let leftMs = totalMs;
  let since = performance.now();
  let timer: NodeJS.Timeout | undefined = setTimeout(expired, leftMs);
  const halt = (): void => {
    if (timer !== undefined) leftMs -= performance.now() - since;
    clearTimeout(timer);
    timer = undefined;
  };
  let stopped = false;
  return {
    pause(on) {
      if (on || stopped) return halt();
      halt();
      since = performance.now();
      timer = setTimeout(expired, Math.max(1, leftMs));
    },
    stop() {
      stopped = true;
      halt();
    },
  };
}

function unreachable(name: string, why: string, cause?: unknown): Problem {
  return new Problem('ssh-unreachable', `${name} cannot be reached: ${why}.`, {
    retryable: true,
    hint: 'Check the host name, the port, the network and the firewall.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function timeoutOf(name: string, context: HopContext, during: string): Problem {
  return new Problem('ssh-timeout', `${name} did not answer within ${Math.round(context.readyTimeoutMs / 1000)} s (${during}).`, {
    retryable: true,
    hint: 'Check the network; a firewall may be dropping packets silently.',
  });
}

function protocolProblem(name: string, error: unknown): Problem {
  const why = cleanText(reasonOf(error), { maxLength: 300 });
  return new Problem('ssh-protocol-error', `The SSH handshake with ${name} failed: ${why}.`, {
    hint: /no matching/i.test(why)
      ? 'The server offers only old algorithms. Update its SSH server.'
      : 'Check that an SSH server listens on that port.',
    cause: error,
  });
}
