import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConnectionState } from '../../src/contract/connections.ts';
import type { EnvironmentDraft, SshHop } from '../../src/contract/environments.ts';
import type { Connections } from '../../src/main/connections/connections.ts';
import { createConnections } from '../../src/main/connections/connections.ts';
import type { SshHop as DriverHop } from '../../src/main/drivers/ssh/types.ts';
import type { Journal } from '../../src/main/journal/journal.ts';
import { createJournal } from '../../src/main/journal/journal.ts';
import type { Environments } from '../../src/main/profiles/environments.ts';
import { createEnvironments } from '../../src/main/profiles/environments.ts';
import { migrations } from '../../src/main/store/migrations/index.ts';
import type { Store } from '../../src/main/store/store.ts';
import { openStore } from '../../src/main/store/store.ts';
import { hopTo, scratch, skipSsh } from '../support/ssh-lab.ts';
import type { TestUser } from '../support/ssh-user.ts';
import { makeTestUser, testUserUnavailable } from '../support/ssh-user.ts';
import type { Sshd } from '../support/sshd.ts';
import { makeKey, startSshd } from '../support/sshd.ts';

const plain = (hop: DriverHop): SshHop => ({ ...hop, auth: [...hop.auth] });

describe.skipIf(skipSsh())('connections', () => {
  let sshd: Sshd;
  let room: ReturnType<typeof scratch>;
  let store: Store;
  let journal: Journal;
  let environments: Environments;
  let connections: Connections;
  let secrets: Map<string, string>;
  let asked: string[];

  const begin = async (options: Parameters<typeof startSshd>[0] = {}): Promise<void> => {
    sshd = await startSshd(options);
    writeFileSync(room.path('known_hosts'), '');
  };
  beforeEach(() => {
    room = scratch();
    store = openStore(':memory:', migrations);
    journal = createJournal({ store, operator: 'tester@lab', clock: Date.now });
    environments = createEnvironments({ store, journal, stacks: { get: () => ({ inputs: [] }) } });
    secrets = new Map();
    asked = [];
    connections = createConnections({
      environments,
      store,
      journal,
      files: [room.path('known_hosts')],
      latencyEveryMs: 60_000,
      secrets: {
        readForHop: async (_, { kind, hop }) => {
          asked.push(`${kind} ${hop}`);
          return secrets.get(`${kind} ${hop}`);
        },
      },
    });
  });
  afterEach(async () => {
    await connections.close();
    journal.close();
    store.close();
    await sshd?.stop();
    room.close();
  });

  const add = async (more: Partial<EnvironmentDraft['ssh']> = {}, name = 'Lab'): Promise<{ environmentId: string }> => {
    const ssh = { target: plain(hopTo(sshd)), jumps: [], ...more };
    const { id } = await environments.create({ name, tier: 'development', ssh, stack: 'lab', inputs: {}, notes: '' });
    return { environmentId: id };
  };
  const fingerprint = (): string => sshd.hostKeys[0]?.fingerprint ?? '';
  const kinds = (): string[] =>
    journal
      .list({ limit: 100 })
      .entries.map(({ kind }) => kind)
      .filter((kind) => kind.startsWith('host-key'));
  const until = (ref: { environmentId: string }, holds: (state: ConnectionState) => boolean): Promise<ConnectionState> =>
    new Promise((resolve) => {
      const look = (state: ConnectionState): void => {
        if (state.environmentId !== ref.environmentId || !holds(state)) return;
        stop();
        resolve(state);
      };
      const stop = connections.onState(look);
      void connections.get(ref).then(look);
    });

  it('asks at first contact, takes the right fingerprint only, and is connected', async () => {
    await begin();
    const ref = await add();
    expect(await connections.get(ref)).toMatchObject({ phase: 'disconnected', attempt: 0 });
    const first = await connections.connect(ref);
    expect(first).toMatchObject({
      phase: 'blocked',
      problem: { code: 'host-key-unknown' },
      hostKey: { verdict: 'unknown', offered: { fingerprint: fingerprint() }, hop: { index: 0, port: sshd.port } },
    });
    expect(sshd.log()).not.toMatch(/userauth-request/);
    const wrong = `SHA256:${'A'.repeat(43)}`;
    await expect(connections.trust({ ...ref, fingerprint: wrong })).rejects.toMatchObject({
      code: 'confirmation-wrong',
      data: { detail: { pasted: wrong, offered: fingerprint() } },
    });
    expect(await connections.hostKeys()).toEqual([]);

    const connected = await connections.trust({ ...ref, fingerprint: fingerprint() });
    expect(connected).toMatchObject({
      phase: 'connected',
      server: { fingerprint: fingerprint(), ident: expect.stringContaining('OpenSSH') },
    });
    expect(connected.hostKey).toBeUndefined();
    expect(await connections.hostKeys()).toEqual([
      expect.objectContaining({ host: '127.0.0.1', port: sshd.port, fingerprint: fingerprint(), type: 'ssh-ed25519' }),
    ]);
    const { key } = store.prepare('SELECT key FROM host_keys').get() as { key: Buffer };
    expect(key.toString('base64')).toBe(sshd.hostKeys[0]?.publicKey.split(' ')[1]);
    expect(kinds()).toEqual(['host-key-trusted']);
    expect((await until(ref, ({ latencyMs }) => latencyMs !== undefined)).latencyMs).toBeGreaterThan(0);
    // Trusting again what is trusted is no error.
    expect(await connections.trust({ ...ref, fingerprint: fingerprint() })).toMatchObject({ phase: 'connected' });
    expect(await connections.disconnect(ref)).toMatchObject({ phase: 'disconnected' });
  });

  it('trust works without a connect before', async () => {
    await begin();
    const ref = await add();
    expect(await connections.trust({ ...ref, fingerprint: fingerprint() })).toMatchObject({ phase: 'connected' });
  });

  it('refuses a changed key with both fingerprints, journals it once, and takes the new one after the old was forgotten', async () => {
    await begin();
    const ref = await add();
    const old = fingerprint();
    await connections.trust({ ...ref, fingerprint: old });
    await connections.disconnect(ref);
    await sshd.rotateHostKeys();
    for (let time = 0; time < 2; time += 1) {
      expect(await connections.connect(ref)).toMatchObject({
        phase: 'blocked',
        problem: { code: 'host-key-changed', message: expect.stringContaining(old) },
        hostKey: { verdict: 'changed', offered: { fingerprint: fingerprint() }, known: [{ fingerprint: old, source: 'app' }] },
      });
    }
    await expect(connections.trust({ ...ref, fingerprint: fingerprint() })).rejects.toMatchObject({ code: 'host-key-changed' });
    expect(kinds()).toEqual(['host-key-refused', 'host-key-trusted']);
    expect(await connections.forgetHostKey({ host: '127.0.0.1', port: sshd.port, fingerprint: old })).toEqual({ removed: true });
    expect(await connections.forgetHostKey({ host: '127.0.0.1', port: sshd.port, fingerprint: old })).toEqual({ removed: false });
    expect(await connections.trust({ ...ref, fingerprint: fingerprint() })).toMatchObject({ phase: 'connected' });
    expect(kinds()).toEqual(['host-key-trusted', 'host-key-forgotten', 'host-key-refused', 'host-key-trusted']);
  });

  it('never takes a revoked key', async () => {
    await begin();
    writeFileSync(room.path('known_hosts'), `@revoked * ${sshd.hostKeys[0]?.publicKey}\n`);
    const ref = await add();
    expect(await connections.connect(ref)).toMatchObject({ phase: 'blocked', hostKey: { verdict: 'revoked' } });
    await expect(connections.trust({ ...ref, fingerprint: fingerprint() })).rejects.toMatchObject({ code: 'host-key-revoked' });
    expect(await connections.hostKeys()).toEqual([]);
    expect(kinds()).toEqual(['host-key-refused']);
  });

  it('verifies a jump host by its own name, then the target', async () => {
    await begin();
    const ref = await add({ jumps: [plain(hopTo(sshd))], target: { ...plain(hopTo(sshd)), host: 'localhost' } });
    const first = await connections.connect(ref);
    expect(first.hostKey?.hop).toEqual({ index: 0, host: '127.0.0.1', port: sshd.port });
    const second = await connections.trust({ ...ref, fingerprint: fingerprint() });
    expect(second.hostKey?.hop).toEqual({ index: 1, host: 'localhost', port: sshd.port });
    expect(await connections.trust({ ...ref, fingerprint: fingerprint() })).toMatchObject({ phase: 'connected' });
  });

  it('asks for the passphrase of an encrypted key, once per sign-in, and reads a stored one by hop', async () => {
    const key = makeKey(room.path('locked'), { passphrase: 'pass of the key' });
    await begin({ authorizedKeys: [key.publicKey] });
    const ref = await add({ target: plain(hopTo(sshd, { auth: [{ kind: 'key', path: key.path }] })) });
    const blocked = await connections.trust({ ...ref, fingerprint: fingerprint() });
    expect(blocked).toMatchObject({
      phase: 'blocked',
      problem: { code: 'ssh-auth-needed' },
      prompts: [{ hop: 0, echo: false, text: expect.stringContaining('Passphrase') }],
    });
    await expect(connections.answer({ ...ref, answers: [] })).rejects.toMatchObject({ code: 'bad-input' });
    expect(await connections.answer({ ...ref, answers: ['wrong'] })).toMatchObject({
      phase: 'blocked',
      problem: { code: 'ssh-auth-needed' },
    });
    expect(await connections.answer({ ...ref, answers: ['pass of the key'] })).toMatchObject({ phase: 'connected' });
    await expect(connections.answer({ ...ref, answers: ['x'] })).rejects.toMatchObject({ code: 'conflict' });
    await connections.disconnect(ref);
    expect(await connections.connect(ref)).toMatchObject({ phase: 'blocked' });
    secrets.set('key-passphrase 0', 'pass of the key');
    expect(await connections.connect(ref)).toMatchObject({ phase: 'connected' });
    expect(new Set(asked)).toEqual(new Set(['key-passphrase 0']));
  });

  it('sessionFor connects, shares one connection, and throws what blocks it without trying again', async () => {
    await begin();
    const ref = await add();
    await expect(connections.sessionFor(ref.environmentId)).rejects.toMatchObject({ code: 'host-key-unknown' });
    const before = sshd.log().length;
    await expect(connections.sessionFor(ref.environmentId)).rejects.toMatchObject({ code: 'host-key-unknown' });
    expect(sshd.log().slice(before)).not.toContain('Connection from');
    await expect(connections.sessionFor('env-nobody')).rejects.toMatchObject({ code: 'not-found' });
    await connections.trust({ ...ref, fingerprint: fingerprint() });
    await connections.disconnect(ref);
    const [one, two] = await Promise.all([connections.sessionFor(ref.environmentId), connections.sessionFor(ref.environmentId)]);
    expect(one).toBe(two);
    const socket = await connections.connectTo(ref.environmentId, '127.0.0.1', sshd.port);
    const greeting = await new Promise((resolve) => socket.once('data', (data: Buffer) => resolve(data.toString())));
    expect(greeting).toMatch(/^SSH-2.0/);
    socket.destroy();
    await expect(connections.sessionFor(ref.environmentId, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('an unreachable host waits to retry; sessionFor says why at once', async () => {
    await begin();
    const ref = await add({ target: { ...plain(hopTo(sshd)), port: 1 } });
    expect(await connections.connect(ref)).toMatchObject({
      phase: 'waiting-to-retry',
      attempt: 1,
      retryAt: expect.any(Number),
      problem: { code: 'ssh-unreachable' },
    });
    await expect(connections.sessionFor(ref.environmentId)).rejects.toMatchObject({ code: 'ssh-unreachable' });
  });

  it('watch gives every environment first, then changes, and ends with its signal', async () => {
    await begin();
    const ref = await add();
    const other = await add({}, 'Other');
    const stop = new AbortController();
    const seen: ConnectionState[] = [];
    const watching = (async () => {
      for await (const state of connections.watch({}, stop.signal)) seen.push(state);
    })();
    await expect.poll(() => seen.length).toBe(2);
    expect(new Set(seen.map(({ environmentId }) => environmentId))).toEqual(new Set([ref.environmentId, other.environmentId]));
    await connections.trust({ ...ref, fingerprint: fingerprint() });
    await expect.poll(() => seen.at(-1)?.phase).toBe('connected');
    const third = await add({}, 'Third');
    await expect.poll(() => seen.at(-1)?.environmentId).toBe(third.environmentId);
    stop.abort();
    await watching;
    // A reader that leaves while it waits is let go, too.
    const left = connections.watch({});
    for (let count = 0; count < 3; count += 1) await left.next();
    const pending = left.next();
    await left.return();
    expect(await pending).toMatchObject({ done: true });
  });

  it('a changed route reconnects along the new one; a removed environment is let go', async () => {
    await begin();
    const ref = await add();
    await connections.trust({ ...ref, fingerprint: fingerprint() });
    const session = await connections.sessionFor(ref.environmentId);
    const now = await environments.get(ref);
    const draft = {
      name: now.name,
      tier: now.tier,
      stack: now.stack,
      inputs: now.inputs,
      notes: now.notes,
      ssh: { ...now.ssh, target: { ...now.ssh.target, host: 'localhost' } },
    };
    await environments.update({ ...ref, revision: 1, draft });
    expect(await until(ref, ({ phase }) => phase === 'blocked')).toMatchObject({ hostKey: { hop: { host: 'localhost' } } });
    expect(await session.closed).toBeUndefined();
    await connections.trust({ ...ref, fingerprint: fingerprint() });
    const second = await connections.sessionFor(ref.environmentId);
    await environments.remove(ref);
    expect(await second.closed).toBeUndefined();
    await expect(connections.get(ref)).rejects.toMatchObject({ code: 'not-found' });
  });

  it.skipIf(testUserUnavailable() !== undefined)(
    'signs in by a stored password, also where the server asks for it as a prompt; a wrong one stops',
    async () => {
      let user: TestUser | undefined;
      try {
        user = makeTestUser();
        const { name, password } = user;
        await begin({ pam: true });
        for (const kind of ['password', 'keyboard-interactive'] as const) {
          const ref = await add({ target: plain(hopTo(sshd, { user: name, auth: [{ kind }] })) }, kind);
          secrets.set('password 0', password);
          const state = await connections.trust({ ...ref, fingerprint: fingerprint() });
          expect(state).toMatchObject({ phase: 'connected' });
          await connections.disconnect(ref);
          secrets.set('password 0', 'wrong');
          const refusedState = await connections.connect(ref);
          expect(refusedState.phase).toBe('blocked');
          expect(['ssh-auth-failed', 'ssh-auth-needed']).toContain(refusedState.problem?.code);
          expect(JSON.stringify(refusedState)).not.toContain(password);
        }
        secrets.clear();
        const ref = await add({ target: plain(hopTo(sshd, { user: name, auth: [{ kind: 'keyboard-interactive' }] })) }, 'typed');
        expect(await connections.connect(ref)).toMatchObject({
          phase: 'blocked',
          prompts: [{ hop: 0, echo: false, text: expect.stringMatching(/password/i) }],
        });
        expect(await connections.answer({ ...ref, answers: [password] })).toMatchObject({ phase: 'connected' });
      } finally {
        await connections.close();
        user?.remove();
      }
    },
  );
});
