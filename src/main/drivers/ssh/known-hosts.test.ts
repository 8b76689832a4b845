import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fingerprintOf } from './fingerprint.ts';
import { createHostKeyPolicy } from './host-key-policy.ts';
import { knownHostsName, parseKnownHosts, wildcardMatch } from './known-hosts.ts';

const blob = (type: string, seed: number): Buffer => {
  const name = Buffer.from(type);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(name.length);
  return Buffer.concat([head, name, Buffer.from([0, 0, 0, 32]), Buffer.alloc(32, seed)]);
};
const [one, two, rsa] = [blob('ssh-ed25519', 1), blob('ssh-ed25519', 2), blob('ssh-rsa', 3)];
const line = (hosts: string, key: Buffer, type = 'ssh-ed25519') => `${hosts} ${type} ${key.toString('base64')}`;

describe('parseKnownHosts', () => {
  const names = (text: string, name: string) => parseKnownHosts(text, 'f').entries.filter((entry) => entry.matches(name)).length;

  it('reads lists, wildcards, negations and ports', () => {
    const text = [`# comment`, line('*.example.org,!bad.example.org,10.0.0.?', one), line('[git.example.org]:2222', two), ''].join('\n');
    expect(names(text, 'web.example.org')).toBe(1);
    expect(names(text, 'bad.example.org')).toBe(0);
    expect(names(text, '10.0.0.7')).toBe(1);
    expect(names(text, '10.0.0.77')).toBe(0);
    expect(names(text, knownHostsName('Git.Example.org', 2222))).toBe(1);
    expect(names(text, knownHostsName('git2.example.org', 22))).toBe(1);
    expect(names(text, knownHostsName('web.example.org', 2222))).toBe(0);
  });

  it('tells markers apart and skips what is malformed, with a warning', () => {
    const file = parseKnownHosts(
      [
        `@revoked ${line('*', one)}`,
        `@cert-authority ${line('*.example.org', two)}`,
        `@strange ${line('x', one)}`,
        'short',
        line('x', one, 'ssh-rsa'),
        'x ssh-ed25519 !!!',
        `|1|bad ${line('', one).trim()}`,
        'h 1024 35 123456',
        `${line('ok', one)} a comment here`,
      ].join('\r\n'),
      'known_hosts',
    );
    expect(file.entries.map((entry) => [entry.marker, entry.source])).toEqual([
      ['revoked', 'known_hosts:1'],
      ['cert-authority', 'known_hosts:2'],
      ['none', 'known_hosts:9'],
    ]);
    expect(file.warnings).toHaveLength(6);
    expect(file.warnings[0]).toMatch(/^known_hosts:3: its marker is not known/);
  });

  it('cannot be stalled by a pattern', () => {
    expect(wildcardMatch(`${'*a'.repeat(200)}b`, 'a'.repeat(2000))).toBe(false);
    expect(wildcardMatch('*', '')).toBe(true);
    expect(wildcardMatch('a*b?d', 'axxbcd')).toBe(true);
  });
});

describe('files of ssh-keygen', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'quarterdeck-known-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('reads its hashed lines and agrees with its fingerprints', async () => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'k')]);
    const [type, key] = readFileSync(join(dir, 'k.pub'), 'utf8').split(' ');
    const file = join(dir, 'known_hosts');
    writeFileSync(file, `web.example.org,10.1.2.3 ${type} ${key}\n[web.example.org]:2222 ${type} ${key}\n`);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'pipe' });
    const text = readFileSync(file, 'utf8');
    expect(text).not.toContain('example');
    const parsed = parseKnownHosts(text, file);
    expect(parsed.warnings).toEqual([]);
    for (const name of ['web.example.org', '10.1.2.3', '[web.example.org]:2222'])
      expect(parsed.entries.filter((entry) => entry.matches(name))).toHaveLength(1);
    expect(parsed.entries.some((entry) => entry.matches('web.example.com'))).toBe(false);
    expect(parsed.entries[0]?.fingerprint).toBe(
      execFileSync('ssh-keygen', ['-l', '-f', join(dir, 'k.pub')], { encoding: 'utf8' }).split(' ')[1],
    );
  });

  describe('createHostKeyPolicy', () => {
    const policyOf = async (text: string, stored: Parameters<typeof createHostKeyPolicy>[0]['stored'] = () => []) => {
      const file = join(dir, 'policy');
      writeFileSync(file, text);
      return createHostKeyPolicy({ files: [file, join(dir, 'absent')], stored });
    };
    const hop = { index: 0, host: 'web.example.org', port: 22 };
    const refused = (code: string, verdict: string) =>
      expect.objectContaining({
        verdict: 'refuse',
        problem: expect.objectContaining({ code }),
        question: expect.objectContaining({ verdict }),
      });

    it('accepts what is on record in a file or in the app', async () => {
      expect((await policyOf(line('web.example.org', one))).decide(hop, one).verdict).toBe('accept');
      const app = await policyOf('', () => [{ host: 'WEB.example.org', port: 22, type: 'ssh-ed25519', fingerprint: fingerprintOf(one) }]);
      expect(app.decide(hop, one).verdict).toBe('accept');
      expect(app.decide({ ...hop, port: 2222 }, one)).toEqual(refused('host-key-unknown', 'unknown'));
      expect(app.knownTypes('web.example.org', 22)).toEqual(['ssh-ed25519']);
    });

    it('refuses the unknown, and a changed key with both fingerprints', async () => {
      expect((await policyOf('')).decide(hop, one)).toEqual(refused('host-key-unknown', 'unknown'));
      const changed = (await policyOf(line('web.example.org', one))).decide(hop, two);
      expect(changed).toEqual(refused('host-key-changed', 'changed'));
      if (changed.verdict !== 'refuse') return;
      expect(changed.question?.known).toEqual([
        { type: 'ssh-ed25519', fingerprint: fingerprintOf(one), source: `${join(dir, 'policy')}:1` },
      ]);
      expect(changed.problem.message).toContain(fingerprintOf(one));
      expect(changed.problem.message).toContain(fingerprintOf(two));
      expect(changed.problem.detail?.['question']).toEqual(changed.question);
    });

    it('takes another key of another type for a change, too', async () => {
      const policy = await policyOf(line('web.example.org', rsa, 'ssh-rsa'));
      expect(policy.knownTypes('web.example.org', 22)).toEqual(['ssh-rsa']);
      expect(policy.decide(hop, one)).toEqual(refused('host-key-changed', 'changed'));
    });

    it('lets a revocation win over everything', async () => {
      const text = `${line('web.example.org', one)}\n@revoked ${line('*', one)}\n`;
      expect(
        (await policyOf(text, () => [{ host: 'web.example.org', port: 22, type: 'ssh-ed25519', fingerprint: fingerprintOf(one) }])).decide(
          hop,
          one,
        ),
      ).toEqual(refused('host-key-revoked', 'revoked'));
    });

    it('says plainly that certificates are not supported', async () => {
      const policy = await policyOf(`@cert-authority ${line('*.example.org', two)}`);
      const decision = policy.decide(hop, one);
      expect(decision).toEqual(refused('host-key-unsupported', 'certificate-authority'));
      expect(decision.verdict === 'refuse' && decision.problem.message).toMatch(/not supported/);
      // Not even the authority's own key is a host key.
      expect(policy.decide(hop, two).verdict).toBe('refuse');
    });
  });
});
