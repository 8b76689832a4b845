import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Problem } from '../../contract/problem.ts';
import { checkLocally, sqliteVerdict } from './local-copy.ts';

let folder: string;
let fetches: number;
let remote: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarterdeck-copy-'));
  fetches = 0;
  remote = 'new';
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
const good = { integrity: 'ok', foreignKeyErrors: 0, tables: { events: 3 }, newest: {} };
const judged =
  (inspect: Parameters<typeof sqliteVerdict>[0]) =>
  (path: string, bytes: number): ReturnType<typeof sqliteVerdict> =>
    sqliteVerdict(inspect, path, bytes);
const check = (more: Partial<Parameters<typeof checkLocally>[0]> = {}) =>
  checkLocally({
    inspect: judged(async () => good),
    folder,
    name: 'a.db',
    expected: sha(remote),
    verified: undefined,
    fetch: async (target) => {
      fetches += 1;
      writeFileSync(target, remote);
      return { bytes: remote.length, sha256: sha(remote), resumedFrom: 0 };
    },
    ...more,
  });

describe('checkLocally', () => {
  it('keeps a good copy, and uses it the next time', async () => {
    expect(await check()).toEqual({
      valid: true,
      detail: 'integrity_check ok; 3 bytes; rows: events 3.',
      sha256: sha('new'),
      localPath: join(folder, 'a.db'),
    });
    expect(await check()).toMatchObject({ valid: true });
    expect(fetches).toBe(1);
    expect(readdirSync(folder)).toEqual(['a.db']);
  });

  it('keeps nothing of a bad one', async () => {
    expect(await check({ inspect: judged(async () => ({ ...good, integrity: 'row 3 missing' })) })).toMatchObject({
      valid: false,
      detail: 'integrity_check says: row 3 missing',
    });
    expect(await check({ inspect: judged(async () => ({ ...good, foreignKeyErrors: 2 })) })).toMatchObject({
      valid: false,
      detail: '2 rows break a foreign key.',
    });
    expect(await check({ inspect: () => Promise.reject(new Problem('integrity-mismatch', 'no database')) })).toMatchObject({
      valid: false,
      detail: 'no database',
    });
    expect(await check({ fetch: () => Promise.reject(new Problem('integrity-mismatch', 'another hash')) })).toMatchObject({
      valid: false,
      detail: 'another hash',
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('never puts another file over a verified copy', async () => {
    writeFileSync(join(folder, 'a.db'), 'old');
    expect(await check({ verified: sha('old') })).toMatchObject({ valid: false, detail: expect.stringMatching(/its hash has changed/) });
    // The deployment calls its own file bad: the copy here is the only good one left.
    expect(await check({ verified: sha('old'), expected: undefined })).toMatchObject({ valid: false });
    expect(readFileSync(join(folder, 'a.db'), 'utf8')).toBe('old');
  });

  it('throws what kept it from looking', async () => {
    await expect(check({ fetch: () => Promise.reject(new Problem('ssh-connection-lost', 'gone')) })).rejects.toMatchObject({
      code: 'ssh-connection-lost',
    });
    await expect(check({ inspect: () => Promise.reject(new Problem('timed-out', 'slow')) })).rejects.toMatchObject({ code: 'timed-out' });
  });
});
