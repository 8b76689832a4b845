import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** A key pair on disk. `publicKey` is `type base64`, without a comment. */
export interface TestKey {
  readonly path: string;
  readonly publicKey: string;
  readonly type: string;
  readonly fingerprint: string;
}

/** What {@link startSshd} starts. */
export interface SshdOptions {
  /** Types of host keys. Default `['ed25519']`. */
  readonly hostKeyTypes?: readonly ('ed25519' | 'ecdsa' | 'rsa')[];
  /** Further sshd_config lines; the first value of an option wins, and these come first. */
  readonly config?: readonly string[];
  /** More `type base64` lines for authorized_keys, beside the own client key. */
  readonly authorizedKeys?: readonly string[];
  /** Passwords and keyboard-interactive through PAM; needs root. Default false. */
  readonly pam?: boolean;
  /** More variables of what runs there; no white space in them. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** A running sshd on 127.0.0.1, for the user who runs the tests. */
export interface Sshd {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly user: string;
  /** A private directory; remote jobs live under `stateHome`, which is XDG_STATE_HOME on the far side. */
  readonly dir: string;
  readonly stateHome: string;
  readonly hostKeys: readonly TestKey[];
  /** A key without a passphrase that the server accepts. */
  readonly clientKey: TestKey;
  /** Lines for a known_hosts file, with `[127.0.0.1]:port`, or any other name. */
  knownHosts(name?: string): string;
  /** All of the log so far (LogLevel DEBUG). */
  log(): string;
  /** Waits until the log has a match; rejects when sshd ends first. */
  waitForLog(pattern: RegExp): Promise<string>;
  /** Starts again on the same port with new host keys. */
  rotateHostKeys(): Promise<void>;
  /** Ends sshd and the sessions it has open, by their pids. */
  stop(): Promise<void>;
}

const sshdPath = ['/usr/sbin/sshd', '/usr/bin/sshd', '/usr/local/sbin/sshd'].find((path) => existsSync(path));

/** Why no sshd can be started here, or undefined when it can. Print it as `skipped: <why>`. */
export function sshdUnavailable(): string | undefined {
  if (process.platform === 'win32') return 'no OpenSSH server for tests on Windows';
  if (sshdPath === undefined) return 'sshd is not installed';
  if (process.getuid?.() === 0) {
    try {
      mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    } catch {
      return '/run/sshd cannot be made';
    }
  }
  return undefined;
}

/** Makes a key pair with ssh-keygen. */
export function makeKey(path: string, options: { type?: string; passphrase?: string } = {}): TestKey {
  const type = options.type ?? 'ed25519';
  execFileSync(
    'ssh-keygen',
    ['-q', '-t', type, ...(type === 'rsa' ? ['-b', '2048'] : []), '-N', options.passphrase ?? '', '-C', 'quarterdeck test', '-f', path],
    { stdio: 'pipe' },
  );
  const [keyType = '', blob = ''] = readFileSync(`${path}.pub`, 'utf8').split(' ');
  const fingerprint = execFileSync('ssh-keygen', ['-l', '-f', `${path}.pub`], { encoding: 'utf8' }).split(' ')[1] ?? '';
  return { path, publicKey: `${keyType} ${blob}`, type: keyType, fingerprint };
}

/** A free port of 127.0.0.1. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** Starts an sshd with its own keys and configuration; resolves when it listens. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const why = sshdUnavailable();
  if (why !== undefined) throw new Error(why);
  const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-sshd-'));
  const stateHome = join(dir, 'state');
  const home = join(dir, 'home');
  mkdirSync(home);
  // Of its own: many labs run on one machine, and each is a host of its own.
  const lockDir = join(dir, 'shared');
  mkdirSync(lockDir);
  const port = await freePort();
  const clientKey = makeKey(join(dir, 'client'));
  writeFileSync(join(dir, 'authorized_keys'), `${[clientKey.publicKey, ...(options.authorizedKeys ?? [])].join('\n')}\n`, { mode: 0o600 });
  let hostKeys: TestKey[] = [];
  let generation = 0;
  let child: ChildProcess;
  const logFile = join(dir, 'log');
  const log = (): string => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');

  const start = async (): Promise<void> => {
    generation++;
    hostKeys = (options.hostKeyTypes ?? ['ed25519']).map((type) => makeKey(join(dir, `host-${type}-${generation}`), { type }));
    const config = join(dir, 'sshd_config');
    writeFileSync(
      config,
      `${[
        ...(options.config ?? []),
        'ListenAddress 127.0.0.1',
        `Port ${port}`,
        ...hostKeys.map((key) => `HostKey ${key.path}`),
        `AuthorizedKeysFile ${join(dir, 'authorized_keys')}`,
        'StrictModes no',
        'PermitRootLogin yes',
        `UsePAM ${options.pam === true ? 'yes' : 'no'}`,
        `PasswordAuthentication ${options.pam === true ? 'yes' : 'no'}`,
        `KbdInteractiveAuthentication ${options.pam === true ? 'yes' : 'no'}`,
        'PermitUserRC no',
        'PrintMotd no',
        'UseDNS no',
        'MaxStartups 100',
        'AllowStreamLocalForwarding yes',
        // A home of its own: commands neither run the tester's shell start-up files nor leave anything behind.
        `SetEnv ${Object.entries({ XDG_STATE_HOME: stateHome, HOME: home, QUARTERDECK_LOCK_DIR: lockDir, ...options.variables })
          .map(([name, value]) => `${name}=${value}`)
          .join(' ')}`,
        'Subsystem sftp internal-sftp',
        `PidFile ${join(dir, 'pid')}`,
        'LogLevel DEBUG1',
      ].join('\n')}\n`,
    );
    const from = log().length;
    // Not to stderr (-e): at this log level sshd would mix its lines into the stderr of the commands it runs.
    child = spawn(sshdPath as string, ['-D', '-E', logFile, '-f', config], { stdio: 'ignore' });
    await waitFor(() => /Server listening on/.test(log().slice(from)));
  };
  const waitFor = (condition: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const over = child.exitCode !== null || child.signalCode !== null;
        if (condition()) resolve();
        else if (over) reject(new Error(`sshd ended before what was waited for:\n${log().slice(-2000)}`));
        else setTimeout(look, 10);
      };
      look();
    });
  const halt = async (): Promise<void> => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const sessions = descendants(child.pid).filter((one) => one.name.startsWith('sshd'));
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    for (const session of sessions) {
      try {
        process.kill(session.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    await ended;
  };

  await start();
  return {
    host: '127.0.0.1',
    port,
    user: userInfo().username,
    dir,
    stateHome,
    clientKey,
    get hostKeys() {
      return hostKeys;
    },
    knownHosts: (name = `[127.0.0.1]:${port}`) => hostKeys.map((key) => `${name} ${key.publicKey}\n`).join(''),
    log,
    waitForLog: async (pattern) => {
      await waitFor(() => pattern.test(log()));
      return pattern.exec(log())?.[0] ?? '';
    },
    rotateHostKeys: async () => {
      await halt();
      await start();
    },
    stop: async () => {
      await halt();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The processes below one, from /proc; none where there is no /proc. */
export function descendants(pid: number): { pid: number; name: string }[] {
  if (!existsSync('/proc/self/stat')) return [];
  const all = readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const close = stat.lastIndexOf(')');
      return [{ pid: Number(entry), name: stat.slice(stat.indexOf('(') + 1, close), parent: Number(stat.slice(close + 2).split(' ')[1]) }];
    } catch {
      return [];
    }
  });
  const below = (parent: number): { pid: number; name: string }[] =>
    all.filter((one) => one.parent === parent).flatMap((one) => [{ pid: one.pid, name: one.name }, ...below(one.pid)]);
  return below(pid);
}
