import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { missingFrom } from './complete-lock.mjs';

const lockText = readFileSync(join(resolve(import.meta.dirname, '..'), 'package-lock.json'), 'utf8');

test('the lock names the packages of every platform, or `npm ci` refuses it', () => {
  const lock = JSON.parse(lockText) as { packages: Record<string, { version?: string }> };
  expect(missingFrom(lock.packages)).toEqual([]);
  expect(Object.entries(lock.packages).filter(([path, { version }]) => path !== '' && !version)).toEqual([]);
});

test('the lock names no registry: whoever installs uses his own', () => {
  expect(lockText).not.toContain('"resolved"');
});
