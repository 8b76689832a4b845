import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSshSession } from '../../src/main/drivers/ssh/session.ts';
import type { SshSession } from '../../src/main/drivers/ssh/types.ts';
import { scratch } from '../support/ssh-lab.ts';

/** An SSH server whose SFTP side answers everything but reads and writes, while the connection lives: a disk that hangs. */
const room = scratch();
let server: InstanceType<typeof ssh2.Server>;
let session: SshSession;
let stalled = 0;

beforeAll(async () => {
  const { private: hostKey } = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 });
  server = new ssh2.Server({ hostKeys: [hostKey] }, (connection) => {
    connection.on('error', () => undefined);
    connection.on('authentication', (context) => context.accept());
    connection.on('session', (accept) => {
      const channels = accept();
      // The queue's idle channel.
      channels.on('exec', (acceptExec) => {
        const channel = acceptExec();
        channel.on('end', () => channel.end()).resume();
      });
      channels.on('sftp', (acceptSftp) => {
        const sftp = acceptSftp();
        sftp.on('OPEN', (id) => sftp.handle(id, Buffer.from('file')));
        sftp.on('STAT', (id) => sftp.status(id, ssh2.utils.sftp.STATUS_CODE.NO_SUCH_FILE));
        sftp.on('LSTAT', (id) => sftp.status(id, ssh2.utils.sftp.STATUS_CODE.NO_SUCH_FILE));
        sftp.on('FSTAT', (id) => sftp.attrs(id, { mode: 0o100600, uid: 0, gid: 0, size: 10_000_000, atime: 0, mtime: 0 }));
        sftp.on('READ', () => void stalled++);
        sftp.on('WRITE', () => void stalled++);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  session = await createSshSession(
    {
      target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port, user: 'u', auth: [{ kind: 'password' }] },
      jumps: [],
    },
    { policy: { knownTypes: () => [], decide: () => ({ verdict: 'accept' }) }, secrets: async () => ['x'] },
  );
});
afterAll(async () => {
  await session?.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  room.close();
});

it('a download from a host that does not answer ends when it is cancelled, and can be begun again', async () => {
  for (const turn of [1, 2]) {
    stalled = 0;
    const abort = new AbortController();
    const ended = expect(session.files.download('/backup', room.path('backup'), { signal: abort.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    await expect.poll(() => stalled, { message: `turn ${turn}` }).toBeGreaterThan(0);
    abort.abort();
    await ended;
  }
  expect(existsSync(room.path('backup'))).toBe(false);
});

it('an upload to it, too', async () => {
  stalled = 0;
  const abort = new AbortController();
  const from = process.execPath;
  const ended = expect(session.files.upload(from, '/backup', { signal: abort.signal })).rejects.toMatchObject({ code: 'cancelled' });
  await expect.poll(() => stalled).toBeGreaterThan(0);
  abort.abort();
  await ended;
});
