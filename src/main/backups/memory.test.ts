import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrations } from '../store/migrations/index.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/store.ts';
import { createBackupMemory } from './memory.ts';

let store: Store;
beforeEach(() => {
  store = openStore(':memory:', migrations);
});
afterEach(() => store.close());

const sha = (letter: string): string => letter.repeat(64);

describe('what is remembered of a backup', () => {
  it('grows bit by bit; nothing that is not said is forgotten', () => {
    const memory = createBackupMemory(store);
    expect(memory.recall('one', 'a.db')).toBeUndefined();
    memory.remember({ environmentId: 'one', name: 'a.db', label: 'before', createdBy: 'ann@x' });
    memory.remember({ environmentId: 'one', name: 'a.db', sha256: sha('a'), localPath: '/l/a.db', protected: true });
    memory.remember({ environmentId: 'one', name: 'a.db', localPath: '/m/a.db' });
    expect(memory.recall('one', 'a.db')).toEqual({
      label: 'before',
      createdBy: 'ann@x',
      sha256: sha('a'),
      localPath: '/m/a.db',
      protected: true,
    });
    expect(memory.recall('two', 'a.db')).toBeUndefined();
  });

  it('keeps checks, newest first', () => {
    const memory = createBackupMemory(store);
    for (let at = 1; at <= 25; at++)
      memory.verified({
        environmentId: 'one',
        name: 'a.db',
        method: at % 2 === 0 ? 'local' : 'server',
        at,
        by: 'ann',
        valid: at !== 25,
        detail: 'x'.repeat(5000),
        ...(at === 25 ? {} : { sha256: sha('b') }),
      });
    const list = memory.verifications('one', 'a.db');
    expect(list).toHaveLength(20);
    expect(list[0]).toEqual({ method: 'server', at: 25, by: 'ann', valid: false, detail: 'x'.repeat(2000) });
    expect(list[1]).toMatchObject({ at: 24, method: 'local', valid: true, sha256: sha('b') });
  });
});
