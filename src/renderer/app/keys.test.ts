import { expect, it } from 'vitest';
import type { KeyPress } from './keys.ts';
import { createKeyReader, keyName } from './keys.ts';

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...more,
});
const bindings = new Map([
  ['g o', 'go-overview'],
  ['g l', 'go-logs'],
  ['r', 'reload'],
  ['mod+k', 'palette'],
  ['?', 'shortcuts'],
]);

it('names keys as commands write them', () => {
  expect(keyName(press('K', { ctrlKey: true }))).toBe('mod+k');
  expect(keyName(press('k', { metaKey: true }))).toBe('mod+k');
  expect(keyName(press('?', { shiftKey: true }))).toBe('?');
  expect(keyName(press('Enter', { shiftKey: true }))).toBe('shift+enter');
});

it('reads two keys in a row, and forgets the first after a while', () => {
  let now = 0;
  const read = createKeyReader(() => now);
  expect(read(press('g'), bindings)).toEqual({ waiting: true });
  expect(read(press('l'), bindings).id).toBe('go-logs');
  read(press('g'), bindings);
  now += 5000;
  expect(read(press('o'), bindings)).toEqual({ waiting: false });
});

it('takes a single key even after a first one that led nowhere', () => {
  const read = createKeyReader(() => 0);
  read(press('g'), bindings);
  expect(read(press('r'), bindings).id).toBe('reload');
  expect(read(press('x'), bindings)).toEqual({ waiting: false });
});
