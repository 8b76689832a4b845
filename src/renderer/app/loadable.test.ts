import { expect, it } from 'vitest';
import { Problem } from '../../contract/problem.ts';
import { createLoadable } from './loadable.ts';

const later = <T>() => Promise.withResolvers<T>();

it('keeps what it had while it asks again, and when that fails', async () => {
  const answers = [Promise.resolve(1), Promise.reject(new Problem('http-unreachable', 'gone', { retryable: true }))];
  const loadable = createLoadable(async () => answers.shift() ?? 0);
  await loadable.refresh();
  expect(loadable.store.getState()).toEqual({ status: 'ready', data: 1 });
  const again = loadable.refresh();
  expect(loadable.store.getState()).toEqual({ status: 'refreshing', data: 1 });
  await again;
  expect(loadable.store.getState()).toMatchObject({ status: 'failed', data: 1, problem: { code: 'http-unreachable' } });
});

it('takes the answer to the newest question only', async () => {
  const first = later<string>();
  const second = later<string>();
  const questions = [first.promise, second.promise];
  const loadable = createLoadable(() => questions.shift() ?? Promise.resolve(''));
  const one = loadable.refresh();
  const two = loadable.refresh();
  second.resolve('new');
  first.resolve('old');
  await Promise.all([one, two]);
  expect(loadable.store.getState()).toEqual({ status: 'ready', data: 'new' });
});

it('asks once, however often it is made sure of', async () => {
  let asked = 0;
  const loadable = createLoadable(async () => {
    asked += 1;
    return asked;
  });
  loadable.ensure();
  loadable.ensure();
  await Promise.resolve();
  loadable.ensure();
  expect(asked).toBe(1);
});
