import type { Duplex } from 'node:stream';
import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import { Problem } from '../../../contract/problem.ts';
import type { Probe } from './channels.ts';
import { ChannelRefused } from './channels.ts';
import type { Lifeline } from './lifeline.ts';
import { reasonOf } from './problems.ts';

type Refusal = Error & { readonly reason?: number | string };

/** A refusal of the channel itself carries a reason; a refusal of what was to run in it does not. */
function asRefusal(error: Refusal, what: string, where: string): Error {
  if (error.reason !== undefined) return new ChannelRefused(reasonOf(error), { cause: error });
  return new Problem('ssh-channel-refused', `${where} refused to ${what}: ${reasonOf(error)}.`, {
    hint: 'The server may restrict what this user is allowed to do (ForceCommand, Subsystem).',
    cause: error,
  });
}

/** Starts a command. Throws {@link ChannelRefused}, `ssh-channel-refused`, or the reason the line was cut. */
export function openExec(client: Client, lifeline: Lifeline, where: string, command: string): Promise<ClientChannel> {
  return lifeline.guard((resolve, reject) =>
    client.exec(command, (error, channel) => (error === undefined ? resolve(channel) : reject(asRefusal(error, 'run a command', where)))),
  );
}

/** Opens a channel that does nothing until it is closed. Throws as {@link openExec}. */
export async function openIdle(client: Client, lifeline: Lifeline, where: string): Promise<Probe> {
  const channel = await openExec(client, lifeline, where, 'exec cat');
  channel.on('error', () => undefined).resume();
  channel.stderr.resume();
  // By the end of its input, not by closing: the server then has freed the session by the time the channel is closed.
  return { close: () => channel.end(), onClosed: (listener) => void channel.once('close', listener) };
}

/** Starts the SFTP subsystem. Throws as {@link openExec}. */
export function openSftp(client: Client, lifeline: Lifeline, where: string): Promise<SFTPWrapper> {
  return lifeline.guard((resolve, reject) =>
    client.sftp((error, sftp) => (error === undefined ? resolve(sftp) : reject(asRefusal(error, 'start SFTP', where)))),
  );
}

function forwarded(
  lifeline: Lifeline,
  what: string,
  where: string,
  start: (done: (error: Refusal | undefined, channel: Duplex) => void) => void,
): Promise<Duplex> {
  return lifeline.guard((resolve, reject) =>
    start((error, channel) => {
      if (error === undefined) return resolve(channel);
      // 1 is "administratively prohibited"; the others mean that the far side could not be reached.
      const prohibited = error.reason === 1;
      reject(
        new Problem(
          'ssh-channel-refused',
          `${where} could not connect to ${what}: ${prohibited ? 'its SSH server forbids this forwarding' : reasonOf(error).replace(/^\(SSH\) Channel open failure: /, '')}.`,
          {
            retryable: !prohibited,
            hint: prohibited
              ? 'Look at AllowTcpForwarding, AllowStreamLocalForwarding and PermitOpen in its sshd_config.'
              : 'Check that the service runs and listens there.',
            detail: { to: what },
            cause: error,
          },
        ),
      );
    }),
  );
}

/** Connects to a TCP port from the host's side. Throws `ssh-channel-refused`. */
export function openTcpForward(client: Client, lifeline: Lifeline, where: string, host: string, port: number): Promise<Duplex> {
  return forwarded(lifeline, `${host}:${port}`, where, (done) => client.forwardOut('127.0.0.1', 0, host, port, done));
}

/** Connects to a Unix socket on the host. Throws `ssh-channel-refused`. */
export function openUnixForward(client: Client, lifeline: Lifeline, where: string, path: string): Promise<Duplex> {
  return forwarded(lifeline, `the socket ${path}`, where, (done) => client.openssh_forwardOutStreamLocal(path, done));
}
