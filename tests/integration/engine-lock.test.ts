import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSshSession } from '../../src/main/drivers/ssh/session.ts';
import type { ExecOutcome, RemoteScript, SshSession } from '../../src/main/drivers/ssh/types.ts';
import {
  acquireLock,
  breakLock,
  checkLock,
  FENCED_OUT,
  fencedScript,
  readLock,
  readLockState,
  releaseLock,
} from '../../src/main/engine/host-lock.ts';
import { sessionsVerdict } from '../../src/main/engine/sessions.ts';
import { hopTo, skipSsh, trusting } from '../support/ssh-lab.ts';
import type { TestUser } from '../support/ssh-user.ts';
import { makeTestUser, testUserUnavailable } from '../support/ssh-user.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

/** An account of the host with a home of its own, and its session. */
interface Account {
  readonly name: string;
  readonly session: SshSession;
}

const locked = expect.objectContaining({ data: expect.objectContaining({ code: 'host-locked' }) });
const ann = { runId: 'run-ann', operator: 'ann@laptop', at: 1_800_000_000_000 };
const ben = { runId: 'run-ben', operator: 'ben@tower', at: 1_800_000_001_000 };

describe.skipIf(skipSsh(testUserUnavailable()))('the lock of a host with two accounts', () => {
  let root = '';
  let place = '';
  const servers: Sshd[] = [];
  const users: TestUser[] = [];
  const accounts: Account[] = [];
  let admin: Account;

  /** Its own sshd, so that each account has its own home; the host is the same. */
  async function account(lockDir: string, user?: TestUser): Promise<Account> {
    const home = join(root, user?.name ?? 'root');
    mkdirSync(home, { recursive: true });
    if (user !== undefined) execFileSync('chown', [user.name, home]);
    const sshd = await startSshd({
      pam: user !== undefined,
      variables: { HOME: home, XDG_STATE_HOME: join(home, 'state'), QUARTERDECK_LOCK_DIR: lockDir },
    });
    servers.push(sshd);
    const session = await createSshSession(
      { target: hopTo(sshd, user === undefined ? {} : { user: user.name, auth: [{ kind: 'password' }] }), jumps: [] },
      { secrets: async () => (user === undefined ? undefined : [user.password]), policy: await trusting(sshd), readyTimeoutMs: 15_000 },
    );
    return { name: user?.name ?? 'root', session };
  }

  beforeAll(async () => {
    // Not below a private folder: both accounts must reach it.
    root = mkdtempSync('/tmp/quarterdeck-lock-');
    chmodSync(root, 0o755);
    place = join(root, 'shared');
    mkdirSync(place);
    chmodSync(place, 0o1777);
    users.push(makeTestUser(), makeTestUser());
    for (const user of users) accounts.push(await account(place, user));
    admin = await account(place);
  }, 60_000);
  afterEach(() => {
    for (const name of readdirSync(place)) rmSync(join(place, name), { recursive: true, force: true });
  });
  afterAll(async () => {
    for (const { session } of [...accounts, ...(admin === undefined ? [] : [admin])]) await session.close();
    for (const sshd of servers) await sshd.stop();
    for (const user of users) user.remove();
    rmSync(root, { recursive: true, force: true });
  });
  const [first, second] = [0, 1].map((at) => () => accounts[at] as Account) as [() => Account, () => Account];

  it('is one: the other account sees who holds it, and gets it when it is given back', async () => {
    const held = await acquireLock(first().session, ann);
    expect(held).toMatchObject({ runId: 'run-ann', operator: 'ann@laptop', account: first().name });
    expect(await readLockState(second().session)).toMatchObject({ shared: true, holder: { runId: 'run-ann', account: first().name } });
    await expect(acquireLock(second().session, ben)).rejects.toThrow(locked);
    // Also under the same run's name, and with the very token: it was made by another account.
    await expect(acquireLock(second().session, ann)).rejects.toThrow(locked);
    await expect(checkLock(second().session, held.fence)).rejects.toThrow(locked);
    expect(await releaseLock(second().session, held.fence)).toBe(false);
    await checkLock(first().session, held.fence);
    expect(await releaseLock(first().session, held.fence)).toBe(true);
    const next = await acquireLock(second().session, ben);
    expect(await readLock(first().session)).toMatchObject({ runId: 'run-ben' });
    await releaseLock(second().session, next.fence);
    expect(readdirSync(place)).toEqual([]);
  });

  it('goes to one of many who ask at once from both accounts', async () => {
    const asked = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => acquireLock(n % 2 === 0 ? first().session : second().session, { ...ann, runId: `run-${n}` })),
    );
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('fences mutating scripts of both accounts at the same place', async () => {
    const marker = join(root, 'acted');
    const act = async (who: Account, fence: string) => {
      const outcome = await who.session.exec(fencedScript('echo acted >>"$1"\n', fence, [marker]));
      return outcome.outcome === 'done' ? outcome.exitCode : outcome.outcome;
    };
    writeFileSync(marker, '');
    chmodSync(marker, 0o666);
    const held = await acquireLock(first().session, ann);
    expect(await act(first(), held.fence)).toBe(0);
    expect(await act(second(), held.fence)).toBe(FENCED_OUT);
    for (const fence of ['', '@', `@${place}/quarterdeck.lock`, held.fence.replace(/^\d+/, '99'), held.fence.replace(place, root)])
      expect(await act(first(), fence), fence).toBe(FENCED_OUT);
    await breakLock(admin.session, 'run-ann');
    expect(await act(first(), held.fence)).toBe(FENCED_OUT);
    const next = await acquireLock(second().session, ben);
    expect(await act(first(), held.fence)).toBe(FENCED_OUT);
    expect(await act(second(), next.fence)).toBe(0);
  });

  it('is removed by its own account or root, not by another', async () => {
    await acquireLock(first().session, ann);
    await expect(breakLock(second().session, 'run-other')).rejects.toThrow(locked);
    await expect(breakLock(second().session, 'run-ann')).rejects.toThrow(`made by the account ${first().name}`);
    expect(await readLock(first().session)).toMatchObject({ runId: 'run-ann' });
    await breakLock(admin.session, 'run-ann');
    expect(await readLock(first().session)).toBeUndefined();
  });

  it('is not led astray by what somebody put there before', async () => {
    const lock = join(place, 'quarterdeck.lock');
    const elsewhere = join(root, 'elsewhere');
    mkdirSync(elsewhere, { recursive: true });
    symlinkSync(elsewhere, lock);
    await expect(readLock(first().session)).rejects.toThrow('is no lock');
    await expect(acquireLock(first().session, ann)).rejects.toThrow('is no lock');
    expect(readdirSync(elsewhere)).toEqual([]);
    rmSync(lock);
    writeFileSync(lock, 'a file');
    await expect(acquireLock(first().session, ann)).rejects.toThrow('is no lock');
    rmSync(lock);
    // A folder of another account without a word in it: it is seen to hold the lock, and nothing is overwritten.
    execFileSync('install', ['-d', '-o', second().name, lock]);
    await expect(acquireLock(first().session, ann)).rejects.toThrow(`made by the account ${second().name}`);
    // Its words may be a link to what only root may read: nobody follows it.
    writeFileSync(join(root, 'private'), 'run=run-ann\noperator=secret\n', { mode: 0o600 });
    symlinkSync(join(root, 'private'), join(lock, 'owner'));
    expect(JSON.stringify(await readLock(admin.session))).not.toContain('secret');
    await breakLock(admin.session, '');
    expect(existsSync(lock)).toBe(false);
    expect(existsSync(join(root, 'private'))).toBe(true);
  });

  it('stands in a common folder of the system where nothing else is said, and nowhere when what is said is not there', async () => {
    // Only read: it is the lock of this machine.
    const plain = await account('', users[0] as TestUser);
    const state = await readLockState(plain.session);
    expect(state).toMatchObject({ shared: true, place: expect.stringMatching(/^\/(var\/tmp|run\/lock|tmp)\/quarterdeck\.lock$/) });
    await plain.session.close();
    const lost = await account(join(root, 'nowhere'), users[0] as TestUser);
    await expect(readLock(lost.session)).rejects.toThrow('is no folder');
    await lost.session.close();
  });

  it('comes with who else is connected', async () => {
    const { verdict, detail } = await sessionsVerdict(admin.session);
    expect(verdict).toBe('pass');
    expect(detail).toContain(first().name);
    expect(detail).toContain(second().name);
  });
});

/** The lock's script in a world of its own, in which no folder is common to all accounts. */
function walledSession(home: string): SshSession {
  const walls = ['/var/tmp', '/run/lock'].map((folder) => `mkdir -p ${folder} && mount -t tmpfs -o mode=755 none ${folder}`).join(' && ');
  // `/tmp` is the test's own ground: it only loses what makes it common.
  const start = `${walls} && mount --bind "$HOME" /mnt && mount -t tmpfs -o mode=755 none /tmp && mkdir -p "$HOME" && mount --bind /mnt "$HOME" && exec /bin/sh -s -- "$@"`;
  return {
    exec: ({ script, args = [] }: RemoteScript) =>
      new Promise<ExecOutcome>((resolve) => {
        const { status, stdout, stderr } = spawnSync('unshare', ['--mount', '/bin/sh', '-c', start, 'sh', ...args], {
          input: script,
          env: { PATH: process.env['PATH'] ?? '', HOME: home },
        });
        resolve({ outcome: 'done', exitCode: status ?? -1, stdout, stderr, truncated: false, durationMs: 1 });
      }),
  } as Partial<SshSession> as SshSession;
}

const walled =
  spawnSync('unshare', ['--mount', '/bin/true']).status === 0 && process.getuid?.() === 0 ? undefined : 'no mount namespaces here';

describe.skipIf(skipSsh(walled))('a host without a folder that all accounts share', () => {
  it('is locked in the account, which is said', async () => {
    const home = mkdtempSync('/tmp/quarterdeck-walled-');
    try {
      const session = walledSession(home);
      expect(await readLockState(session)).toEqual({ holder: undefined, shared: false, place: `${home}/.local/state/quarterdeck/lock` });
      const held = await acquireLock(session, ann);
      expect(await readLockState(session)).toMatchObject({ shared: false, holder: { runId: 'run-ann' } });
      await expect(acquireLock(session, ben)).rejects.toThrow(locked);
      await checkLock(session, held.fence);
      expect(await releaseLock(session, held.fence)).toBe(true);
      expect(await readLock(session)).toBeUndefined();
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
