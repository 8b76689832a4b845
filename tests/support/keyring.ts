import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const needed = ['dbus-daemon', 'gnome-keyring-daemon', 'gdbus'];

/** Why no keyring can be started here, or undefined when it can. */
export function keyringUnavailable(): string | undefined {
  if (process.platform !== 'linux') return 'the Secret Service is Linux only';
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const missing = needed.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  return missing.length === 0 ? undefined : `${missing.join(', ')} not installed`;
}

/** Skips a suite that cannot run here, and says so. Use as `describe.skipIf(skipKeyring())`. */
export function skipKeyring(): boolean {
  const why = keyringUnavailable();
  if (why !== undefined) console.log(`skipped: ${why}`);
  return why !== undefined;
}

/** A message bus of its own in a scratch home, with gnome-keyring on it or not. */
export interface Keyring {
  readonly dir: string;
  /** The environment of a process that shall see this keyring; nothing of the tests' own session is in it. */
  readonly env: Readonly<Record<string, string>>;
  /** Locks the login collection, as a screen lock may. */
  lock(): Promise<void>;
  /** Unlocks it in place, as signing in to a desktop does. */
  unlock(): Promise<void>;
  /** Stops the daemon in its tracks, or lets it go on: a call then hangs, as at a prompt that nobody answers. */
  pause(on: boolean): void;
  /** Ends the daemon and starts it again, unlocked. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** What {@link startKeyring} starts. */
export interface KeyringOptions {
  /** False: the bus only, without a Secret Service. Default true. */
  readonly service?: boolean;
  readonly password?: string;
}

/** Starts a private bus and an unlocked gnome-keyring. */
export async function startKeyring({ service = true, password = 'keyring password of a test' }: KeyringOptions = {}): Promise<Keyring> {
  const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-keyring-'));
  const folder = (name: string): string => {
    const path = join(dir, name);
    mkdirSync(path, { mode: 0o700 });
    return path;
  };
  const socket = join(dir, 'bus');
  const config = join(dir, 'bus.conf');
  // No service folders: nothing is started by itself, neither another keyring nor a prompt.
  writeFileSync(
    config,
    `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=${socket}</listen><policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>\n`,
  );
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder('home'),
    XDG_DATA_HOME: folder('data'),
    XDG_CONFIG_HOME: folder('config'),
    XDG_CACHE_HOME: folder('cache'),
    XDG_RUNTIME_DIR: folder('run'),
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${socket}`,
  };
  const bus = spawn('dbus-daemon', ['--nofork', '--nopidfile', `--config-file=${config}`], { env, stdio: 'ignore' });
  await until(() => existsSync(socket), bus, 'the message bus');
  const call = (...args: string[]) => run('gdbus', ['call', '--session', ...args], { env });
  const owned = async (): Promise<boolean> => {
    const { stdout } = await call(
      '--dest',
      'org.freedesktop.DBus',
      '--object-path',
      '/org/freedesktop/DBus',
      '--method',
      'org.freedesktop.DBus.NameHasOwner',
      'org.freedesktop.secrets',
    );
    return stdout.includes('true');
  };
  let daemon: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    daemon = spawn('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets'], {
      env,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    daemon.stdin?.end(password);
    await until(owned, daemon, 'the keyring');
  };
  if (service) await start();
  return {
    dir,
    env,
    async lock() {
      await call(
        '--dest',
        'org.freedesktop.secrets',
        '--object-path',
        '/org/freedesktop/secrets',
        '--method',
        'org.freedesktop.Secret.Service.Lock',
        "['/org/freedesktop/secrets/collection/login']",
      );
    },
    unlock: () => control(join(env.XDG_RUNTIME_DIR, 'keyring', 'control'), password),
    pause: (on) => void daemon?.kill(on ? 'SIGSTOP' : 'SIGCONT'),
    async restart() {
      await end(daemon);
      await start();
    },
    async stop() {
      await end(daemon);
      await end(bus);
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** gnome-keyring's control protocol, as its PAM module speaks it: a credentials byte, then length, operation 1 (unlock), and one string. */
function control(path: string, password: string): Promise<void> {
  const text = Buffer.from(password);
  const message = Buffer.alloc(1 + 12 + text.length);
  message.writeUInt32BE(12 + text.length, 1);
  message.writeUInt32BE(1, 5);
  message.writeUInt32BE(text.length, 9);
  text.copy(message, 13);
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(message));
    let reply = Buffer.alloc(0);
    socket.on('data', (data) => {
      reply = Buffer.concat([reply, data]);
    });
    socket.on('error', reject);
    socket.on('close', () =>
      reply.length >= 8 && reply.readUInt32BE(4) === 0
        ? resolve()
        : reject(new Error(`the keyring was not unlocked (${reply.toString('hex')})`)),
    );
  });
}

async function until(condition: () => boolean | Promise<boolean>, child: ChildProcess, what: string): Promise<void> {
  while (!(await condition())) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${what} ended while it was waited for`);
    await new Promise((next) => setTimeout(next, 20));
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  child.kill('SIGCONT');
  await ended;
}
