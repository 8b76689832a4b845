import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LogFilter, LogItem, LogLine } from '../../src/contract/logs.ts';
import { Problem } from '../../src/contract/problem.ts';
import type { SshSession } from '../../src/main/drivers/ssh/types.ts';
import type { Logs } from '../../src/main/logs/logs.ts';
import { createLogs } from '../../src/main/logs/logs.ts';
import { StackDefinition } from '../../src/main/stacks/schema.ts';
import type { CutProxy } from '../support/cut-proxy.ts';
import { startCutProxy } from '../support/cut-proxy.ts';
import type { DockerEngine } from '../support/docker-engine.ts';
import { dockerUnavailable, startDockerEngine } from '../support/docker-engine.ts';
import { connectTo, skipSsh, trusting } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

const definition = StackDefinition.parse({
  stack: 'test',
  version: 1,
  title: 'Test',
  description: '',
  inputs: [{ name: 'container', title: 'Container', type: 'text', required: false }],
  logs: [{ id: 'container', title: 'Container', kind: 'container', from: `\${inputs.container}`, format: 'json' }],
});

const upTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(skipSsh(dockerUnavailable()))('a container’s log over a real sshd and a real engine', () => {
  let engine: DockerEngine;
  let sshd: Sshd;
  let proxy: CutProxy;
  let policy: Awaited<ReturnType<typeof trusting>>;
  let logs: Logs;
  let session: SshSession | undefined;
  let name: string;
  let round = 0;

  beforeAll(async () => {
    engine = await startDockerEngine();
    sshd = await startSshd({ variables: { DOCKER_HOST: engine.host } });
    proxy = await startCutProxy({ port: sshd.port });
    policy = await trusting({ sshd, port: proxy.port });
  });
  afterAll(async () => {
    await proxy?.close();
    await sshd?.stop();
    await engine?.stop();
  });
  beforeEach(() => {
    name = `web-${round++}`;
    logs = createLogs({
      stacks: { get: () => ({ definition }) },
      environments: { get: async () => ({ id: 'one', stack: 'test', inputs: { container: name } }) as never },
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
  });

  const json = (n: number, more: Record<string, unknown> = {}): string =>
    `${JSON.stringify({ levelname: n % 10 === 0 ? 'ERROR' : 'INFO', name: 'app', message: `line ${n}`, n, ...more })}\n`;
  const lines = (from: number, to: number): string =>
    upTo(to - from, from)
      .map((n) => json(n))
      .join('');
  const source = { environmentId: 'one', sourceId: 'container' };

  async function following(options: { tail?: number; filter?: LogFilter; cursor?: string } = {}) {
    const { tail = 0, filter = {}, cursor } = options;
    const stream = await logs.follow({ ...source, tail, filter, ...(cursor === undefined ? {} : { cursor }) });
    const seen = { lines: [] as LogLine[], order: [] as string[], gaps: [] as string[], states: [] as string[], cursor: '' };
    const take = (item: LogItem): void => {
      if (item.kind === 'lines') {
        seen.cursor = item.cursor;
        seen.lines.push(...item.lines);
        seen.order.push(...item.lines.map(({ message }) => message));
      } else if (item.kind === 'gap') {
        seen.gaps.push(item.reason);
        seen.order.push('gap');
      } else if (item.kind === 'state') seen.states.push(item.detail ?? item.state);
      else throw new Error(`dropped ${item.count}`);
    };
    const done = (async () => {
      for await (const item of { [Symbol.asyncIterator]: () => stream }) take(item);
    })();
    // Looked at by whoever waits for it.
    done.catch(() => undefined);
    return {
      seen,
      done,
      numbers: () => seen.lines.map(({ fields }) => Number(fields['n'])),
      until: (count: number) => expect.poll(() => seen.lines.length, { timeout: 30_000, interval: 20 }).toBeGreaterThanOrEqual(count),
      state: (word: string | RegExp) => expect.poll(() => seen.states.at(-1), { timeout: 20_000, interval: 20 }).toMatch(word),
      stop: async () => {
        await stream.return();
        await done;
      },
    };
  }
  /** Processes that follow a container of this engine. */
  const followers = (): string[] =>
    readdirSync('/proc').flatMap((pid) => {
      if (!/^\d+$/.test(pid)) return [];
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const ours = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`DOCKER_HOST=${engine.host}`);
        return ours && /^(\S*\/)?docker logs /.test(command) ? [command] : [];
      } catch {
        return [];
      }
    });
  /** All lines of a container as the engine has them. */
  const kept = async (count: number): Promise<void> =>
    expect.poll(async () => (await engine.written(name)).split('\n').filter((line) => line !== '').length, { timeout: 20_000 }).toBe(count);

  it('gives the last lines, then what comes on both streams, and goes on from a cursor', async () => {
    const web = await engine.start(name);
    web.out(lines(0, 500));
    await kept(500);
    const first = await following({ tail: 10 });
    await first.until(10);
    await first.state('live');
    web.out(`${json(500)}plain words\n\n`);
    await first.until(13);
    web.err('2026-01-01 00:00:00,123 WARNING [app] to stderr\n');
    await first.until(14);
    expect(first.numbers().slice(0, 11)).toEqual(upTo(11, 490));
    expect(first.seen.lines[10]).toMatchObject({ level: 'error', logger: 'app', message: 'line 500', fields: { n: '500' } });
    expect(first.seen.lines.slice(11)).toMatchObject([
      { message: 'plain words', level: null },
      { message: '' },
      { message: 'to stderr', level: 'warning', logger: 'app' },
    ]);
    expect(Math.abs(Date.now() - (first.seen.lines[11]?.at ?? 0))).toBeLessThan(600_000);
    await first.stop();
    web.out(lines(600, 700));
    const second = await following({ cursor: first.seen.cursor });
    await second.until(100);
    expect(second.numbers()).toEqual(upTo(100, 600));
    expect([...first.seen.gaps, ...second.seen.gaps]).toEqual([]);
    await second.stop();
  });

  it('loses nothing and repeats nothing when the connection is cut in the middle', async () => {
    const web = await engine.start(name);
    const reader = await following();
    await reader.state('live');
    const connections = proxy.accepted;
    const each = 6000;
    const size = 120;
    for (let from = 0, step = 0; from < each; from += size, step++) {
      web.out(lines(from, from + size));
      web.err(lines(100_000 + from, 100_000 + from + size));
      if (step % 8 === 3) proxy.cut(step % 16 === 3 ? 'rst' : 'fin');
      if (step % 8 === 6) void proxy.cutAfter('down', 9000, 'rst');
      await pause(20 + (step % 5) * 20);
    }
    await kept(2 * each);
    await reader.until(2 * each);
    const numbers = reader.numbers();
    expect(reader.seen.gaps).toEqual([]);
    expect(numbers.filter((n) => n < 100_000)).toEqual(upTo(each));
    expect(numbers.filter((n) => n >= 100_000)).toEqual(upTo(each, 100_000));
    expect(reader.seen.lines.map(({ seq }) => seq)).toEqual(upTo(2 * each));
    expect(proxy.accepted - connections).toBeGreaterThanOrEqual(5);
    await reader.stop();
  });

  it('puts long lines together that the engine keeps in pieces', async () => {
    const web = await engine.start(name);
    const long = (n: number): string => json(n, { request_id: `r${n}`, list: Array.from({ length: n }, () => 11), end: 'é' });
    web.out(long(12_000));
    await kept(1);
    const reader = await following({ tail: 5 });
    await reader.until(1);
    await reader.state('live');
    for (const n of [20_000, 5400, 5462, 10_922, 15_000]) web.out(long(n));
    await reader.until(6);
    expect(reader.seen.lines.map(({ message, requestId }) => [message, requestId])).toEqual(
      [12_000, 20_000, 5400, 5462, 10_922, 15_000].map((n) => [`line ${n}`, `r${n}`]),
    );
    const found = await logs.search({ ...source, filter: { requestId: 'r10922' }, limit: 5 });
    expect(found.lines.map(({ message }) => message)).toEqual(['line 10922']);
    await reader.stop();
  });

  it('tells that the container was made anew, and goes on with the new one', async () => {
    const old = await engine.start(name);
    old.out(lines(0, 5));
    await kept(5);
    const reader = await following({ tail: 5 });
    await reader.until(5);
    await reader.state('live');
    await engine.docker('rm', '--force', name);
    const next = await engine.start(name);
    next.out(lines(5, 8));
    await reader.until(8);
    proxy.cut('rst');
    next.out(lines(8, 10));
    await reader.until(10);
    const expected = upTo(10).map((n) => `line ${n}`);
    expect(reader.seen.order).toEqual([...expected.slice(0, 5), 'gap', ...expected.slice(5)]);
    expect(reader.seen.gaps[0]).toMatch(/was created anew/);
    await reader.stop();
  });

  it('reads a container that stands still, waits for it, and goes on when it runs again', async () => {
    const web = await engine.start(name);
    web.out(lines(0, 20));
    await kept(20);
    await web.end();
    const reader = await following({ tail: 3 });
    await reader.until(3);
    await reader.state(/is not running/);
    expect(reader.numbers()).toEqual(upTo(3, 17));
    await web.again();
    await reader.state('live');
    web.out(lines(20, 30));
    await reader.until(13);
    await web.end();
    await reader.state(/is not running/);
    expect(reader.numbers()).toEqual(upTo(13, 17));
    expect(reader.seen.gaps).toEqual([]);
    await reader.stop();
  });

  it('says clearly that there is no such container, also to a search', async () => {
    const reader = await following({ tail: 3 });
    const problem = await reader.done.then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(problem).toBeInstanceOf(Problem);
    expect((problem as Problem).message).toMatch(new RegExp(`The log of the container ${name}: .*No such container: ${name}`));
    await expect(logs.search({ ...source, filter: {}, limit: 5 })).rejects.toThrow(/No such container/);
  });

  it('waits for a container that went away while it was followed', async () => {
    const web = await engine.start(name);
    web.out(lines(0, 2));
    await kept(2);
    const reader = await following({ tail: 2 });
    await reader.until(2);
    await reader.state('live');
    await engine.docker('rm', '--force', name);
    await reader.state(/there is no container/);
    await reader.stop();
  });

  it('finds by text and time', async () => {
    const web = await engine.start(name);
    web.out(lines(0, 300));
    await kept(300);
    await pause(50);
    const since = Date.now();
    await pause(50);
    web.err(lines(300, 400));
    await kept(400);
    const found = await logs.search({ ...source, filter: { text: 'LINE 39"' }, limit: 10 });
    expect(found).toMatchObject({ complete: true, lines: [{ message: 'line 39' }] });
    const late = await logs.search({ ...source, filter: { since, text: 'line 3' }, limit: 1000 });
    expect(late.lines.map(({ fields }) => Number(fields['n']))).toEqual(upTo(100, 300));
    const errors = await logs.search({ ...source, filter: { minLevel: 'error' }, limit: 10 });
    expect(errors.complete).toBe(false);
    expect(errors.lines.map(({ message }) => message)).toEqual(upTo(10, 30).map((n) => `line ${n * 10}`));
    const nothing = await logs.search({ ...source, filter: { text: '--help' }, limit: 10 });
    expect(nothing).toMatchObject({ complete: true, lines: [] });
  });

  it('is not confused by what the docker command says of its own configuration', async () => {
    const client = join(sshd.dir, 'home', '.docker');
    mkdirSync(client);
    writeFileSync(join(client, 'config.json'), '{ no json');
    try {
      const web = await engine.start(name);
      web.out(lines(0, 2));
      await kept(2);
      const reader = await following({ tail: 2 });
      await reader.until(2);
      await reader.state('live');
      web.out(lines(2, 4));
      await reader.until(4);
      expect(reader.numbers()).toEqual(upTo(4));
      await engine.docker('rm', '--force', name);
      await reader.state(/there is no container/);
      await reader.stop();
    } finally {
      rmSync(client, { recursive: true });
    }
  });

  it('leaves no process on the host when the reader leaves, nor when the connection is lost', async () => {
    await engine.start(name);
    const reader = await following();
    await reader.state('live');
    await expect.poll(() => followers().length).toBe(1);
    await reader.stop();
    await expect.poll(() => followers(), { timeout: 15_000 }).toEqual([]);
    const other = await following();
    await other.state('live');
    await expect.poll(() => followers().length).toBe(1);
    proxy.refuse();
    proxy.cut('rst');
    await expect.poll(() => followers(), { timeout: 15_000 }).toEqual([]);
    proxy.restore();
    await other.stop();
  });

  it.each(['--help', '-f', 'a;b', '$(id)', "a' b", '../../version?x='])('takes %s for a name', async (strange) => {
    name = strange;
    const failure = await logs.search({ ...source, filter: {}, limit: 5 }).then(
      () => undefined,
      (error: unknown) => error as Problem,
    );
    expect(failure?.code).toBe('remote-command-failed');
    expect(failure?.message).toMatch(/No such container|invalid|page not found|did not say/i);
    expect(failure?.message).not.toMatch(/Usage:|uid=0/);
    const reader = await following({ tail: 1 });
    await expect(reader.done).rejects.toMatchObject({ code: 'remote-command-failed' });
    expect(reader.seen.lines).toEqual([]);
  });
});
