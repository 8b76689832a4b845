import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { finished } from 'node:stream/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Problem } from '../../src/contract/problem.ts';
import { createSshSession } from '../../src/main/drivers/ssh/session.ts';
import type { ExecStream, SshSession } from '../../src/main/drivers/ssh/types.ts';
import type { CutMode, CutProxy } from '../support/cut-proxy.ts';
import { startCutProxy } from '../support/cut-proxy.ts';
import { connectTo, hopTo, scratch, skipSsh, trusting } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

const keepalive = { intervalMs: 150, count: 3 };
const words: Record<CutMode, RegExp> = { fin: /the other side closed it/, rst: /was reset/, silent: /nothing was heard/ };
const modes = ['fin', 'rst', 'silent'] as const;

async function line(stream: ExecStream): Promise<string> {
  const [chunk] = (await once(stream.stdout, 'data')) as [Buffer];
  return chunk.toString();
}
async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

describe.skipIf(skipSsh())('connections that are taken away', () => {
  const room = scratch();
  let sshd: Sshd;
  let proxy: CutProxy;
  let session: SshSession;
  beforeAll(async () => {
    sshd = await startSshd();
    proxy = await startCutProxy(sshd);
  });
  const connect = (): Promise<SshSession> => connectTo(sshd, { port: proxy.port, keepalive });
  beforeEach(async () => {
    session = await connect();
  });
  afterEach(async () => {
    await session.close();
    // What a silent cut left half open.
    proxy.cut('rst');
  });
  afterAll(async () => {
    await proxy?.close();
    await sshd?.stop();
    room.close();
  });

  it.each(modes)('%s in the middle of a command: unknown, with the reason in words', async (mode) => {
    const marker = room.path(`started-${mode}`);
    const running = session.exec({ script: 'echo begun >"$1"; sleep 5', args: [marker] }, { timeoutMs: 30_000 });
    await expect.poll(() => existsSync(marker)).toBe(true);
    proxy.cut(mode);
    expect(await running).toMatchObject({
      outcome: 'unknown',
      problem: { code: 'ssh-connection-lost', retryable: true, message: expect.stringMatching(words[mode]) },
    });
    expect(await session.closed).toMatchObject({ code: 'ssh-connection-lost', message: expect.stringMatching(words[mode]) });
    await expect(session.exec({ script: ':' })).rejects.toMatchObject({ code: 'ssh-connection-lost' });
    await expect(session.files.stat('/')).rejects.toMatchObject({ code: 'ssh-connection-lost' });
  });

  it.each(modes)('%s in the middle of a tail: its streams end and its outcome is unknown', async (mode) => {
    const file = room.path(`log-${mode}`);
    writeFileSync(file, 'first\n');
    const tail = await session.stream({ script: 'exec tail -n +1 -f "$1"', args: [file] });
    expect(await line(tail)).toBe('first\n');
    proxy.cut(mode);
    expect(await tail.ended).toMatchObject({
      outcome: 'unknown',
      problem: { code: 'ssh-connection-lost', message: expect.stringMatching(words[mode]) },
    });
    tail.stdout.resume();
    await finished(tail.stdout);
  });

  it.each(modes)('%s in the middle of a download and an upload: rejects, keeps the part, resumes', async (mode) => {
    const source = room.path(`source-${mode}`);
    const target = room.path(`target-${mode}`);
    writeFileSync(source, randomBytes(12_000_000));
    writeFileSync(target, 'the old file');
    const expected = await sha256(source);
    for (const direction of ['down', 'up'] as const) {
      const move = () => (direction === 'down' ? session.files.download(source, target) : session.files.upload(source, target));
      const cut = proxy.cutAfter(direction, 6_000_000, mode);
      const error = await move().catch((reason: unknown) => reason);
      await cut;
      expect(error).toBeInstanceOf(Problem);
      expect(error).toMatchObject({ code: 'ssh-connection-lost', data: { retryable: true } });
      if (direction === 'down') expect(readFileSync(target, 'utf8')).toBe('the old file');
      expect(statSync(`${target}.part`).size).toBeGreaterThan(0);
      session = await connect();
      const result = await move();
      expect(result).toMatchObject({ bytes: 12_000_000, sha256: expected });
      expect(result.resumedFrom).toBeGreaterThan(0);
      expect(await sha256(target)).toBe(expected);
      expect(existsSync(`${target}.part`)).toBe(false);
    }
  });

  it('resumes a download of 200 MB where it was cut', async () => {
    const source = room.path('big');
    const block = randomBytes(1_000_000);
    writeFileSync(
      source,
      Buffer.concat(
        Array.from({ length: 200 }, (_, index) => Buffer.concat([Buffer.from(String(index)), block.subarray(String(index).length)])),
      ),
    );
    const expected = await sha256(source);
    const target = room.path('big-copy');
    const cut = proxy.cutAfter('down', 120_000_000, 'rst');
    await expect(session.files.download(source, target)).rejects.toMatchObject({ code: 'ssh-connection-lost' });
    await cut;
    session = await connect();
    const before = proxy.relayed.down;
    const result = await session.files.download(source, target);
    expect(result).toMatchObject({ bytes: 200_000_000, sha256: expected });
    expect(result.resumedFrom).toBeGreaterThan(100_000_000);
    expect(proxy.relayed.down - before).toBeLessThan(100_000_000);
    expect(await sha256(target)).toBe(expected);
  });

  it('a job goes on after the cut and is found again', async () => {
    const gate = room.path('gate');
    const state = await session.detach(
      'survivor',
      { script: 'read -r word; echo "begun $word"; while [ ! -e "$1" ]; do sleep 0.05; done; echo finished; exit 4', args: [gate] },
      { input: 'secret\n' },
    );
    expect(state.state).toBe('running');
    let seen = '';
    const begun = new Promise<void>((resolve) => {
      void session
        .awaitDetached('survivor', {
          onOutput: (text) => {
            seen += text;
            resolve();
          },
        })
        .then((outcome) => {
          expect(outcome).toMatchObject({ outcome: 'unknown', problem: { code: 'ssh-connection-lost' } });
          resolve();
        });
    });
    await begun;
    expect(seen).toBe('begun secret\n');
    proxy.cut('rst');
    await session.closed;
    writeFileSync(gate, '');
    session = await connect();
    expect(await session.awaitDetached('survivor')).toMatchObject({
      outcome: 'done',
      exitCode: 4,
      stdout: 'begun secret\nfinished\n',
      stderr: '',
    });
  });

  it('a cut behind a jump host names what was lost', async () => {
    const route = { jumps: [hopTo(sshd)], target: hopTo(sshd, { port: proxy.port }) };
    const behind = await createSshSession(route, {
      policy: await trusting(sshd, { sshd, port: proxy.port }),
      secrets: async () => undefined,
      keepalive,
    });
    proxy.cut('fin');
    expect(await behind.closed).toMatchObject({ code: 'ssh-connection-lost', message: expect.stringContaining(`:${proxy.port}`) });
    await behind.close();
  });

  it('rejects a handshake that is cut, and one that stalls', async () => {
    proxy.refuse();
    await expect(connect()).rejects.toMatchObject({ code: 'ssh-unreachable', data: { retryable: true } });
    proxy.restore();
    const mute = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as { port: number };
    await expect(connectTo(sshd, { port, readyTimeoutMs: 300 })).rejects.toMatchObject({ code: 'ssh-timeout', data: { retryable: true } });
    await new Promise((resolve) => mute.close(resolve));
  });
});
