import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSshConfigHosts } from './ssh-config-file.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'quarterdeck-sshconfig-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const put = (path: string, text: string): void => {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), text);
};
const read = async (text: string, more: { env?: Record<string, string>; system?: string } = {}) => {
  put('.ssh/config', text);
  put('system', more.system ?? '');
  const { hosts, warnings } = await readSshConfigHosts({ home, user: 'me', systemFile: join(home, 'system'), env: more.env ?? {} });
  return { hosts, warnings, host: (alias: string) => hosts.find((one) => one.alias === alias) };
};
const targetOf = async (text: string, alias: string, more: { env?: Record<string, string>; system?: string } = {}) => {
  const found = await read(text, more);
  return { ...found.host(alias)?.route?.target, warnings: found.host(alias)?.warnings };
};

describe('hosts', () => {
  it('the first value wins, and wildcards fill in', async () => {
    expect(
      await targetOf('Host web\n Port 2201\n Port 9\nHost *\n User deploy\n Port 22\n HostName %h.example.com\n', 'web'),
    ).toMatchObject({ host: 'web.example.com', port: 2201, user: 'deploy' });
  });

  it('a negated pattern takes a host out', async () => {
    expect(await targetOf('Host w* !web\n User a\nHost *\n User b\nHost web\n', 'web')).toMatchObject({ user: 'b' });
  });

  it('without anything: the alias, port 22, the local user', async () => {
    expect(await targetOf('Host web\n', 'web')).toMatchObject({
      host: 'web',
      port: 22,
      user: 'me',
      auth: [{ kind: 'agent' }, { kind: 'password' }],
    });
  });

  it('a name or port that ssh would not take is told, and no route is given', async () => {
    const { host } = await read('Host a\n HostName -oProxyCommand=x\nHost b\n Port 99999\nHost c\n User "a b"\n');
    for (const alias of ['a', 'b', 'c']) expect(host(alias)).toMatchObject({ warnings: [expect.stringContaining('can’t be taken over')] });
    expect(host('a')?.route).toBeUndefined();
  });

  it('two stars in an Include are one, as to glob(3): no walk through every folder below', async () => {
    put('.ssh/conf.d/near.conf', 'Host near\n');
    put('.ssh/conf.d/deep/er/far.conf', 'Host far\n');
    const { hosts } = await read('Include conf.d/**.conf\nInclude **/near.conf\nInclude conf.d/**/far.conf\n');
    expect(hosts.map(({ alias }) => alias)).toEqual(['near']);
  });

  it('reads the system’s file after the user’s, and lists no host of it', async () => {
    const { host, hosts } = await read('Host web\n User mine\n', { system: 'Host *\n User theirs\n Port 2200\nHost other\n' });
    expect(host('web')?.route?.target).toMatchObject({ user: 'mine', port: 2200 });
    expect(hosts).toHaveLength(1);
  });
});

describe('Match', () => {
  it.each([
    ['Match all', 'x'],
    ['Match host web.example.com', 'x'],
    ['Match host=WEB.*', 'x'],
    ['Match originalhost web', 'x'],
    ['Match !originalhost web', 'other'],
    ['Match host nothing,web.*', 'x'],
    ['Match host !web.*,*', 'other'],
    ['Match localuser me', 'x'],
    ['Match user somebody', 'other'],
    ['Match originalhost web host other', 'other'],
  ])('%s', async (line, user) => {
    expect(await targetOf(`Host web\n HostName web.example.com\n${line}\n User x\nMatch all\n User other\n`, 'web')).toMatchObject({
      user,
      warnings: [],
    });
  });

  it('never runs a command, and says what it left out', async () => {
    const mark = join(home, 'mark');
    const found = await targetOf(`Host web\nMatch exec "touch ${mark}"\n User x\nMatch final\n User y\n`, 'web');
    expect(found).toMatchObject({ user: 'me', warnings: [expect.stringContaining('never run'), expect.stringContaining('Match final')] });
    await expect(readSshConfigHosts({ home, path: mark })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('does not warn when another criterion settles it', async () => {
    expect((await targetOf('Host web\nMatch originalhost db exec true\n User x\n', 'web')).warnings).toEqual([]);
  });
});

describe('Include', () => {
  it('is relative to ~/.ssh, takes globs in order, and ends with the block it stands in', async () => {
    put('.ssh/conf.d/10-a', 'Host web\n User ten\n');
    put('.ssh/conf.d/20-b', 'Host *\n User twenty\n Port 2020\n');
    put('.ssh/conf.d/.hidden', 'Host *\n Port 1\n');
    expect(await targetOf('Include conf.d/*\nHost web\n', 'web')).toMatchObject({ user: 'ten', port: 2020 });
  });

  it('inside a block counts only where the block counts', async () => {
    put('.ssh/inner', 'User inner\nHost *\n Port 2000\n');
    const { host } = await read('Host web\n Include inner\n HostName web.example.com\nHost db\n');
    expect(host('web')?.route?.target).toMatchObject({ user: 'inner', port: 2000, host: 'web.example.com' });
    expect(host('db')?.route?.target).toMatchObject({ user: 'me', port: 22 });
  });

  it('refuses a circle and too deep a nest, and goes on', async () => {
    put('.ssh/a', 'Include b\nHost fromA\n');
    put('.ssh/b', 'Include a\nHost fromB\n');
    for (let depth = 0; depth < 20; depth += 1) put(`.ssh/deep${depth}`, `Include deep${depth + 1}\nHost deep${depth}\n`);
    const { hosts, warnings } = await read('Include a deep0\nHost web\n');
    expect(hosts.map(({ alias }) => alias)).toEqual(expect.arrayContaining(['fromA', 'fromB', 'web', 'deep0', 'deep15']));
    expect(hosts.map(({ alias }) => alias)).not.toContain('deep17');
    expect(warnings).toEqual([expect.stringContaining('goes in a circle'), expect.stringContaining('deeper than 16')]);
  });

  it('a file that is missing or no file is not the end', async () => {
    mkdirSync(join(home, '.ssh/dir'), { recursive: true });
    symlinkSync('/dev/zero', join(home, '.ssh/zero'));
    const { hosts, warnings } = await read('Include nowhere dir zero\nHost web\n');
    expect(hosts).toHaveLength(1);
    expect(warnings).toHaveLength(2);
  });
});

describe('ProxyJump', () => {
  const names = (route: { jumps: readonly { host: string; user: string; port: number }[] } | undefined) =>
    route?.jumps.map(({ user, host, port }) => `${user}@${host}:${port}`);

  it('resolves every jump through the configuration', async () => {
    const { host } = await read(
      'Host web\n ProxyJump first,root@second:2222\nHost first\n HostName 10.0.0.1\n User one\nHost second\n HostName 10.0.0.2\n User two\n Port 9\n',
    );
    expect(names(host('web')?.route)).toEqual(['one@10.0.0.1:22', 'root@10.0.0.2:2222']);
  });

  it('follows the first jump’s own jumps, and not those of later ones', async () => {
    const { host } = await read('Host web\n ProxyJump b,c\nHost b\n ProxyJump a\nHost c\n ProxyJump z\nHost a z\n');
    expect(names(host('web')?.route)).toEqual(['me@a:22', 'me@b:22', 'me@c:22']);
  });

  it('none switches it off, also against a wildcard', async () => {
    const { host } = await read('Host bastion\n ProxyJump none\nHost web\nHost *\n ProxyJump bastion\n');
    expect(names(host('web')?.route)).toEqual(['me@bastion:22']);
    expect(names(host('bastion')?.route)).toEqual([]);
  });

  it('tells a circle, a command and what can’t be read', async () => {
    const { host } = await read(
      'Host a\n ProxyJump b\nHost b\n ProxyJump a\nHost c\n ProxyCommand nc %h %p\nHost d\n ProxyJump "x y:z"\nHost e\n ProxyCommand none\n ProxyJump b\n',
    );
    expect(host('a')).toEqual({ alias: 'a', warnings: [expect.stringContaining('a → b → a')] });
    expect(host('c')).toEqual({ alias: 'c', warnings: [expect.stringContaining('ProxyCommand is not supported')] });
    expect(host('d')?.route).toBeUndefined();
    expect(names(host('e')?.route)).toEqual([]);
  });

  it('takes addresses of IPv6 and of the ssh:// form', async () => {
    const { host } = await read('Host web\n ProxyJump me@[fe80::1]:2200,ssh://you@jump:22\n');
    expect(names(host('web')?.route)).toEqual(['me@fe80::1:2200', 'you@jump:22']);
  });

  it('a way longer than eight jumps is told', async () => {
    const { host } = await read(`Host web\n ProxyJump ${[...Array(9).keys()].map((n) => `j${n}`).join(',')}\n`);
    expect(host('web')).toEqual({ alias: 'web', warnings: [expect.stringContaining('9 jump hosts')] });
  });
});

describe('how to sign in', () => {
  it('named key files first, with tokens, then the agent, then a password', async () => {
    const found = await targetOf(
      'Host web\n HostName h.example.com\n User u\n IdentityFile ~/.ssh/%h-%r-%n\n IdentityFile %d/k/$' +
        '{QD}\nHost *\n IdentityFile ~/last\n',
      'web',
      { env: { QD: 'var' } },
    );
    expect(found.auth).toEqual([
      { kind: 'key', path: join(home, '.ssh/h.example.com-u-web') },
      { kind: 'key', path: join(home, 'k/var') },
      { kind: 'key', path: join(home, 'last') },
      { kind: 'agent' },
      { kind: 'password' },
    ]);
  });

  it('the usual key files, when they exist and none is named', async () => {
    put('.ssh/id_ed25519', 'x');
    expect((await targetOf('Host web\n', 'web')).auth).toEqual([
      { kind: 'agent' },
      { kind: 'key', path: join(home, '.ssh/id_ed25519') },
      { kind: 'password' },
    ]);
    expect((await targetOf('Host web\n IdentityFile none\n', 'web')).auth).toEqual([{ kind: 'agent' }, { kind: 'password' }]);
  });

  it.each([
    ['IdentitiesOnly yes\n IdentityFile ~/k', ['key', 'password'], 1],
    ['IdentityAgent none\n IdentityFile ~/k', ['key', 'password'], 0],
    ['IdentityAgent ~/socket', ['agent', 'password'], 1],
    ['PreferredAuthentications keyboard-interactive,publickey', ['keyboard-interactive', 'agent'], 0],
    ['PreferredAuthentications gssapi-with-mic,password', ['password'], 1],
    ['PasswordAuthentication no', ['agent'], 0],
    ['PubkeyAuthentication no\n PasswordAuthentication no', ['password'], 0],
    ['IdentityFile ~/%x', ['agent', 'password'], 1],
    ['CertificateFile ~/c', ['agent', 'password'], 1],
  ])('%s', async (lines, kinds, warned) => {
    const found = await targetOf(`Host web\n ${lines}\n`, 'web');
    expect(found.auth?.map(({ kind }) => kind)).toEqual(kinds);
    expect(found.warnings).toHaveLength(warned);
  });

  it('more than six ways are cut, and that is said', async () => {
    const found = await targetOf(`Host web\n${[1, 2, 3, 4, 5, 6, 7].map((n) => ` IdentityFile ~/k${n}\n`).join('')}`, 'web');
    expect(found.auth).toHaveLength(6);
    expect(found.warnings).toEqual([expect.stringContaining('More than 6')]);
  });
});

it('a missing ~/.ssh/config is no error, a missing named file is one', async () => {
  await expect(readSshConfigHosts({ home, systemFile: '/nonexistent' })).resolves.toMatchObject({
    hosts: [],
    warnings: [expect.stringContaining('There is no')],
  });
  await expect(readSshConfigHosts({ home, path: '~/x' })).rejects.toMatchObject({ code: 'not-found' });
  await expect(readSshConfigHosts({ home, path: '/dev/zero' })).rejects.toMatchObject({ code: 'bad-input' });
});
