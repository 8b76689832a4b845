import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Problem } from '../../src/contract/problem.ts';
import type { FeedItem } from '../support/rpc/fixture-contract.ts';
import type { FixtureHost } from '../support/rpc/fixture-host.ts';
import { createFixtureHost } from '../support/rpc/fixture-host.ts';
import type { Line } from '../support/rpc/transports.ts';
import { transports } from '../support/rpc/transports.ts';

/** The problem a promise ends with. */
async function problemOf(promise: PromiseLike<unknown>): Promise<Problem> {
  const result = await Promise.resolve(promise).then(
    (value) => value,
    (error: unknown) => error,
  );
  if (!(result instanceof Problem)) throw new Error(`not a problem: ${String(result).slice(0, 200)}`);
  return result;
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

const numbersOf = (items: readonly FeedItem[]): number[] => items.flatMap((item) => (item.kind === 'numbers' ? item.numbers : []));
const lossOf = (items: readonly FeedItem[]): number => items.reduce((sum, item) => sum + (item.kind === 'dropped' ? item.count : 0), 0);

describe.each(Object.entries(transports))('over %s', (_name, open) => {
  let host: FixtureHost;
  let line: Line;
  beforeEach(async () => {
    host = createFixtureHost();
    line = await open(host);
  });
  afterEach(() => line.close());

  test('a call gives its answer', async () => {
    expect(await line.rpc.calls.add({ a: 1, b: 2 })).toEqual({ sum: 3 });
  });

  test('input that breaks the contract is refused in words, with the path', async () => {
    const problem = await problemOf(line.rpc.calls.add({ a: 1, b: 1000 }));
    expect(problem.code).toBe('bad-input');
    expect(problem.message).toMatch(/^calls\.add .*"b": .*100/);
    expect(problem.data.detail).toMatchObject({ issues: [{ path: 'b' }] });
    const unknown = await problemOf(line.rpc.calls.echo({ text: 'x', more: 1 } as { text: string }));
    expect(unknown.message).toContain('more');
    expect(host.log.lines).toEqual([]);
  });

  test("output that breaks the contract is the host's fault and is not shown", async () => {
    const problem = await problemOf(line.rpc.calls.lie({}));
    expect(problem.code).toBe('internal-error');
    expect(JSON.stringify(problem.data) + JSON.stringify(host.log.lines)).not.toContain('hunter2');
    expect(host.log.lines).toHaveLength(1);
    expect(host.log.lines[0]?.fields).toMatchObject({ call: 'calls.lie', reference: problem.data.detail?.['reference'] });
  });

  test('a problem arrives as it was thrown', async () => {
    const problem = await problemOf(line.rpc.calls.refuse({}));
    expect(problem.data).toEqual({
      code: 'host-locked',
      message: 'Ada holds the lock on web-1.',
      hint: 'Ask Ada.',
      retryable: false,
      detail: { operator: 'ada' },
    });
    expect(host.log.lines).toEqual([]);
  });

  test('anything else thrown is internal; its stack stays in the log, under the reference told', async () => {
    const problem = await problemOf(line.rpc.calls.crash({}));
    expect(problem.code).toBe('internal-error');
    expect(JSON.stringify(problem.data)).not.toMatch(/private|TypeError/);
    expect(String(host.log.lines[0]?.fields['error'])).toContain('TypeError: undefined is not a function at /srv/private');
    expect(problem.message).toContain(String(host.log.lines[0]?.fields['reference']));
  });

  test("a call's cancellation reaches its handler, and only that handler", async () => {
    const controller = new AbortController();
    const first = problemOf(line.rpc.calls.hang({ name: 'first' }, { signal: controller.signal }));
    const second = line.rpc.calls.hang({ name: 'second' });
    await vi.waitFor(() => expect(host.hanging.size).toBe(2));
    controller.abort();
    expect((await first).code).toBe('cancelled');
    await vi.waitFor(() => expect([...host.aborted]).toEqual(['first']));
    host.hanging.get('second')?.();
    expect(await second).toEqual({ name: 'second' });
    expect(host.log.lines).toEqual([]);
  });

  test('a call cancelled beforehand is never made', async () => {
    expect((await problemOf(line.rpc.calls.hang({ name: 'never' }, { signal: AbortSignal.abort() }))).code).toBe('cancelled');
    await line.rpc.calls.add({ a: 1, b: 1 });
    expect(host.aborted.has('never') || !host.hanging.has('never')).toBe(true);
  });

  test('calls run side by side and each gets its own answer', async () => {
    const sums = await Promise.all(Array.from({ length: 200 }, (_, a) => line.rpc.calls.add({ a, b: 1 })));
    expect(sums).toEqual(Array.from({ length: 200 }, (_, a) => ({ sum: a + 1 })));
  });

  test('a large text passes unchanged, line breaks and all', async () => {
    const text = `${'0123456789\n"Ä\u2028'.repeat(200_000)}!`;
    expect((await line.rpc.calls.echo({ text })).text === text).toBe(true);
  });

  test('a stream gives every item in order, then ends', async () => {
    expect(await collect(await line.rpc.streams.count({ to: 500 }))).toEqual(Array.from({ length: 500 }, (_, n) => n + 1));
  });

  test('a stream item that breaks the contract ends the stream, and its source is cleaned up', async () => {
    const got: unknown[] = [];
    const problem = await problemOf(
      (async () => {
        for await (const item of await line.rpc.streams.lie({})) got.push(item);
      })(),
    );
    expect(got).toEqual([{ n: 1 }]);
    expect(problem.code).toBe('internal-error');
    await vi.waitFor(() => expect(host.live).toBe(0));
  });

  test("a stream's problem arrives after its items", async () => {
    const got: number[] = [];
    const problem = await problemOf(
      (async () => {
        for await (const item of await line.rpc.streams.refuse({ after: 2 })) got.push(item);
      })(),
    );
    expect(got).toEqual([1, 2]);
    expect(problem.data).toMatchObject({ code: 'ssh-connection-lost', retryable: true });
  });

  test('a feed is batched', async () => {
    const stream = await line.rpc.streams.feed({ name: 'batched', capacity: 10_000 });
    const feed = await vi.waitUntil(() => host.feeds.get('batched'));
    for (let n = 0; n < 1000; n += 1) feed.push({ kind: 'numbers', numbers: [n] });
    feed.end();
    const items = await collect(stream);
    expect(numbersOf(items)).toEqual(Array.from({ length: 1000 }, (_, n) => n));
    expect(items.length).toBeLessThanOrEqual(20);
  });

  test('loss is told, and is told exactly', async () => {
    const stream = await line.rpc.streams.feed({ name: 'lossy', capacity: 300 });
    const feed = await vi.waitUntil(() => host.feeds.get('lossy'));
    for (let n = 0; n < 5000; n += 1) feed.push({ kind: 'numbers', numbers: [n] });
    feed.end();
    const items = await collect(stream);
    const numbers = numbersOf(items);
    expect(items[0]?.kind).toBe('dropped');
    expect(numbers.length + lossOf(items)).toBe(5000);
    expect(numbers.at(-1)).toBe(4999);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });

  test('leaving a stream cleans it up', async () => {
    for await (const _ of await line.rpc.streams.flood({ name: 'left', size: 10 })) break;
    await vi.waitFor(() => expect(host.live).toBe(0));
  });

  test('a stream whose source is stuck still ends for its reader', async () => {
    const controller = new AbortController();
    const stream = await line.rpc.streams.stuck({ name: 'stuck' }, { signal: controller.signal });
    const reading = problemOf(collect(stream));
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    expect((await reading).code).toBe('cancelled');
  });

  test('a window that closes ends its calls and streams, and no one else’s', async () => {
    const other = await open(host);
    try {
      const reading = problemOf(collect(await line.rpc.streams.flood({ name: 'mine', size: 10 })));
      const call = problemOf(line.rpc.calls.hang({ name: 'mine' }));
      const kept = other.rpc.calls.hang({ name: 'kept' });
      await vi.waitFor(() => expect(host.hanging.size).toBe(2));
      line.leave();
      await vi.waitFor(() => expect([...host.aborted]).toEqual(['mine']));
      await vi.waitFor(() => expect(host.live).toBe(0));
      expect(['not-connected', 'cancelled']).toContain((await reading).code);
      expect(['outcome-unknown', 'cancelled']).toContain((await call).code);
      host.hanging.get('kept')?.();
      expect(await kept).toEqual({ name: 'kept' });
      expect(host.log.lines).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test('cancel, end and fail may race in any order: nothing hangs, nothing leaks, nothing is told twice', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.constant('push' as const) },
      { weight: 2, arbitrary: fc.constant('turn' as const) },
      { weight: 1, arbitrary: fc.constantFrom('cancel' as const, 'end' as const, 'fail' as const, 'leave' as const) },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        run += 1;
        const name = `race-${run}`;
        const controller = new AbortController();
        const stream = await line.rpc.streams.feed({ name, capacity: 5 }, { signal: controller.signal });
        const iterator = stream[Symbol.asyncIterator]();
        const got: FeedItem[] = [];
        const reading = (async () => {
          for (let item = await iterator.next(); item.done !== true; item = await iterator.next()) got.push(item.value);
        })().then(
          () => 'done',
          (error: unknown) => (error instanceof Problem ? error.code : `not a problem: ${String(error)}`),
        );
        const feed = await vi.waitUntil(() => host.feeds.get(name));
        let pushed = 0;
        let first: string | undefined;
        for (const step of [...steps, 'end' as const]) {
          if (step === 'push' && feed.push({ kind: 'numbers', numbers: [pushed] })) pushed += 1;
          if (step === 'turn') await new Promise((resolve) => setImmediate(resolve));
          if (step === 'cancel') controller.abort();
          if (step === 'end') feed.end();
          if (step === 'fail') feed.fail(new Problem('host-locked', 'no'));
          if (step === 'leave') iterator.return?.().catch(() => undefined);
          if (['cancel', 'end', 'fail', 'leave'].includes(step)) first ??= step;
        }
        const outcome = await reading;
        const numbers = numbersOf(got);
        expect(new Set(numbers).size).toBe(numbers.length);
        if (first === 'end' || first === 'fail') {
          const left = steps.includes('cancel') || steps.includes('leave');
          if (!left) {
            expect(outcome).toBe(first === 'end' ? 'done' : 'host-locked');
            expect(numbers.length + lossOf(got)).toBe(pushed);
          }
        }
        expect(['done', 'host-locked', 'cancelled', 'not-connected', 'internal-error']).toContain(outcome);
        await vi.waitFor(() => expect(host.live).toBe(0));
      }),
      { numRuns: 60 },
    );
    expect(host.log.lines).toEqual([]);
  });
});
