import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHostKeyPolicy } from '../../src/main/drivers/ssh/host-key-policy.ts';
import { createSshSession } from '../../src/main/drivers/ssh/session.ts';
import type { HostKeyPolicy, SshRoute } from '../../src/main/drivers/ssh/types.ts';
import { connectTo, hopTo, scratch, skipSsh, trusting } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

/** What sshd logs as soon as a client asks for authentication, whatever the method. */
const authentication = /userauth-request/;

describe.skipIf(skipSsh())('host keys over a real sshd', () => {
  const room = scratch();
  let servers: [Sshd, Sshd, Sshd];
  beforeAll(async () => {
    servers = [await startSshd(), await startSshd(), await startSshd({ hostKeyTypes: ['ed25519', 'ecdsa', 'rsa'] })];
  });
  afterAll(async () => {
    for (const sshd of servers ?? []) await sshd.stop();
    room.close();
  });
  let secretsAsked = 0;
  const connect = (route: SshRoute, policy: HostKeyPolicy) =>
    createSshSession(route, {
      policy,
      secrets: async () => {
        secretsAsked++;
        return ['secret'];
      },
    });
  const direct = (sshd: Sshd): SshRoute => ({ target: hopTo(sshd), jumps: [] });
  const policyOf = (text: string): Promise<HostKeyPolicy> => {
    writeFileSync(room.path('known_hosts'), text);
    return createHostKeyPolicy({ files: [room.path('known_hosts')], stored: () => [] });
  };

  it('reads a hashed known_hosts file', async () => {
    writeFileSync(room.path('hashed'), servers[0].knownHosts());
    execFileSync('ssh-keygen', ['-q', '-H', '-f', room.path('hashed')], { stdio: 'pipe' });
    const session = await connectTo(servers[0], { policy: await createHostKeyPolicy({ files: [room.path('hashed')], stored: () => [] }) });
    await session.close();
  });

  it('asks first for the type of key that is on record', async () => {
    for (const key of servers[2].hostKeys) {
      const session = await connectTo(servers[2], { policy: await policyOf(`[127.0.0.1]:${servers[2].port} ${key.publicKey}\n`) });
      expect(session.server).toMatchObject({ hostKeyType: key.type, fingerprint: key.fingerprint });
      await session.close();
    }
  });

  it('sends no authentication to an unknown or a revoked key', async () => {
    const fresh = await startSshd();
    const route: SshRoute = { target: hopTo(fresh, { auth: [{ kind: 'password' }] }), jumps: [] };
    const key = fresh.hostKeys[0];
    secretsAsked = 0;
    await expect(connect(route, await policyOf(''))).rejects.toMatchObject({
      code: 'host-key-unknown',
      data: {
        retryable: false,
        detail: {
          question: {
            verdict: 'unknown',
            hop: { index: 0, host: '127.0.0.1', port: fresh.port },
            offered: { type: 'ssh-ed25519', fingerprint: key?.fingerprint },
            known: [],
          },
        },
      },
    });
    await expect(connect(route, await policyOf(`${fresh.knownHosts()}@revoked * ${key?.publicKey}\n`))).rejects.toMatchObject({
      code: 'host-key-revoked',
    });
    await expect(connect(route, await policyOf(`@cert-authority * ${key?.publicKey}\n`))).rejects.toMatchObject({
      code: 'host-key-unsupported',
    });
    expect(secretsAsked).toBe(0);
    await fresh.waitForLog(/(?:(?:Connection (?:closed|reset) by|Disconnected from|Received disconnect from) [\s\S]*){3}/);
    expect(fresh.log()).not.toMatch(authentication);
    await fresh.stop();
  });

  it('goes over two jump hosts, each verified by its own name', async () => {
    const [one, two, target] = servers;
    const route: SshRoute = { jumps: [hopTo(one), hopTo(two)], target: hopTo(target) };
    const session = await connect(route, await trusting(one, two, target));
    const said = await session.exec({ script: 'echo "$SSH_CONNECTION"' });
    expect(said.outcome === 'done' && said.stdout.toString()).toContain(` ${target.port}\n`);
    expect(session.server.fingerprint).toBe(target.hostKeys[0]?.fingerprint);
    await session.close();
    await expect(connect(route, await trusting(one, target))).rejects.toMatchObject({
      code: 'host-key-unknown',
      message: expect.stringContaining('jump host 2'),
      data: { detail: { question: { hop: { index: 1, port: two.port } } } },
    });
    const refused = { ...route, target: { ...route.target, port: 1 } };
    await expect(connect(refused, await trusting(one, two, target))).rejects.toMatchObject({
      code: 'ssh-unreachable',
      message: expect.stringContaining('jump host 2'),
    });
  });

  it.each(['target', 'jump'] as const)('refuses a rotated key of the %s, with both fingerprints and no authentication', async (which) => {
    const [jump, target] = [await startSshd(), await startSshd()];
    const rotated = which === 'jump' ? jump : target;
    const policy = await trusting(jump, target);
    const old = rotated.hostKeys[0]?.fingerprint;
    const route: SshRoute = { jumps: [hopTo(jump)], target: hopTo(target) };
    await (await connect(route, policy)).close();
    await rotated.rotateHostKeys();
    const from = rotated.log().length;
    await expect(connect(route, policy)).rejects.toMatchObject({
      code: 'host-key-changed',
      data: {
        detail: {
          question: {
            verdict: 'changed',
            hop: { index: which === 'jump' ? 0 : 1 },
            offered: { fingerprint: rotated.hostKeys[0]?.fingerprint },
            known: [{ fingerprint: old }],
          },
        },
      },
    });
    await jump.stop();
    await target.stop();
    expect(from).toBeGreaterThan(0);
  });

  it('proves on the log of the rotated server that nothing was sent', async () => {
    const sshd = await startSshd();
    const policy = await trusting(sshd);
    await sshd.rotateHostKeys();
    const from = sshd.log().length;
    await expect(connect(direct(sshd), policy)).rejects.toMatchObject({ code: 'host-key-changed' });
    // The server has seen the client go: what it has not logged by now, it never got.
    await sshd.waitForLog(/(Connection (closed|reset) by|Received disconnect from|Disconnected from) (\S+ )*127\.0\.0\.1/);
    expect(sshd.log().slice(from)).not.toMatch(authentication);
    // The same words are there for a client that does ask: the proof is able to fail.
    await (await connectTo(sshd)).close();
    expect(sshd.log().slice(from)).toMatch(authentication);
    await sshd.stop();
  });

  it('holds at every later key exchange', async () => {
    const sshd = await startSshd({ config: ['RekeyLimit 1M'] });
    let verdicts = 0;
    const policy = await trusting(sshd);
    const session = await connectTo(sshd, {
      policy: {
        knownTypes: policy.knownTypes,
        decide: (hop, key) => {
          verdicts++;
          return policy.decide(hop, key);
        },
      },
    });
    const outcome = await session.exec({ script: 'head -c 8000000 /dev/zero' }, { maxBytes: 16_000_000 });
    expect(outcome.outcome === 'done' && outcome.stdout.length).toBe(8_000_000);
    expect(verdicts).toBe(1);
    expect(sshd.log().match(/SSH2_MSG_NEWKEYS sent/g)?.length).toBeGreaterThan(2);
    await session.close();
    await sshd.stop();
  });
});
