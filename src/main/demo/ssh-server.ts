import { createHash, timingSafeEqual } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { AuthContext, Connection, ParsedKey } from 'ssh2';
import ssh2 from 'ssh2';
import type { Layout } from './friendlyface/layout.ts';
import { serveSftp } from './sftp-server.ts';
import { createExec } from './ssh-exec.ts';

interface Key {
  readonly privateKey: string;
  readonly parsed: ParsedKey;
}

function readKey(privateKey: string): Key | undefined {
  const parsed = ssh2.utils.parseKey(privateKey);
  return parsed instanceof Error ? undefined : { privateKey, parsed };
}

/** About one in 400 of the ed25519 keys that ssh2 1.17 writes is one it can't read again (“Malformed OpenSSH private key”). */
function makeKey(comment: string): Key {
  for (;;) {
    const key = readKey(ssh2.utils.generateKeyPairSync('ed25519', { comment }).private);
    if (key !== undefined) return key;
  }
}

/** Reads a key, or makes an ed25519 pair and keeps it: the file is 0600, and the same at the next start. */
export function keptKey(file: string, comment: string): Key {
  const kept = existsSync(file) ? readKey(readFileSync(file, 'utf8')) : undefined;
  const key = kept ?? makeKey(comment);
  if (kept === undefined) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, key.privateKey, { mode: 0o600 });
  }
  chmodSync(file, 0o600);
  return key;
}

/** The fingerprint as OpenSSH prints it: `SHA256:` and unpadded base64. */
export function fingerprint(key: ParsedKey): string {
  return `SHA256:${createHash('sha256').update(key.getPublicSSH()).digest('base64').replace(/=+$/, '')}`;
}

const same = (a: Buffer, b: Buffer) => a.length === b.length && timingSafeEqual(a, b);
const digest = (text: string) => createHash('sha256').update(text).digest();

/** What the demo's SSH server is made with. */
export interface DemoSshOptions {
  readonly layout: Layout;
  readonly hostKey: string;
  readonly user: string;
  readonly clientKey: ParsedKey;
  /** Accepted too when given; for practising a password login. */
  readonly password?: string;
  /** The port to listen on; 0 for any. */
  readonly port: number;
  /** The only port of 127.0.0.1 that may be forwarded to. */
  readonly servicePort: number;
}

/** Listens on 127.0.0.1: key login, commands, SFTP inside the folder, forwarding to the service — and nothing else. */
export async function startDemoSsh(options: DemoSshOptions): Promise<{ port: number; close(): Promise<void> }> {
  const { layout, user } = options;
  const connections = new Set<Connection>();
  const exec = createExec(layout, user);

  function mayEnter(context: AuthContext): boolean {
    const known = context.username === user;
    if (context.method === 'publickey') {
      const matches = known && context.key.algo === options.clientKey.type && same(context.key.data, options.clientKey.getPublicSSH());
      // Without a signature the client only asks whether the key would do.
      const proven =
        context.signature === undefined ||
        (context.blob !== undefined && options.clientKey.verify(context.blob, context.signature, context.hashAlgo) === true);
      return matches && proven;
    }
    return (
      context.method === 'password' && options.password !== undefined && known && same(digest(context.password), digest(options.password))
    );
  }

  function serve(connection: Connection): void {
    connections.add(connection);
    // SFTP is many small questions and answers: with Nagle's algorithm each of them costs 40 ms.
    (connection as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true);
    connection.on('close', () => connections.delete(connection));
    // A client that goes away in the middle is not a fault of the host.
    connection.on('error', () => undefined);
    connection.on('authentication', (context) => {
      if (mayEnter(context)) context.accept();
      else context.reject(options.password === undefined ? ['publickey'] : ['publickey', 'password']);
    });
    connection.on('session', (accept) => {
      const session = accept();
      let signal: (name: NodeJS.Signals) => void = () => undefined;
      session.on('pty', (_accept, reject) => reject?.());
      session.on('env', (_accept, reject) => reject?.());
      session.on('signal', (acceptSignal, _reject, info) => {
        acceptSignal?.();
        signal(`SIG${info.name}` as NodeJS.Signals);
      });
      session.on('exec', (acceptExec, _reject, info) => {
        signal = exec.run(acceptExec(), info.command);
      });
      session.on('shell', (acceptShell) => {
        const channel = acceptShell();
        channel.stderr.write('This practice host runs commands; it has no interactive shell.\n');
        channel.exit(1);
        channel.end();
      });
      session.on('sftp', (acceptSftp) => serveSftp(acceptSftp(), layout.root, layout.home));
    });
    connection.on('tcpip', (accept, reject, info) => {
      if (!['127.0.0.1', 'localhost'].includes(info.destIP) || info.destPort !== options.servicePort) return reject();
      const socket = connect(options.servicePort, '127.0.0.1');
      socket.once('error', () => reject());
      socket.once('connect', () => {
        const channel = accept();
        socket.removeAllListeners('error');
        socket.on('error', () => channel.destroy());
        channel.on('error', () => socket.destroy());
        channel.on('close', () => socket.destroy());
        socket.on('close', () => channel.end());
        channel.pipe(socket).pipe(channel);
      });
    });
    connection.on('openssh.streamlocal', (_accept, reject) => reject());
    connection.on('request', (_accept, reject) => reject?.());
  }

  const server = new ssh2.Server({ hostKeys: [options.hostKey], ident: 'Quarterdeck_demo' }, serve);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await exec.close();
      for (const connection of connections) connection.end();
      await closed;
    },
  };
}
