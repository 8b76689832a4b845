import { expect, it } from 'vitest';
import { idleState } from './connection.ts';
import { createStateFeed } from './state-feed.ts';

const state = (id: string, attempt = 0) => ({ ...idleState(id, 1), attempt });

it('a slow watcher gets each environment’s newest state only', async () => {
  const feed = createStateFeed();
  const states = feed.watch(async () => [state('env-a'), state('env-b')], undefined);
  expect((await states.next()).value).toEqual(state('env-a'));
  for (let attempt = 1; attempt <= 1000; attempt += 1) for (const id of ['env-a', 'env-b']) feed.tell(state(id, attempt));
  expect((await states.next()).value).toEqual(state('env-a', 1000));
  expect((await states.next()).value).toEqual(state('env-b', 1000));
  const pending = states.next();
  feed.close();
  expect(await pending).toEqual({ done: true, value: undefined });
});

it('what changes while the first states are fetched is not lost, nor overwritten', async () => {
  const feed = createStateFeed();
  let give: () => void = () => undefined;
  const states = feed.watch(
    () =>
      new Promise((resolve) => {
        give = () => resolve([state('env-a')]);
      }),
    undefined,
  );
  const first = states.next();
  feed.tell(state('env-a', 7));
  give();
  expect((await first).value).toEqual(state('env-a', 7));
  await states.return();
});

it('ends for a reader that leaves unread, on its signal, and when the feed is closed', async () => {
  const feed = createStateFeed();
  await feed.watch(async () => [], undefined).return();
  const stop = new AbortController();
  const [one, two] = [feed.watch(async () => [], stop.signal), feed.watch(async () => [], undefined)];
  const pending = [one.next(), two.next()];
  stop.abort();
  expect(await pending[0]).toEqual({ done: true, value: undefined });
  feed.close();
  expect(await pending[1]).toEqual({ done: true, value: undefined });
});
