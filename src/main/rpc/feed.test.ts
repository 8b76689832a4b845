import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createFeed } from './feed.ts';

async function collect<T>(feed: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of feed) items.push(item);
  return items;
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('what comes within an interval is delivered together, at most once each interval', async () => {
  const feed = createFeed<number>({ capacity: 100 });
  const got: number[] = [];
  const reading = (async () => {
    for await (const item of feed) got.push(item);
  })();
  feed.push(1);
  await vi.advanceTimersByTimeAsync(0);
  expect(got).toEqual([1]);
  feed.push(2);
  feed.push(3);
  await vi.advanceTimersByTimeAsync(14);
  expect(got).toEqual([1]);
  await vi.advanceTimersByTimeAsync(2);
  expect(got).toEqual([1, 2, 3]);
  feed.end();
  await reading;
  expect(vi.getTimerCount()).toBe(0);
});

test('of a state only the last is delivered, in its first place', async () => {
  const feed = createFeed<{ id: string; n: number }>({ capacity: 10, key: ({ id }) => id });
  for (const [id, n] of [
    ['a', 1],
    ['b', 1],
    ['a', 2],
    ['a', 3],
  ] as const)
    feed.push({ id, n });
  feed.end();
  expect(await collect(feed)).toEqual([
    { id: 'a', n: 3 },
    { id: 'b', n: 1 },
  ]);
});

test('the oldest goes first, the loss is told where it happened, and what weighs nothing is kept', async () => {
  const feed = createFeed<string>({
    capacity: 3,
    weight: (item) => (item === 'state' ? 0 : item.length),
    onDrop: (count) => `lost ${count}`,
  });
  for (const item of ['aa', 'state', 'b', 'c', 'd']) feed.push(item);
  feed.end();
  expect(await collect(feed)).toEqual(['lost 2', 'state', 'b', 'c', 'd']);
});

test('without a way to tell of a loss, none is taken: the feed ends as overrun after what it held', async () => {
  const feed = createFeed<number>({ capacity: 2 });
  expect([feed.push(1), feed.push(2), feed.push(3), feed.push(4)]).toEqual([true, true, false, false]);
  const got: number[] = [];
  await expect(
    (async () => {
      for await (const item of feed) got.push(item);
    })(),
  ).rejects.toMatchObject({ code: 'stream-overrun' });
  expect(got).toEqual([1, 2, 3]);
});

test('the first ending decides', async () => {
  const failed = createFeed<number>({ capacity: 2 });
  failed.push(1);
  failed.fail(new Error('first'));
  failed.end();
  failed.fail(new Error('second'));
  expect(await failed.next()).toEqual({ done: false, value: 1 });
  await expect(failed.next()).rejects.toThrow('first');
  expect(await failed.next()).toEqual({ done: true, value: undefined });

  const ended = createFeed<number>({ capacity: 2 });
  ended.end();
  ended.fail(new Error('late'));
  expect(await ended.next()).toEqual({ done: true, value: undefined });
});

test('cancel discards what waits, lets the reader go and cleans up once', async () => {
  const onClose = vi.fn();
  const controller = new AbortController();
  const feed = createFeed<number>({ capacity: 10, signal: controller.signal, onClose });
  const reading = feed.next();
  feed.push(1);
  controller.abort();
  feed.end();
  await feed.return();
  expect(await reading).toEqual({ done: true, value: undefined });
  expect([feed.push(2), feed.closed]).toEqual([false, true]);
  expect(onClose).toHaveBeenCalledTimes(1);
  expect(vi.getTimerCount()).toBe(0);

  const late = createFeed<number>({ capacity: 10, signal: controller.signal, onClose });
  expect([late.closed, await late.next()]).toEqual([true, { done: true, value: undefined }]);
});

test('a reader that leaves while the rest is being read gets no more', async () => {
  const feed = createFeed<number>({ capacity: 10 });
  for (const n of [1, 2, 3]) feed.push(n);
  feed.fail(new Error('unread'));
  expect(await feed.next()).toEqual({ done: false, value: 1 });
  await feed.return();
  expect(await feed.next()).toEqual({ done: true, value: undefined });
});
