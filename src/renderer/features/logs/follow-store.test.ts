import { expect, it } from 'vitest';
import type { LogItem } from '../../../contract/logs.ts';
import { Problem } from '../../../contract/problem.ts';
import type { Rpc } from '../../rpc/client.ts';
import { createFollow } from './follow-store.ts';

/** A host whose only stream is fed by hand. */
function fedHost() {
  const opened: { cursor: string | undefined; take: (item: LogItem) => void; fail: (problem: Problem) => void; signal: AbortSignal }[] = [];
  const host = {
    rpc: { logs: { follow: async (input: { cursor?: string }) => input } },
    subscribe: (
      open: (signal: AbortSignal) => Promise<{ cursor?: string }>,
      take: (item: LogItem) => void,
      options: { signal: AbortSignal; onProblem(problem: Problem): void },
    ) => {
      open(options.signal).then(
        ({ cursor }) => opened.push({ cursor, take, fail: options.onProblem, signal: options.signal }),
        () => undefined,
      );
    },
  } as unknown as Rpc;
  return { host, opened };
}

const lines = (from: number, count: number, cursor: string): LogItem => ({
  kind: 'lines',
  cursor,
  lines: Array.from({ length: count }, (_, place) => ({
    seq: from + place,
    at: null,
    level: null,
    logger: null,
    message: `line ${from + place}`,
    requestId: null,
    category: null,
    fields: {},
    raw: '',
    truncated: false,
  })),
});

const begin = async () => {
  const { host, opened } = fedHost();
  const frames: (() => void)[] = [];
  const follow = createFollow(host, { environmentId: 'e', sourceId: 'app', filter: {}, soon: (run) => frames.push(run), capacity: 100 });
  follow.start();
  await Promise.resolve();
  return { follow, opened, frames };
};

it('tells the screen once a frame, however many items came', async () => {
  const { follow, opened, frames } = await begin();
  for (let place = 0; place < 50; place += 1) opened[0]?.take(lines(place, 1, String(place)));
  expect(frames).toHaveLength(1);
  expect(follow.store.getState().version).toBe(0);
  frames[0]?.();
  expect(follow.store.getState().version).toBe(1);
  expect(follow.ring.end).toBe(50);
});

it('ends the transfer while paused and goes on from the last cursor', async () => {
  const { follow, opened } = await begin();
  opened[0]?.take(lines(0, 3, 'after-3'));
  follow.pause();
  expect(opened[0]?.signal.aborted).toBe(true);
  expect(follow.store.getState().status).toBe('paused');
  follow.resume();
  await Promise.resolve();
  expect(opened[1]?.cursor).toBe('after-3');
  expect(follow.ring.at(3)).toMatchObject({ kind: 'mark' });
});

it('shows loss and gaps as rows of their own', async () => {
  const { follow, opened } = await begin();
  opened[0]?.take({ kind: 'dropped', count: 12 });
  opened[0]?.take({ kind: 'gap', reason: 'rotated away' });
  expect([follow.ring.at(0), follow.ring.at(1)]).toEqual([
    { kind: 'dropped', count: 12 },
    { kind: 'gap', reason: 'rotated away' },
  ]);
});

it('mends one overrun by itself and then asks', async () => {
  const { follow, opened } = await begin();
  const overrun = new Problem('stream-overrun', 'too much', { retryable: true });
  opened[0]?.take(lines(0, 1, 'after-1'));
  opened[0]?.fail(overrun);
  await Promise.resolve();
  expect(opened[1]?.cursor).toBe('after-1');
  opened[1]?.fail(overrun);
  expect(follow.store.getState()).toMatchObject({ status: 'failed', problem: { code: 'stream-overrun' } });
});

it('lets nothing go while the view is held, ends the transfer when full, and goes on without a gap', async () => {
  const { follow, opened } = await begin();
  follow.hold(true);
  opened[0]?.take(lines(0, 150, 'after-150'));
  expect(follow.ring.first).toBe(0);
  opened[0]?.take(lines(150, 60, 'after-210'));
  expect(follow.ring.first).toBe(0);
  expect(follow.store.getState().status).toBe('paused');
  expect(opened[0]?.signal.aborted).toBe(true);
  follow.hold(false);
  await Promise.resolve();
  expect([follow.ring.first, follow.ring.end]).toEqual([110, 210]);
  expect(opened[1]?.cursor).toBe('after-210');
});
