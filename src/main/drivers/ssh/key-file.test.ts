import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, describe, expect, it } from 'vitest';
import { readKeyFile } from './key-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-key-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

// A profile somebody sent may name any path; looking at its secrets reads it.
describe('a path that holds no key', () => {
  it.skipIf(process.platform === 'win32')('is not waited for (a pipe) and not swallowed (a device, a huge file)', async () => {
    const pipe = join(dir, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const huge = join(dir, 'huge');
    writeFileSync(huge, Buffer.alloc(2 * 1024 * 1024, 65));
    for (const path of [huge, pipe, '/dev/zero', dir])
      await expect(readKeyFile(path), path).rejects.toMatchObject({ code: 'key-file-unreadable' });
  });
});

it('a key behind a link is read', async () => {
  const file = join(dir, 'key');
  writeFileSync(file, ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }).private, { mode: 0o600 });
  symlinkSync(file, join(dir, 'link'));
  expect(await readKeyFile(join(dir, 'link'))).toMatchObject({ state: 'ready' });
});
