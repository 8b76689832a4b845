import { once } from 'node:events';
import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExecStream, SshSession } from '../../src/main/drivers/ssh/types.ts';
import { connectTo, scratch, skipSsh } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

describe.skipIf(skipSsh())('channels under MaxSessions 2', () => {
  let sshd: Sshd;
  let session: SshSession;
  beforeAll(async () => {
    sshd = await startSshd({ config: ['MaxSessions 2'] });
  });
  afterAll(async () => {
    await session?.close();
    await sshd?.stop();
  });

  it('runs twenty commands at once by queueing', async () => {
    session = await connectTo(sshd);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => session.exec({ script: 'sleep 0.02; echo "$1"', args: [String(index)] })),
    );
    expect(outcomes.map((outcome) => (outcome.outcome === 'done' ? outcome.stdout.toString() : outcome))).toEqual(
      Array.from({ length: 20 }, (_, index) => `${index}\n`),
    );
  });

  it('keeps a slot for commands while tails are wanted, also before the limit is known', async () => {
    const other = await connectTo(sshd);
    const streams: ExecStream[] = [];
    const abort = new AbortController();
    const wanted = Array.from({ length: 3 }, () =>
      other.stream({ script: 'echo up; exec tail -f /dev/null' }, { signal: abort.signal }).then((one) => streams.push(one)),
    );
    await Promise.race(wanted);
    for (let turn = 0; turn < 5; turn++) expect(await other.exec({ script: ':' })).toMatchObject({ outcome: 'done' });
    expect(streams).toHaveLength(1);
    streams[0]?.close();
    await Promise.race(wanted.slice(1));
    abort.abort();
    await Promise.allSettled(wanted);
    for (const one of streams) one.close();
    await other.close();
  });
});

describe.skipIf(skipSsh())('streams and forwards', () => {
  const room = scratch();
  let sshd: Sshd;
  let session: SshSession;
  beforeAll(async () => {
    sshd = await startSshd();
    session = await connectTo(sshd);
  });
  afterAll(async () => {
    await session?.close();
    await sshd?.stop();
    room.close();
  });

  it('pipes stdin through a stream and ends with its exit code', async () => {
    const pipe = await session.stream({ script: 'tr a-z A-Z; echo bye >&2; exit 9' });
    const [stdout, stderr] = [text(pipe.stdout), text(pipe.stderr)];
    pipe.stdin.write('hello ');
    pipe.stdin.end('world');
    expect(await stdout).toBe('HELLO WORLD');
    expect(await stderr).toBe('bye\n');
    expect(await pipe.ended).toMatchObject({ outcome: 'done', exitCode: 9 });
  });

  it('ends without stdin, and with stderr that nobody reads', async () => {
    const one = await session.stream({ script: 'head -c 3000000 /dev/zero >&2; echo end; exit 2' });
    expect(await text(one.stdout)).toBe('end\n');
    expect(await one.ended).toMatchObject({ outcome: 'done', exitCode: 2 });
  });

  it('holds the host back while its reader pauses, and loses nothing', async () => {
    const big = await session.stream({ script: 'head -c 20000000 /dev/zero' });
    let size = 0;
    for await (const chunk of big.stdout) {
      size += (chunk as Buffer).length;
      if (size % 7 === 0) await new Promise(setImmediate);
    }
    expect(size).toBe(20_000_000);
    expect(await big.ended).toMatchObject({ outcome: 'done', exitCode: 0 });
  });

  it('closing a silent tail ends its processes on the host', async () => {
    const tail = await session.stream({ script: 'echo $$; exec tail -f /dev/null' });
    const [pid] = (await once(tail.stdout, 'data')) as [Buffer];
    const alive = async () => {
      const seen = await session.exec({ script: 'kill -0 "$1"', args: [pid.toString().trim()] });
      return seen.outcome === 'done' && seen.exitCode === 0;
    };
    expect(await alive()).toBe(true);
    tail.close();
    expect(await tail.ended).toMatchObject({ outcome: 'unknown', problem: { code: 'cancelled' } });
    await expect.poll(alive).toBe(false);
  });

  it('forwards TCP and Unix sockets, and says what refused', async () => {
    const echo = (server: Server) => server.on('connection', (socket) => socket.pipe(socket));
    const tcp = echo(createServer()).listen(0, '127.0.0.1');
    const unix = echo(createServer()).listen(room.path('socket'));
    await Promise.all([once(tcp, 'listening'), once(unix, 'listening')]);
    const { port } = tcp.address() as { port: number };
    for (const forward of [await session.forwardTcp('127.0.0.1', port), await session.forwardUnix(room.path('socket'))]) {
      forward.end('ping');
      expect(await text(forward)).toBe('ping');
    }
    await expect(session.forwardTcp('127.0.0.1', 1)).rejects.toMatchObject({
      code: 'ssh-channel-refused',
      message: expect.stringContaining('127.0.0.1:1'),
      data: { retryable: true },
    });
    await expect(session.forwardUnix(room.path('absent'))).rejects.toMatchObject({
      code: 'ssh-channel-refused',
      message: expect.stringContaining('absent'),
    });
    for (const server of [tcp, unix]) await new Promise((resolve) => server.close(resolve));
  });

  it('says that forwarding is forbidden', async () => {
    const strict = await startSshd({ config: ['AllowTcpForwarding no'] });
    const other = await connectTo(strict);
    await expect(other.forwardTcp('127.0.0.1', 1)).rejects.toMatchObject({
      code: 'ssh-channel-refused',
      message: expect.stringContaining('forbids'),
      data: { retryable: false },
    });
    await other.close();
    await strict.stop();
  });

  it('says that an account cannot run commands', async () => {
    const forced = await startSshd({ config: ['ForceCommand echo this account is for backups only; exit 1'] });
    const other = await connectTo(forced);
    expect(await other.exec({ script: 'touch never' })).toMatchObject({
      outcome: 'failed',
      problem: { code: 'remote-command-failed', message: expect.stringContaining('backups only') },
    });
    await other.close();
    await forced.stop();
  });
});
