import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSshConfigHosts } from '../../src/main/profiles/ssh-config-file.ts';

/** What `ssh -G` says, by keyword; the last line of a keyword that adds up is a list. */
interface Reference {
  hostname: string;
  port: string;
  user: string;
  identityfile: string[];
  proxyjump: string | undefined;
}

const ssh = ['/usr/bin/ssh', '/usr/local/bin/ssh', '/opt/homebrew/bin/ssh'].find((path) => existsSync(path));
if (ssh === undefined) console.log('skipped: no ssh to compare with');

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'quarterdeck-ssh-g-'));
  writeFileSync(join(dir, 'inc-a'), 'User from-include\nHost web\n Port 4001\n');
  writeFileSync(join(dir, 'inc-b'), 'Host *\n IdentityFile ~/.ssh/included\n');
  writeFileSync(join(dir, 'inc-cut'), 'Host db\n User never\nHost *\n User all-of-include\n');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function reference(file: string, alias: string): Reference {
  const lines = execFileSync(ssh as string, ['-G', '-F', file, alias], { encoding: 'utf8', stdio: 'pipe' }).split('\n');
  const values = (keyword: string): string[] =>
    lines.flatMap((line) => (line.startsWith(`${keyword} `) ? [line.slice(keyword.length + 1)] : []));
  return {
    hostname: values('hostname')[0] ?? '',
    port: values('port')[0] ?? '',
    user: values('user')[0] ?? '',
    identityfile: values('identityfile'),
    proxyjump: values('proxyjump')[0],
  };
}

const configs: Record<string, string> = {
  'first value wins': 'Host web\n Port 1001\n Port 1002\nHost *\n Port 1003\n User everyone\n',
  'options before any host': 'User top\nPort 1004\nHost web\n User late\n',
  'wildcards and question marks': 'Host web*\n Port 1005\nHost w?b\n User q\nHost web\nHost db\n',
  negation: 'Host * !web\n User notweb\nHost web db\n Port 1006\n',
  'negation alone matches nothing': 'Host !db\n User x\nHost web\nHost db\n',
  'equals signs, quotes, case': 'HOST=web\n hostname = "web.example.com"\n\tpOrT\t=\t1007\n User=\'deploy\'\n',
  'HostName tokens': 'Host web\n HostName %h.example.com\nHost db\n HostName 100%%.example.com\n',
  'several key files':
    'Host web\n IdentityFile ~/.ssh/one\n IdentityFile ~/.ssh/two\nHost *\n IdentityFile ~/.ssh/one\n IdentityFile /abs/three\n',
  'match all ends a block': 'Host web\n User inner\nMatch all\n Port 1008\nHost db\n',
  'match host sees the HostName': 'Host web\n HostName web.example.com\nMatch host *.example.com\n User matched\nHost db\n',
  'match originalhost':
    'Match originalhost web\n User orig\nMatch originalhost !web\n User no\nMatch !originalhost web\n User other\nHost web\nHost db\n',
  'match lists': 'Match host db,w*\n Port 1009\nMatch host w*,!web\n User excluded\nHost web\nHost db\nHost wx\n',
  'match user': 'Host web\n User deploy\nMatch user deploy\n Port 1010\nHost db\n',
  include: 'Include %DIR%/inc-a\nHost web\n User late\nHost db\n',
  'include by glob, inside a block': 'Host web\n Include %DIR%/inc-[ab]\n HostName w.example.com\nHost db\n',
  'include ends with its block': 'Host web\n Include %DIR%/inc-cut\n Port 1011\nHost db\n User after\n',
  'proxy jump':
    'Host web\n ProxyJump user@jump:2222\nHost db\n ProxyJump a,b\nHost jump a b other\n ProxyJump none\nHost *\n ProxyJump other\nHost web2\n',
  'proxy jump none first': 'Host web\n ProxyJump none\nHost *\n ProxyJump jump\n',
  'comments and odd spaces': '  # nothing\n\nHost   web   db # both\n   Port    1012   # here\n',
  'include that is not there': 'Include %DIR%/nowhere-*\nHost web\n Port 1013\n',
};

describe.skipIf(ssh === undefined)('as ssh -G', () => {
  it.each(Object.entries(configs))('%s', async (name, text) => {
    const file = join(dir, name.replaceAll(/\W/g, '-'));
    writeFileSync(file, text.replaceAll('%DIR%', dir), { mode: 0o600 });
    const { hosts } = await readSshConfigHosts({ path: file });
    expect(hosts.length).toBeGreaterThan(0);
    for (const { alias, route } of hosts) {
      if (route === undefined) throw new Error(`${alias} has no route`);
      const wanted = reference(file, alias);
      expect([alias, route.target.host, String(route.target.port), route.target.user]).toEqual([
        alias,
        wanted.hostname,
        wanted.port,
        wanted.user,
      ]);
      const keys = route.target.auth.flatMap((auth) => (auth.kind === 'key' ? [auth.path] : []));
      // Without any of its own, ssh lists the usual ones, there or not.
      const expected = wanted.identityfile
        .map((path) => path.replace(/^~/, homedir()))
        .filter((path) => text.includes('IdentityFile') || text.includes('inc-') || existsSync(path));
      expect(keys.filter((path) => existsSync(path) || !/\/id_(rsa|ecdsa|ed25519)$/.test(path))).toEqual(
        expected.filter((path) => existsSync(path) || !/\/id_(rsa|ecdsa|ed25519|dsa|ecdsa_sk|ed25519_sk|xmss)$/.test(path)),
      );
      const hops = wanted.proxyjump === undefined || wanted.proxyjump === 'none' ? [] : wanted.proxyjump.split(',');
      const lastJump = hops.at(-1);
      expect(route.jumps.length, alias).toBe(hops.length);
      if (lastJump !== undefined) {
        const jump = reference(file, lastJump.replace(/^.*@/, '').replace(/:\d+$/, ''));
        expect(route.jumps.at(-1)?.host).toBe(jump.hostname);
        expect(route.jumps.at(-1)?.user).toBe(/^(.*)@/.exec(lastJump)?.[1] ?? jump.user);
        expect(String(route.jumps.at(-1)?.port)).toBe(/:(\d+)$/.exec(lastJump)?.[1] ?? jump.port);
      }
    }
  });

  it('a jump to itself is refused by both', async () => {
    const file = join(dir, 'loop');
    writeFileSync(file, 'Host web\n ProxyJump web\n');
    expect(() => reference(file, 'web')).toThrow(/loop/);
    expect((await readSshConfigHosts({ path: file })).hosts[0]).toMatchObject({ warnings: [expect.stringContaining('circle')] });
  });

  it('knows the same local user', () => {
    writeFileSync(join(dir, 'plain'), 'Host web\n');
    expect(reference(join(dir, 'plain'), 'web').user).toBe(userInfo().username);
  });
});
