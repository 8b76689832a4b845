import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isVisible, readWindowState, writeWindowState } from './window-state.ts';

const display = { x: 0, y: 0, width: 1920, height: 1080 };
const state = { bounds: { x: 10, y: 20, width: 800, height: 600 }, maximized: false };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarterdeck-window-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('what is remembered is read again, and only its owner can read it', () => {
  const file = join(folder, 'below', 'window.json');
  writeWindowState(file, state);
  expect(readWindowState(file, [display])).toEqual(state);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test.each(['', '{', '[]', '{"bounds":{"x":0},"maximized":true}', '{"bounds":{"x":0,"y":0,"width":1e9,"height":600},"maximized":false}'])(
  'damaged: %s',
  (text) => {
    const file = join(folder, 'window.json');
    expect(readWindowState(file, [display])).toBeUndefined();
    writeFileSync(file, text);
    expect(readWindowState(file, [display])).toBeUndefined();
  },
);

test.each([
  [{ x: 0, y: 0 }, true],
  [{ x: -600, y: 0 }, true],
  [{ x: -700, y: 0 }, false],
  [{ x: 1900, y: 0 }, false],
  [{ x: 0, y: -200 }, false],
  [{ x: 0, y: 1070 }, false],
])('a window at %o can be taken hold of: %s', (at, visible) => {
  expect(isVisible({ ...at, width: 800, height: 600 }, [display])).toBe(visible);
});
