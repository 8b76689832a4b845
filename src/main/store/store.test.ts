import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrations } from './migrations/index.ts';
import type { Migration, Store } from './store.ts';
import { openStore } from './store.ts';

let dir: string;
const open: Store[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'quarterdeck-store-'));
});
afterEach(() => {
  for (const store of open.splice(0)) store.close();
  rmSync(dir, { recursive: true, force: true });
});
const make = (name = 'a/b/store.db', list: readonly Migration[] = migrations): Store => {
  const store = openStore(join(dir, name), list);
  open.push(store);
  return store;
};
const step = (number: number, up: (db: Store) => void): Migration => ({ number, name: `n${number}`, up });

describe('openStore', () => {
  it('makes folder and file for the owner only, durable and in the newest shape', () => {
    const store = make();
    expect(store.pragma('user_version', { simple: true })).toBe(migrations.length);
    expect(store.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(store.pragma('synchronous', { simple: true })).toBe(2);
    expect(store.pragma('foreign_keys', { simple: true })).toBe(1);
    if (process.platform === 'win32') return;
    expect(statSync(join(dir, 'a/b')).mode & 0o777).toBe(0o700);
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(join(dir, `a/b/store.db${suffix}`)).mode & 0o777).toBe(0o600);
  });

  it('takes away what others may read of an existing file', () => {
    writeFileSync(join(dir, 'wide.db'), '', { mode: 0o644 });
    make('wide.db');
    if (process.platform !== 'win32') expect(statSync(join(dir, 'wide.db')).mode & 0o777).toBe(0o600);
  });

  it('leaves what a newer version wrote untouched', () => {
    const newer = make('new.db', [step(1, (db) => db.exec('CREATE TABLE t (a)')), step(2, (db) => db.exec('CREATE TABLE u (a)'))]);
    newer.close();
    open.pop();
    const before = readFileSync(join(dir, 'new.db'));
    expect(() => make('new.db', [step(1, () => undefined)])).toThrow(expect.objectContaining({ code: 'not-supported' }));
    expect(readFileSync(join(dir, 'new.db'))).toEqual(before);
    expect(existsSync(join(dir, 'new.db-wal'))).toBe(false);
  });

  it('a migration that fails leaves the shape before it, and can be run again', () => {
    const good = step(1, (db) => db.exec('CREATE TABLE t (a)'));
    const bad = step(2, (db) => {
      db.exec('CREATE TABLE half (a)');
      throw new Error('disk full');
    });
    expect(() => make('half.db', [good, bad])).toThrow('disk full');
    const store = make('half.db', [good, step(2, (db) => db.exec('CREATE TABLE half (a)'))]);
    expect(store.pragma('user_version', { simple: true })).toBe(2);
  });

  it('runs each migration once, also with two processes at the door', () => {
    const runs: number[] = [];
    const list = [step(1, (db) => void runs.push(db.exec('CREATE TABLE t (a)') ? 1 : 0)), step(2, () => void runs.push(2))];
    make('once.db', list);
    make('once.db', list);
    expect(runs).toEqual([1, 2]);
  });

  it('refuses a gap in the numbers', () => {
    expect(() => make('gap.db', [step(2, () => undefined)])).toThrow('migration 2 follows 0');
  });
});
