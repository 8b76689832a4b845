import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keptKey } from './ssh-server.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarterdeck-key-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

describe('the demo’s keys', () => {
  it('are made once and kept', () => {
    const file = join(folder, 'keys', 'host');
    const { privateKey } = keptKey(file, 'a test');
    expect(keptKey(file, 'a test').privateKey).toBe(privateKey);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('are made again when what ssh2 made can not be read, as happens once in some hundred times', () => {
    const good = goodPair();
    const make = vi.spyOn(ssh2.utils, 'generateKeyPairSync');
    make.mockReturnValueOnce({ private: 'not a key', public: '' }).mockReturnValueOnce(good);
    expect(keptKey(join(folder, 'host'), 'a test').privateKey).toBe(good.private);
    expect(make).toHaveBeenCalledTimes(2);
  });

  it('take the place of one that was kept unreadable', () => {
    const file = join(folder, 'host');
    writeFileSync(file, 'not a key');
    const { privateKey } = keptKey(file, 'a test');
    expect(keptKey(file, 'a test').privateKey).toBe(privateKey);
  });
});

function goodPair(): { private: string; public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519');
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
}
