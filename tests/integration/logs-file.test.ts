import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LogFilter, LogItem } from '../../src/contract/logs.ts';
import type { SshSession } from '../../src/main/drivers/ssh/types.ts';
import type { Logs } from '../../src/main/logs/logs.ts';
import { createLogs } from '../../src/main/logs/logs.ts';
import { StackDefinition } from '../../src/main/stacks/schema.ts';
import type { CutProxy } from '../support/cut-proxy.ts';
import { startCutProxy } from '../support/cut-proxy.ts';
import { connectTo, scratch, skipSsh, trusting } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

const definition = StackDefinition.parse({
  stack: 'test',
  version: 1,
  title: 'Test',
  description: '',
  inputs: [{ name: 'log_file', title: 'Log', type: 'path', required: false }],
  logs: [{ id: 'file', title: 'File', kind: 'file', from: `\${inputs.log_file}`, format: 'json' }],
});

describe.skipIf(skipSsh())('a log file over a real sshd', () => {
  let sshd: Sshd;
  let proxy: CutProxy;
  let room: ReturnType<typeof scratch>;
  let file: string;
  let logs: Logs;
  let session: SshSession | undefined;
  let policy: Awaited<ReturnType<typeof trusting>>;

  beforeAll(async () => {
    sshd = await startSshd();
    proxy = await startCutProxy({ port: sshd.port });
    policy = await trusting({ sshd, port: proxy.port });
  });
  afterAll(async () => {
    await proxy?.close();
    await sshd?.stop();
  });
  beforeEach(() => {
    room = scratch();
    file = room.path('app.log');
    const environment = { id: 'one', stack: 'test', inputs: { log_file: file } };
    logs = createLogs({
      stacks: { get: () => ({ definition }) },
      environments: { get: async () => environment as never },
      session: async () => {
        if (session !== undefined) return session;
        const opened = await connectTo(sshd, { port: proxy.port, policy });
        session = opened;
        void opened.closed.then(() => {
          if (session === opened) session = undefined;
        });
        return opened;
      },
    });
  });
  afterEach(async () => {
    await logs.close();
    await session?.close();
    session = undefined;
    room.close();
  });

  const line = (n: number): string =>
    `${JSON.stringify({ asctime: '2026-01-01 00:00:00', levelname: n % 10 === 0 ? 'ERROR' : 'INFO', name: 'app', message: `line ${n}`, n, pad: 'x'.repeat(n % 90) })}\n`;
  const write = (from: number, to: number): void =>
    appendFileSync(file, Array.from({ length: to - from }, (_, index) => line(from + index)).join(''));

  /** Reads a follow in the background. */
  async function following(options: { tail?: number; filter?: LogFilter; cursor?: string } = {}) {
    const stream = await logs.follow({
      environmentId: 'one',
      sourceId: 'file',
      tail: options.tail ?? 0,
      filter: options.filter ?? {},
      ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
    });
    const seen = { numbers: [] as number[], gaps: [] as string[], states: [] as string[], seqs: [] as number[], cursor: '' };
    const take = (item: LogItem): void => {
      if (item.kind === 'lines') {
        seen.cursor = item.cursor;
        for (const one of item.lines) {
          seen.numbers.push(Number(one.fields['n']));
          seen.seqs.push(one.seq);
        }
      } else if (item.kind === 'gap') seen.gaps.push(item.reason);
      else if (item.kind === 'state') seen.states.push(item.state);
      else throw new Error(`dropped ${item.count}`);
    };
    const done = (async () => {
      for await (const item of { [Symbol.asyncIterator]: () => stream }) take(item);
    })();
    const until = (count: number): Promise<void> =>
      expect.poll(() => seen.numbers.length, { timeout: 30_000, interval: 20 }).toBeGreaterThanOrEqual(count);
    const live = (): Promise<void> => expect.poll(() => seen.states.at(-1), { timeout: 20_000, interval: 20 }).toBe('live');
    const stop = async (): Promise<void> => {
      await stream.return();
      await done;
    };
    return { seen, until, live, stop };
  }
  const upTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index);
  /** What a process of a `ps` line was started with; nothing when it has ended meanwhile. */
  const environmentOf = (line: string): string => {
    try {
      return readFileSync(`/proc/${line.trim().split(/\s+/)[0]}/environ`, 'utf8');
    } catch {
      return '';
    }
  };
  const remoteTails = (): string => execFileSync('ps', ['-eo', 'pid,args']).toString();

  it('gives the last lines, then what comes, and goes on from a cursor after a pause', async () => {
    write(0, 500);
    const first = await following({ tail: 10 });
    await first.until(10);
    await first.live();
    write(500, 600);
    await first.until(110);
    expect(first.seen.numbers).toEqual(upTo(110, 490));
    await first.stop();
    write(600, 700);
    const second = await following({ cursor: first.seen.cursor });
    await second.until(100);
    expect(second.seen.numbers).toEqual(upTo(100, 600));
    expect(second.seen.seqs).toEqual(upTo(100));
    expect([...first.seen.gaps, ...second.seen.gaps]).toEqual([]);
    await second.stop();
  });

  it('loses nothing and repeats nothing over rotations and cut connections', async () => {
    write(0, 100);
    const total = 20_000;
    const reader = await following({ tail: 100 });
    await reader.live();
    let written = 100;
    const rotate = (): void => {
      for (let n = 8; n >= 1; n--)
        if (n === 1 || readable(`${file}.${n - 1}`)) renameSync(n === 1 ? file : `${file}.${n - 1}`, `${file}.${n}`);
      writeFileSync(file, '');
    };
    const readable = (path: string): boolean => {
      try {
        readFileSync(path);
        return true;
      } catch {
        return false;
      }
    };
    for (let round = 0; written < total; round++) {
      const next = Math.min(total, written + 317 + (round % 7) * 211);
      write(written, next);
      written = next;
      if (round % 4 === 1) rotate();
      if (round % 5 === 2) proxy.cut(round % 2 === 0 ? 'rst' : 'fin');
      // Twice without a reader in between: the files that were rotated while nobody looked are read in order.
      if (round % 9 === 5) rotate();
      await new Promise((resolve) => setTimeout(resolve, 25 + (round % 3) * 60));
    }
    await reader.until(total);
    expect(reader.seen.gaps).toEqual([]);
    expect(reader.seen.numbers).toEqual(upTo(total));
    expect(reader.seen.seqs).toEqual(upTo(total));
    expect(reader.seen.states).toContain('reconnecting');
    await reader.stop();
  });

  it('says so when the file was cut, and when its rotated part is gone', async () => {
    write(0, 100);
    const reader = await following({ tail: 100 });
    await reader.live();
    await reader.until(100);
    truncateSync(file, 0);
    await expect.poll(() => reader.seen.gaps.length, { timeout: 10_000 }).toBe(1);
    expect(reader.seen.gaps[0]).toMatch(/cut to a shorter length/);
    write(100, 110);
    await reader.until(110);
    await reader.stop();
    rmSync(file);
    writeFileSync(`${file}.new`, '');
    write(200, 205);
    const later = await following({ cursor: reader.seen.cursor });
    await later.until(5);
    expect(later.seen.gaps).toHaveLength(1);
    expect(later.seen.numbers).toEqual(upTo(5, 200));
    await later.stop();
  });

  it('notices another file behind the same inode', async () => {
    write(0, 50);
    const reader = await following({ tail: 50 });
    await reader.until(50);
    await reader.stop();
    const length = readFileSync(file).length;
    writeFileSync(file, `${line(900)}${'y'.repeat(length)}\n${line(901)}`);
    const later = await following({ cursor: reader.seen.cursor });
    await later.until(3);
    expect(later.seen.gaps).toHaveLength(1);
    expect(later.seen.numbers[0]).toBe(900);
    await later.stop();
  });

  it('waits for a file that is not there, and keeps back half a line', async () => {
    const reader = await following();
    await reader.live();
    appendFileSync(file, line(1).slice(0, 20));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(reader.seen.numbers).toEqual([]);
    appendFileSync(file, line(1).slice(20));
    await reader.until(1);
    expect(reader.seen.numbers).toEqual([1]);
    await reader.stop();
  });

  it('leaves no process behind on the host when the reader leaves', async () => {
    write(0, 10);
    const reader = await following({ tail: 1 });
    await reader.live();
    // Of this server's sessions only: other suites have commands of their own under way on this machine.
    const mine = (): number =>
      remoteTails()
        .split('\n')
        .filter((one) => one.includes('dd bs=1 count=') && environmentOf(one).includes(sshd.stateHome)).length;
    await expect.poll(mine).toBeGreaterThan(0);
    await reader.stop();
    await expect.poll(mine, { timeout: 10_000 }).toBe(0);
  });

  it('filters on the way, and finds lines in rotated and packed files', async () => {
    write(0, 3000);
    writeFileSync(`${file}.2.gz`, gzipSync(readFileSync(file)));
    writeFileSync(file, '');
    write(3000, 4000);
    renameSync(file, `${file}.1`);
    write(4000, 4100);
    const errors = await following({ tail: 15, filter: { minLevel: 'error' } });
    await errors.until(15);
    expect(errors.seen.numbers).toEqual(upTo(15).map((n) => 3950 + n * 10));
    await errors.live();
    write(4100, 4120);
    await errors.until(17);
    expect(errors.seen.numbers.slice(-2)).toEqual([4100, 4110]);
    await errors.stop();
    const found = await logs.search({ environmentId: 'one', sourceId: 'file', filter: { text: 'LINE 1234"' }, limit: 10 });
    expect(found.lines.map(({ fields }) => fields['n'])).toEqual(['1234']);
    expect(found.complete).toBe(true);
    const many = await logs.search({ environmentId: 'one', sourceId: 'file', filter: { text: 'line 3' }, limit: 5 });
    expect(many.lines.map(({ message }) => message)).toEqual([3995, 3996, 3997, 3998, 3999].map((n) => `line ${n}`));
    expect(many.complete).toBe(false);
    const all = await logs.search({ environmentId: 'one', sourceId: 'file', filter: { minLevel: 'error' }, limit: 10_000 });
    expect(all.lines.length).toBe(412);
  });
});
