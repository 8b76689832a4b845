import { execFileSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSshSession } from '../../src/main/drivers/ssh/session.ts';
import type { HostKeyPolicy, SshAuth, SshSecretSource } from '../../src/main/drivers/ssh/types.ts';
import type { TestAgent } from '../support/ssh-agent.ts';
import { startAgent } from '../support/ssh-agent.ts';
import { hopTo, scratch, skipSsh, trusting } from '../support/ssh-lab.ts';
import type { TestUser } from '../support/ssh-user.ts';
import { makeTestUser, testUserUnavailable } from '../support/ssh-user.ts';
import type { Sshd, TestKey } from '../support/sshd.ts';
import { makeKey, startSshd } from '../support/sshd.ts';

const none: SshSecretSource = async () => undefined;

describe.skipIf(skipSsh())('signing in with keys', () => {
  const room = scratch();
  let sshd: Sshd;
  let policy: HostKeyPolicy;
  let locked: TestKey;
  let agentKey: TestKey;
  let agent: TestAgent;
  const before = process.env['SSH_AUTH_SOCK'];
  beforeAll(async () => {
    locked = makeKey(room.path('locked'), { passphrase: 'open sesame' });
    agentKey = makeKey(room.path('agent'), { type: 'ecdsa' });
    sshd = await startSshd({ authorizedKeys: [locked.publicKey, agentKey.publicKey] });
    policy = await trusting(sshd);
    agent = await startAgent(room.path('agent.sock'), [agentKey.path]);
  });
  afterAll(async () => {
    if (before === undefined) delete process.env['SSH_AUTH_SOCK'];
    else process.env['SSH_AUTH_SOCK'] = before;
    await agent?.close();
    await sshd?.stop();
    room.close();
  });
  const signIn = (auth: readonly SshAuth[], secrets: SshSecretSource = none) =>
    createSshSession({ target: hopTo(sshd, { auth }), jumps: [] }, { policy, secrets });
  const works = async (auth: readonly SshAuth[], secrets: SshSecretSource = none): Promise<void> => {
    const session = await signIn(auth, secrets);
    expect(await session.exec({ script: 'exit 5' })).toMatchObject({ outcome: 'done', exitCode: 5 });
    await session.close();
    expect(await session.closed).toBeUndefined();
  };

  it('uses the agent', async () => {
    process.env['SSH_AUTH_SOCK'] = agent.socket;
    await works([{ kind: 'agent' }]);
    delete process.env['SSH_AUTH_SOCK'];
    await expect(signIn([{ kind: 'agent' }])).rejects.toMatchObject({
      code: 'ssh-auth-failed',
      message: expect.stringContaining('no SSH agent is running'),
    });
  });

  it('opens an encrypted key, and asks when it cannot', async () => {
    const auth: SshAuth[] = [{ kind: 'key', path: locked.path }];
    const asked: unknown[] = [];
    await works(auth, async (request) => {
      asked.push(request);
      return ['open sesame'];
    });
    expect(asked).toEqual([{ kind: 'key-passphrase', hop: 0 }]);
    await expect(signIn(auth)).rejects.toMatchObject({
      code: 'ssh-auth-needed',
      data: { retryable: false, detail: { hop: 0, kind: 'key-passphrase', prompts: [{ hop: 0, echo: false }] } },
    });
    await expect(signIn(auth, async () => ['wrong'])).rejects.toMatchObject({
      code: 'ssh-auth-needed',
      message: expect.stringContaining('does not open'),
    });
  });

  it('goes on to the next method, and says what was refused', async () => {
    const stranger = makeKey(room.path('stranger'));
    await works([
      { kind: 'key', path: stranger.path },
      { kind: 'key', path: room.path('absent') },
      { kind: 'key', path: sshd.clientKey.path },
    ]);
    await expect(signIn([{ kind: 'key', path: stranger.path }])).rejects.toMatchObject({
      code: 'ssh-auth-failed',
      data: { retryable: false, detail: { tried: ['key'], serverTakes: ['publickey'] } },
    });
    // A password is not asked for where the server would not take it.
    let asked = 0;
    await expect(signIn([{ kind: 'password' }], async () => [`${asked++}`])).rejects.toMatchObject({ code: 'ssh-auth-failed' });
    expect(asked).toBe(0);
  });

  it('says plainly which key files it cannot use', async () => {
    const fails = (name: string, message: RegExp) =>
      expect(signIn([{ kind: 'key', path: room.path(name) }])).rejects.toMatchObject({
        code: 'key-file-unreadable',
        message: expect.stringMatching(message),
      });
    await fails('absent', /does not exist/);
    writeFileSync(room.path('nonsense'), 'nonsense');
    await fails('nonsense', /not a usable private key/);
    await fails('locked.pub', /public half/);
    copyFileSync(sshd.clientKey.path, room.path('plain'));
    copyFileSync(`${sshd.clientKey.path}.pub`, room.path('plain.pub'));
    execFileSync('ssh-keygen', ['-q', '-s', agentKey.path, '-I', 'id', '-n', 'root', room.path('plain.pub')], { stdio: 'pipe' });
    await fails('plain-cert.pub', /certificate/);
    writeFileSync(room.path('sk.pub'), 'sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t x');
    await fails('sk.pub', /hardware/);
  });

  it('tells an unreachable host and a cancellation', async () => {
    const target = { ...hopTo(sshd), port: 1 };
    await expect(createSshSession({ target, jumps: [] }, { policy, secrets: none })).rejects.toMatchObject({
      code: 'ssh-unreachable',
      data: { retryable: true },
    });
    const abort = new AbortController();
    abort.abort();
    await expect(
      createSshSession({ target: hopTo(sshd), jumps: [] }, { policy, secrets: none, signal: abort.signal }),
    ).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe.skipIf(skipSsh(testUserUnavailable()))('signing in with passwords', () => {
  let sshd: Sshd;
  let user: TestUser;
  let policy: HostKeyPolicy;
  beforeAll(async () => {
    user = makeTestUser();
    sshd = await startSshd({ pam: true });
    policy = await trusting(sshd);
  });
  afterAll(async () => {
    await sshd?.stop();
    user?.remove();
  });
  const signIn = (auth: readonly SshAuth[], secrets: SshSecretSource) =>
    createSshSession({ target: hopTo(sshd, { auth, user: user.name }), jumps: [] }, { policy, secrets });

  it.each(['password', 'keyboard-interactive'] as const)('%s', async (kind) => {
    const requests: Parameters<SshSecretSource>[0][] = [];
    const session = await signIn([{ kind }], async (request) => {
      requests.push(request);
      return [user.password];
    });
    const who = await session.exec({ script: 'id -un' });
    expect(who.outcome === 'done' && who.stdout.toString().trim()).toBe(user.name);
    await session.close();
    expect(requests.map((request) => request.kind)).toEqual([kind === 'password' ? 'password' : 'prompt']);
    if (kind === 'keyboard-interactive') expect(requests[0]?.prompts).toEqual([{ text: expect.stringMatching(/password/i), echo: false }]);

    await expect(signIn([{ kind }], none)).rejects.toMatchObject({
      code: 'ssh-auth-needed',
      data: { detail: { hop: 0, kind: kind === 'password' ? 'password' : 'prompt', prompts: [{ hop: 0, echo: false }] } },
    });
    const wrong = await signIn([{ kind }], async () => ['wrong']).catch((error: unknown) => error);
    expect(wrong).toMatchObject({ code: 'ssh-auth-failed', data: { retryable: false } });
    expect(JSON.stringify(wrong)).not.toContain(user.password);
  });
});
