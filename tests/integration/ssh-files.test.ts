import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SshSession } from '../../src/main/drivers/ssh/types.ts';
import { connectTo, scratch, skipSsh } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(skipSsh())('files over SFTP', () => {
  const room = scratch();
  let sshd: Sshd;
  let session: SshSession;
  let mounted = false;
  beforeAll(async () => {
    sshd = await startSshd();
    session = await connectTo(sshd);
  });
  afterAll(async () => {
    await session?.close();
    await sshd?.stop();
    if (mounted) execFileSync('umount', [room.path('small')]);
    room.close();
  });

  it('stats, lists and reads', async () => {
    mkdirSync(room.path('list'));
    writeFileSync(room.path('list/a b'), 'héllo', { mode: 0o640 });
    symlinkSync('a b', room.path('list/link'));
    mkdirSync(room.path('list/sub'));
    expect(await session.files.stat(room.path('list/a b'))).toMatchObject({ name: 'a b', type: 'file', size: 6, mode: 0o640 });
    expect(await session.files.stat(room.path('list/none'))).toBeUndefined();
    const kinds = (await session.files.list(room.path('list'))).map((one) => `${one.name}:${one.type}`).sort();
    expect(kinds).toEqual(['a b:file', 'link:link', 'sub:directory']);
    expect(await session.files.readText(room.path('list/a b'))).toBe('héllo');
    expect(await session.files.readText(room.path('list/a b'), 1)).toBe('h');
    await expect(session.files.readText(room.path('list/none'))).rejects.toMatchObject({ code: 'remote-file-missing' });
  });

  it.each([0, 1, 65_536, 3_000_001])('moves %i bytes there and back, and keeps the mode', async (size) => {
    const bytes = randomBytes(size);
    const [from, there, back] = [room.path(`from-${size}`), room.path(`there ${size}'s`), room.path(`back-${size}`)];
    writeFileSync(from, bytes);
    writeFileSync(there, 'old', { mode: 0o604 });
    const progress: number[] = [];
    expect(await session.files.upload(from, there, { progress: (state) => progress.push(state.bytes) })).toEqual({
      bytes: size,
      sha256: sha256(bytes),
      resumedFrom: 0,
    });
    expect(statSync(there).mode & 0o777).toBe(0o604);
    expect(progress.at(-1)).toBe(size);
    expect(await session.files.download(there, back)).toMatchObject({ bytes: size, sha256: sha256(bytes) });
    expect(readFileSync(back).equals(bytes)).toBe(true);
  });

  it('starts once more from zero when a part is of another file', async () => {
    const bytes = randomBytes(500_000);
    const [source, target] = [room.path('right'), room.path('right-copy')];
    writeFileSync(source, bytes);
    for (const move of [() => session.files.download(source, target), () => session.files.upload(source, target)]) {
      writeFileSync(`${target}.part`, randomBytes(200_000));
      expect(await move()).toMatchObject({ sha256: sha256(bytes), resumedFrom: 0 });
      expect(readFileSync(target).equals(bytes)).toBe(true);
    }
  });

  it('does not replace anything when the hash is not the expected one', async () => {
    const [source, target] = [room.path('wrong'), room.path('wrong-copy')];
    writeFileSync(source, 'damaged');
    writeFileSync(target, 'good');
    await expect(session.files.download(source, target, { sha256: 'ab'.repeat(32) })).rejects.toMatchObject({ code: 'integrity-mismatch' });
    expect(readFileSync(target, 'utf8')).toBe('good');
  });

  it('can be cancelled, and refuses a second transfer to the same place', async () => {
    const source = room.path('cancel');
    writeFileSync(source, randomBytes(30_000_000));
    const abort = new AbortController();
    const moving = session.files.download(source, room.path('cancel-copy'), {
      signal: abort.signal,
      progress: (state) => {
        if (state.bytes > 1_000_000) abort.abort();
      },
    });
    await expect(session.files.download(source, room.path('cancel-copy'))).rejects.toMatchObject({ code: 'conflict' });
    await expect(moving).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('leaves the previous file alone when a disk is full, on either side', async (context) => {
    mkdirSync(room.path('small'));
    const made = process.getuid?.() === 0 && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', room.path('small')]).status === 0;
    if (!made) {
      console.log('skipped: no small file system can be mounted');
      context.skip('no small file system can be mounted');
    }
    mounted = true;
    const source = room.path('too-big');
    writeFileSync(source, randomBytes(4_000_000));
    writeFileSync(room.path('small/file'), 'the old file');
    await expect(session.files.download(source, room.path('small/file'))).rejects.toMatchObject({ code: 'local-disk-full' });
    await expect(session.files.upload(source, room.path('small/file'))).rejects.toMatchObject({ code: 'remote-disk-full' });
    expect(readFileSync(room.path('small/file'), 'utf8')).toBe('the old file');
  });
});
