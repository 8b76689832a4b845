import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LogFilter, LogItem, LogLine } from '../../src/contract/logs.ts';
import type { SshSession } from '../../src/main/drivers/ssh/types.ts';
import type { Logs } from '../../src/main/logs/logs.ts';
import { createLogs } from '../../src/main/logs/logs.ts';
import { StackDefinition } from '../../src/main/stacks/schema.ts';
import type { CutProxy } from '../support/cut-proxy.ts';
import { startCutProxy } from '../support/cut-proxy.ts';
import type { Journald } from '../support/journald.ts';
import { journaldUnavailable, startJournald } from '../support/journald.ts';
import { connectTo, skipSsh, trusting } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

const definition = StackDefinition.parse({
  stack: 'test',
  version: 1,
  title: 'Test',
  description: '',
  inputs: [{ name: 'unit', title: 'Unit', type: 'text', required: false }],
  logs: [{ id: 'unit', title: 'Unit', kind: 'journald', from: `\${inputs.unit}`, format: 'json' }],
});

const upTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(skipSsh(journaldUnavailable()))('a unit of a real journal over a real sshd', () => {
  let journal: Journald;
  let sshd: Sshd;
  let proxy: CutProxy;
  let policy: Awaited<ReturnType<typeof trusting>>;
  let logs: Logs;
  let session: SshSession | undefined;
  let service: Awaited<ReturnType<Journald['unit']>>;
  let unit: string;
  let round = 0;

  beforeAll(async () => {
    journal = await startJournald();
    sshd = await startSshd({ variables: { PATH: `${journal.bin}:/usr/local/bin:/usr/bin:/bin` } });
    proxy = await startCutProxy({ port: sshd.port });
    policy = await trusting({ sshd, port: proxy.port });
  });
  afterAll(async () => {
    await proxy?.close();
    await sshd?.stop();
    await journal?.stop();
  });
  beforeEach(async () => {
    unit = `quarterdeck-test-${round++}.service`;
    service = await journal.unit(unit);
    logs = createLogs({
      stacks: { get: () => ({ definition }) },
      environments: { get: async () => ({ id: 'one', stack: 'test', inputs: { unit } }) as never },
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
    await service?.close();
    await logs.close();
    await session?.close();
    session = undefined;
  });

  const json = (n: number, more: Record<string, unknown> = {}): string =>
    `${JSON.stringify({ levelname: n % 10 === 0 ? 'ERROR' : 'INFO', message: `line ${n}`, n, ...more })}\n`;
  const lines = (from: number, to: number): string =>
    upTo(to - from, from)
      .map((n) => json(n))
      .join('');
  const source = { environmentId: 'one', sourceId: 'unit' };
  const kept = (count: number): Promise<void> =>
    expect
      .poll(() => journal.journalctl('--quiet', '--unit', unit, '--output', 'cat').split('\n').length - 1, { timeout: 20_000 })
      .toBe(count);

  async function following(options: { tail?: number; filter?: LogFilter; cursor?: string } = {}) {
    const { tail = 0, filter = {}, cursor } = options;
    const stream = await logs.follow({ ...source, tail, filter, ...(cursor === undefined ? {} : { cursor }) });
    const seen = { lines: [] as LogLine[], gaps: [] as string[], states: [] as string[], cursor: '' };
    const take = (item: LogItem): void => {
      if (item.kind === 'lines') {
        seen.cursor = item.cursor;
        seen.lines.push(...item.lines);
      } else if (item.kind === 'gap') seen.gaps.push(item.reason);
      else if (item.kind === 'state') seen.states.push(item.detail ?? item.state);
      else throw new Error(`dropped ${item.count}`);
    };
    const done = (async () => {
      for await (const item of { [Symbol.asyncIterator]: () => stream }) take(item);
    })();
    return {
      seen,
      numbers: () => seen.lines.map(({ fields }) => Number(fields['n'])),
      until: (count: number) => expect.poll(() => seen.lines.length, { timeout: 30_000, interval: 20 }).toBeGreaterThanOrEqual(count),
      live: () => expect.poll(() => seen.states.at(-1), { timeout: 20_000, interval: 20 }).toBe('live'),
      stop: async () => {
        await stream.return();
        await done;
      },
    };
  }
  /** Processes that follow this unit. */
  const followers = (): string[] =>
    readdirSync('/proc').flatMap((pid) => {
      if (!/^\d+$/.test(pid)) return [];
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return /^\S*journalctl /.test(command) && command.includes(unit) ? [command] : [];
      } catch {
        return [];
      }
    });

  it('gives the last entries, then what comes, and goes on from a cursor', async () => {
    await service.write(lines(0, 300));
    await kept(300);
    const first = await following({ tail: 10 });
    await first.until(10);
    await first.live();
    await service.write(`${json(300)}<3>plain words\n<4>\u001b[31mred\u001b[0m words\n${json(301, { pad: 'é"\\'.repeat(5000) })}`);
    await first.until(14);
    expect(first.numbers().slice(0, 11)).toEqual(upTo(11, 290));
    expect(first.seen.lines.slice(10)).toMatchObject([
      { message: 'line 300', level: 'error', logger: 'app' },
      { message: 'plain words', level: 'error' },
      { message: 'red words', level: 'warning' },
      { message: 'line 301', level: 'info' },
    ]);
    await first.stop();
    await service.write(lines(400, 500));
    const second = await following({ cursor: first.seen.cursor });
    await second.until(100);
    expect(second.numbers()).toEqual(upTo(100, 400));
    expect([...first.seen.gaps, ...second.seen.gaps]).toEqual([]);
    await second.stop();
  });

  it('loses nothing and repeats nothing when the connection is cut in the middle', async () => {
    await service.write(lines(0, 1));
    await kept(1);
    const reader = await following({ tail: 1 });
    await reader.live();
    const connections = proxy.accepted;
    const total = 6000;
    const size = 120;
    for (let from = 1, step = 0; from < total; from += size, step++) {
      await service.write(lines(from, Math.min(total, from + size)));
      if (step % 8 === 3) proxy.cut(step % 16 === 3 ? 'rst' : 'fin');
      if (step % 8 === 6) void proxy.cutAfter('down', 9000, 'rst');
      if (step === 20) journal.journalctl('--rotate');
      await pause(20 + (step % 5) * 20);
    }
    await kept(total);
    await reader.until(total);
    expect(reader.seen.gaps).toEqual([]);
    expect(reader.numbers()).toEqual(upTo(total));
    expect(proxy.accepted - connections).toBeGreaterThanOrEqual(5);
    await reader.stop();
  });

  it('says so when its place was vacuumed away, and begins when there is nothing yet', async () => {
    const empty = await following();
    await empty.live();
    await pause(300);
    await service.write(lines(0, 3));
    await empty.until(3);
    expect(empty.numbers()).toEqual(upTo(3));
    await empty.stop();
    journal.vacuum();
    await service.write(lines(10, 13));
    const reader = await following({ cursor: empty.seen.cursor });
    await reader.until(3);
    expect(reader.numbers()).toEqual(upTo(3, 10));
    expect(reader.seen.gaps).toHaveLength(1);
    await reader.stop();
  });

  it('goes on from now when the place makes no sense', async () => {
    await service.write(lines(0, 3));
    await kept(3);
    const reader = await following({ cursor: JSON.stringify({ kind: 'journald', cursor: 's=bad' }) });
    await expect.poll(() => reader.seen.gaps.length, { timeout: 10_000 }).toBe(1);
    await expect.poll(() => followers().some((command) => command.includes('--since now')), { timeout: 10_000 }).toBe(true);
    await pause(500);
    await service.write(lines(3, 5));
    await reader.until(2);
    expect(reader.numbers()).toEqual([3, 4]);
    await reader.stop();
  });

  it('finds by text, level and time', async () => {
    await service.write(lines(0, 100));
    await kept(100);
    // The journal looks for whole seconds.
    await pause(2100);
    const since = Date.now() - 50;
    await service.write(lines(100, 200));
    await kept(200);
    const found = await logs.search({ ...source, filter: { text: 'LINE 15' }, limit: 50 });
    expect(found.complete).toBe(true);
    expect(found.lines.map(({ message }) => message)).toEqual(['line 15', ...upTo(10, 150).map((n) => `line ${n}`)]);
    const late = await logs.search({ ...source, filter: { since, text: 'line 1' }, limit: 1000 });
    expect(late.lines.map(({ fields }) => Number(fields['n']))).toEqual(upTo(100, 100));
    const errors = await logs.search({ ...source, filter: { minLevel: 'error', until: since }, limit: 100 });
    expect(errors.lines).toHaveLength(10);
  });

  it('leaves no process on the host, and takes a strange unit for a name', async () => {
    const reader = await following();
    await reader.live();
    await expect.poll(() => followers().length, { timeout: 10_000 }).toBeGreaterThan(0);
    await reader.stop();
    await expect.poll(() => followers(), { timeout: 15_000 }).toEqual([]);
    for (const strange of ['--help', 'a;b', '$(id)', '--unit=*']) {
      unit = strange;
      const found = await logs.search({ ...source, filter: {}, limit: 5 });
      expect(found.lines).toEqual([]);
    }
  });
});
