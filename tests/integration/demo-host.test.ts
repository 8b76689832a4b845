import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ConnectConfig, SFTPWrapper } from 'ssh2';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layoutOf } from '../../src/main/demo/friendlyface/layout.ts';
import { startToken } from '../../src/main/demo/friendlyface/process-identity.ts';
import type { Demo, DemoInfo } from '../../src/main/demo/manager.ts';
import { createDemo } from '../../src/main/demo/manager.ts';

const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-demo-'));
const layout = layoutOf(join(dir, 'host'));
const logged: string[] = [];
const demo: Demo = createDemo({ dir, log: (line) => logged.push(line) });
let info: DemoInfo;

beforeAll(async () => {
  info = await demo.start();
});
afterAll(async () => {
  await demo.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Waits for a condition; fails after ten seconds. */
async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i += 1) {
    if (await condition()) return;
    await sleep(50);
  }
  throw new Error(`Never happened: ${what}`);
}

async function login(change: Partial<ConnectConfig> = {}): Promise<Client> {
  const client = new ssh2.Client();
  const settings: ConnectConfig = {
    host: '127.0.0.1',
    port: info.sshPort,
    username: info.user,
    privateKey: readFileSync(info.keyPath),
    hostVerifier: (key: Buffer) =>
      `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}` === info.hostKeyFingerprint,
    ...change,
  };
  return new Promise((resolve, reject) => {
    client.once('ready', () => resolve(client));
    client.once('error', reject);
    client.connect(settings);
    client.setNoDelay(true);
  });
}

async function withLogin<T>(use: (client: Client) => Promise<T>): Promise<T> {
  const client = await login();
  const closed = once(client, 'close');
  try {
    return await use(client);
  } finally {
    client.end();
    await closed;
  }
}

const exec = (client: Client, command: string, input = '') =>
  new Promise<{ code: number | null; signal: string | undefined; stdout: string; stderr: string }>((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) return reject(error);
      let stdout = '';
      let stderr = '';
      let code: number | null = null;
      let signal: string | undefined;
      channel.on('data', (data: Buffer) => (stdout += data.toString()));
      channel.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
      channel.on('exit', (status: number | null, name?: string) => {
        code = status;
        signal = name;
      });
      channel.on('close', () => resolve({ code, signal, stdout, stderr }));
      channel.end(input);
    });
  });

const sftpOf = (client: Client) =>
  new Promise<SFTPWrapper>((resolve, reject) => client.sftp((error, sftp) => (error ? reject(error) : resolve(sftp))));
/** A callback-style call as a promise of its result, or of the error's message. */
const outcome = <T>(call: (done: (error: Error | null | undefined, value?: T) => void) => void) =>
  new Promise<T | string | undefined>((resolve) => call((error, value) => resolve(error ? error.message : value)));

describe('login', () => {
  it('hands out a key file and an API key once, 0600, and neither key nor password works otherwise', async () => {
    expect(statSync(info.keyPath).mode & 0o777).toBe(0o600);
    const apiKey = await demo.takeApiKey();
    expect(apiKey).toMatch(/^ffk_[0-9a-f]{40}$/);
    await expect(demo.takeApiKey()).rejects.toMatchObject({ code: 'secret-missing' });
    expect((await fetch(`${info.inputs['base_url']}/dashboard`, { headers: { 'x-api-key': apiKey, connection: 'close' } })).status).toBe(
      200,
    );
    expect(JSON.stringify(demo.status())).not.toContain(apiKey);
    expect(logged.join('\n')).not.toContain(apiKey);

    await expect(login({ privateKey: ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }).private })).rejects.toThrow(/authentication/);
    await expect(login({ username: 'somebody' })).rejects.toThrow(/authentication/);
    await expect(login({ privateKey: '', password: 'practice' })).rejects.toThrow(/authentication/);
  });

  it('listens on the loopback address only', async () => {
    const other = Object.values(networkInterfaces())
      .flat()
      .find((item) => item !== undefined && item.family === 'IPv4' && !item.internal);
    if (other === undefined) return console.log('skipped: no address but the loopback one');
    for (const port of [info.sshPort, Number(new URL(info.inputs['base_url'] ?? '').port)]) {
      const socket = connect(port, other.address);
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).toBe('ECONNREFUSED');
    }
  });
});

describe('commands', () => {
  it('run in the scratch home with a clean environment, and tell exit codes, signals, input and errors', async () => {
    await withLogin(async (client) => {
      expect(await exec(client, 'pwd; printf %s "$HOME"; exit 7')).toEqual({
        code: 7,
        signal: undefined,
        stdout: `${layout.home}\n${layout.home}`,
        stderr: '',
      });
      const environment = (await exec(client, 'env')).stdout.split('\n').map((line) => line.split('=')[0]);
      expect(
        environment.filter(
          (name) =>
            name !== '' &&
            // The demo's lock is its own: practising holds nobody up on this machine.
            ![
              'QUARTERDECK_LOCK_DIR',
              'HOME',
              'PATH',
              'SHELL',
              'USER',
              'LOGNAME',
              'TMPDIR',
              'LANG',
              'TZ',
              'PWD',
              'OLDPWD',
              'SHLVL',
              '_',
            ].includes(name ?? ''),
        ),
      ).toEqual([]);
      expect(await exec(client, '/bin/sh -s', 'echo from stdin; echo oops >&2\n')).toEqual({
        code: 0,
        signal: undefined,
        stdout: 'from stdin\n',
        stderr: 'oops\n',
      });
      expect(await exec(client, 'kill -TERM $$')).toMatchObject({ signal: 'SIGTERM' });
      expect(await exec(client, 'kill -BUS $$')).toMatchObject({ code: 135 });
      expect((await exec(client, 'head -c 3000000 /dev/zero')).stdout).toHaveLength(3_000_000);
      expect((await exec(client, 'true', 'x'.repeat(500_000))).code).toBe(0);
    });
  });

  it('restart the service through ffctl', async () => {
    await withLogin(async (client) => {
      const before = (await exec(client, `${info.inputs['service_control']} status`)).stdout;
      expect((await exec(client, 'ffctl restart')).code).toBe(0);
      const after = (await exec(client, 'ffctl status')).stdout;
      expect(after).toMatch(/^running pid=\d+ started=/);
      expect(after).not.toBe(before);
    });
  });

  it('get no shell and no terminal', async () => {
    await withLogin(async (client) => {
      expect(await outcome((done) => client.shell(done))).toMatch(/unable to|pseudo|pty/i);
      expect(await outcome((done) => client.exec('true', { pty: true }, done))).toMatch(/pseudo|pty/i);
    });
  });
});

describe('SFTP', () => {
  it('writes, syncs, renames over, reads, lists and removes', async () => {
    await withLogin(async (client) => {
      const sftp = await sftpOf(client);
      const bytes = Buffer.alloc(700_000, 'quarterdeck ');
      const part = join(layout.home, 'file.part');
      const final = join(layout.home, 'file.bin');
      writeFileSync(final, 'old');
      const stream = sftp.createWriteStream(part, { mode: 0o600 });
      stream.end(bytes);
      await once(stream, 'close');
      const handle = (await outcome<Buffer>((done) => sftp.open(part, 'r+', done))) as Buffer;
      expect(await outcome((done) => sftp.ext_openssh_fsync(handle, done))).toBeUndefined();
      expect(await outcome((done) => sftp.close(handle, done))).toBeUndefined();
      expect(await outcome((done) => sftp.rename(part, final, done))).toMatch(/exists/);
      expect(await outcome((done) => sftp.ext_openssh_rename(part, final, done))).toBeUndefined();
      expect(statSync(final).mode & 0o777).toBe(0o600);
      const chunks: Buffer[] = [];
      for await (const chunk of sftp.createReadStream('file.bin')) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
      expect(await outcome((done) => sftp.mkdir('sub', done))).toBeUndefined();
      const names = (await outcome<{ filename: string }[]>((done) => sftp.readdir('.', done))) as { filename: string }[];
      expect(names.map((entry) => entry.filename)).toEqual(expect.arrayContaining(['file.bin', 'sub']));
      expect(await outcome((done) => sftp.realpath('sub/..', done))).toBe(layout.home);
      expect(await outcome((done) => sftp.rmdir('sub', done))).toBeUndefined();
      expect(await outcome((done) => sftp.unlink(final, done))).toBeUndefined();
      expect(await outcome((done) => sftp.stat(final, done))).toMatch(/no such file/i);
    });
  });

  it('never leaves its folder: .., absolute paths, links, dangling links', async () => {
    const outside = join(dir, 'outside.txt');
    writeFileSync(outside, 'private');
    symlinkSync(outside, join(layout.home, 'link'));
    symlinkSync(dir, join(layout.home, 'dirlink'));
    symlinkSync(join(dir, 'made-by-link'), join(layout.home, 'dangling'));
    await withLogin(async (client) => {
      const sftp = await sftpOf(client);
      const denied = /permission denied/i;
      for (const path of ['/etc/passwd', '../../outside.txt', outside, 'link', 'dirlink/outside.txt', info.keyPath, '/']) {
        expect(await outcome((done) => sftp.stat(path, done)), path).toMatch(denied);
        expect(await outcome((done) => sftp.open(path, 'r', done)), path).toMatch(denied);
        expect(await outcome((done) => sftp.open(path, 'w', done)), path).toMatch(denied);
      }
      for (const path of ['../..', 'dirlink', '/']) expect(await outcome((done) => sftp.readdir(path, done)), path).toMatch(denied);
      expect(await outcome((done) => sftp.open('dangling', 'w', done))).toMatch(denied);
      expect(await outcome((done) => sftp.mkdir('../../made', done))).toMatch(denied);
      expect(await outcome((done) => sftp.unlink(outside, done))).toMatch(denied);
      expect(await outcome((done) => sftp.ext_openssh_rename('link', '../../moved', done))).toMatch(denied);
      expect(await outcome((done) => sftp.symlink('/etc', 'made', done))).toMatch(/unsupported/i);
      // The link itself is an entry of the folder, and may go.
      expect(await outcome((done) => sftp.unlink('link', done))).toBeUndefined();
    });
    expect(readFileSync(outside, 'utf8')).toBe('private');
    expect(existsSync(join(dir, 'made-by-link'))).toBe(false);
  });
});

describe('forwarding', () => {
  it('reaches the service, and nothing else', async () => {
    const port = Number(new URL(info.inputs['base_url'] ?? '').port);
    await withLogin(async (client) => {
      const answer = await new Promise<string>((resolve, reject) => {
        client.forwardOut('127.0.0.1', 0, '127.0.0.1', port, (error, channel) => {
          if (error) return reject(error);
          let text = '';
          channel.on('data', (data: Buffer) => (text += data.toString()));
          channel.on('close', () => resolve(text));
          channel.write('GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
        });
      });
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
      for (const [host, target] of [
        ['127.0.0.1', info.sshPort],
        ['127.0.0.2', port],
        ['example.org', 80],
      ] as const) {
        expect(await outcome((done) => client.forwardOut('127.0.0.1', 0, host, target, done)), host).toMatch(/channel open failure/i);
      }
      expect(await outcome((done) => client.openssh_forwardOutStreamLocal('/run/docker.sock', done))).toMatch(
        /open failure|not supported|OpenSSH/i,
      );
      expect(await outcome((done) => client.forwardIn('127.0.0.1', 0, done))).toMatch(/unable to bind/i);
    });
  });
});

describe('faults and traffic', () => {
  it('shows a nearly full disk to df, and the real one afterwards', async () => {
    await withLogin(async (client) => {
      const used = async () => Number(/(\d+)%/.exec((await exec(client, 'df -Pk .')).stdout)?.[1]);
      const real = await used();
      await demo.setFault('disk-nearly-full', true);
      expect(demo.status().faults).toEqual(['disk-nearly-full']);
      expect(await used()).toBe(98);
      await demo.setFault('disk-nearly-full', false);
      expect(await used()).toBe(real);
    });
  });

  it('switches a fault of the service, in force when the call returns', async () => {
    await demo.setFault('database-gone', true);
    expect(existsSync(layout.dbPath)).toBe(false);
    expect((await fetch(`${info.inputs['base_url']}/health`, { headers: { connection: 'close' } })).status).toBe(500);
    await demo.setFault('database-gone', false);
    expect((await fetch(`${info.inputs['base_url']}/health`, { headers: { connection: 'close' } })).status).toBe(200);
  });

  it('makes traffic by itself', async () => {
    const size = () => statSync(layout.logFile).size;
    const before = size();
    await until('the log grows', () => size() > before);
  });
});

describe('the end', () => {
  const servicePid = () => Number(readFileSync(layout.pidFile, 'utf8').split(' ')[0]);

  it('leaves no process behind after stop, and starts again with the same data and host key', async () => {
    const pid = servicePid();
    await withLogin(async (client) => {
      // A command that is still running, and ignores the dropped connection.
      client.exec('echo $$ >sleeper; exec sleep 600', () => undefined);
      await until(
        'the command runs',
        () => existsSync(join(layout.home, 'sleeper')) && readFileSync(join(layout.home, 'sleeper'), 'utf8').endsWith('\n'),
      );
    });
    const sleeper = Number(readFileSync(join(layout.home, 'sleeper'), 'utf8'));
    expect(startToken(sleeper)).not.toBeNull();
    await demo.stop();
    expect(startToken(sleeper)).toBeNull();
    expect(startToken(pid)).toBeNull();
    expect(demo.status()).toMatchObject({ state: 'stopped', info: null, lastError: null });
    await expect(demo.setFault('slow', true)).rejects.toMatchObject({ code: 'not-connected' });
    // Whoever wants to practise a password login puts one there.
    writeFileSync(join(dir, 'private', 'password'), 'practice\n', { mode: 0o600 });
    const again = await demo.start();
    expect(again).toEqual(info);
    const byPassword = new ssh2.Client();
    const closed = once(byPassword, 'close');
    byPassword.connect({ host: '127.0.0.1', port: info.sshPort, username: info.user, password: 'practice', hostVerifier: () => true });
    await once(byPassword, 'ready');
    byPassword.end();
    await closed;
    await expect(login({ privateKey: '', password: 'guess' })).rejects.toThrow(/authentication/);
  });

  /** A program that starts the demo of `target`, prints its child's and service's ids, and waits to be killed. */
  function parent(target: string) {
    const source = `
      import { readFileSync } from 'node:fs';
      const { createDemo } = await import(process.argv[1]);
      const demo = createDemo({ dir: process.argv[2], log: () => undefined });
      try {
        await demo.start();
        const child = JSON.parse(readFileSync(process.argv[2] + '/private/state.json', 'utf8')).child.pid;
        const service = Number(readFileSync(process.argv[2] + '/host/friendlyface/run/friendlyface.pid', 'utf8').split(' ')[0]);
        console.log(JSON.stringify({ child, service }));
        setInterval(() => undefined, 1000);
      } catch (error) {
        console.log(JSON.stringify({ code: error.code }));
      }`;
    const manager = new URL('../../src/main/demo/manager.ts', import.meta.url).href;
    return spawn(process.execPath, ['--input-type=module', '-e', source, manager, target], { stdio: ['ignore', 'pipe', 'inherit'] });
  }
  async function firstLine(process: ReturnType<typeof parent>): Promise<Record<string, unknown>> {
    const [data] = (await once(process.stdout, 'data')) as [Buffer];
    return JSON.parse(data.toString()) as Record<string, unknown>;
  }

  it('ends by itself when the app is killed, is refused to a second app, and cleans up after a killed child', async () => {
    const other = mkdtempSync(join(tmpdir(), 'quarterdeck-demo-'));
    try {
      const first = parent(other);
      const ids = (await firstLine(first)) as { child: number; service: number };
      const second = parent(other);
      expect(await firstLine(second)).toEqual({ code: 'conflict' });
      await once(second, 'close');
      expect(startToken(ids.service)).not.toBeNull();

      first.kill('SIGKILL');
      await once(first, 'close');
      await until('the child and the service end', () => startToken(ids.child) === null && startToken(ids.service) === null);

      const third = parent(other);
      const left = (await firstLine(third)) as { child: number; service: number };
      process.kill(left.child, 'SIGKILL');
      third.kill('SIGKILL');
      await once(third, 'close');
      await until('the child is gone', () => startToken(left.child) === null);
      expect(startToken(left.service)).not.toBeNull();
      const cleaner = createDemo({ dir: other, log: () => undefined });
      await cleaner.start();
      expect(startToken(left.service)).toBeNull();
      await cleaner.close();
    } finally {
      rmSync(other, { recursive: true, force: true });
    }
  });
});
