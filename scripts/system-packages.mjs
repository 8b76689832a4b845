// The servers and the browser that the suites run against. On Debian as root they are installed when missing; anywhere
// else the suites use what is there.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { findProgram, systemChromium } from './machine.mjs';
import { capture, say, timed, withLock } from './run.mjs';

const PACKAGES = [
  'openssh-server',
  'postgresql',
  'docker.io',
  'docker-compose',
  'busybox-static',
  'dbus',
  'gnome-keyring',
  'libsecret-1-0',
  'chromium',
  'sqlite3',
];
const POLICY = '/usr/sbin/policy-rc.d';

/** @returns {string[]} */
function missingPackages() {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...PACKAGES], { encoding: 'utf8' });
  const installed = new Set(
    query.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return PACKAGES.filter((name) => !installed.has(name));
}

/** Packages start their daemons when installed unless this file says no; the suites start their own, as they need them. */
async function withoutDaemons(/** @type {() => Promise<void>} */ work) {
  const ours = !existsSync(POLICY);
  if (ours) {
    writeFileSync(POLICY, '#!/bin/sh\nexit 101\n');
    chmodSync(POLICY, 0o755);
  }
  try {
    await work();
  } finally {
    if (ours) rmSync(POLICY, { force: true });
  }
}

async function aptGet(/** @type {string[]} */ ...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const result = await capture('apt-get', ['-q', '-y', '-o', 'DPkg::Lock::Timeout=600', ...args], { env });
  if (result.code !== 0) say(`apt-get ${args[0]} failed (${result.code}):\n${result.output.trim().split('\n').slice(-15).join('\n')}`);
  return result.code === 0;
}

const NEEDED = [
  { what: "OpenSSH's server", found: () => findProgram('sshd') },
  { what: 'PostgreSQL', found: () => findProgram('postgres', 'pg_ctl', 'pg_ctlcluster') },
  { what: 'a Docker engine', found: () => findProgram('dockerd') },
  { what: 'docker-compose', found: () => findProgram('docker-compose') },
  { what: 'D-Bus', found: () => findProgram('dbus-run-session') },
  { what: "GNOME's keyring", found: () => findProgram('gnome-keyring-daemon') },
  { what: 'sqlite3', found: () => findProgram('sqlite3') },
  { what: 'Chromium', found: systemChromium },
];

/** Installs what is missing where that is possible, and answers a line for each thing that is not there afterwards. */
export async function ensureSystemPackages() {
  const debianRoot = existsSync('/etc/debian_version') && process.getuid?.() === 0;
  if (debianRoot && missingPackages().length > 0) {
    // Another clone may be at it: its policy file must not be taken from under it.
    await withLock('/run/quarterdeck-apt.lock', async () => {
      const missing = missingPackages();
      if (missing.length === 0) return;
      await timed(`installing ${missing.join(' ')}`, () =>
        withoutDaemons(async () => {
          if (!(await aptGet('update'))) return;
          if (await aptGet('install', '--no-install-recommends', ...missing)) return;
          // One package that can't be had must not keep the others away.
          for (const name of missing) await aptGet('install', '--no-install-recommends', name);
        }),
      );
    });
  }
  const why = debianRoot ? 'apt-get could not install it' : 'it is installed by itself on Debian as root only';
  return NEEDED.filter(({ found }) => !found()).map(({ what }) => `${what} is not here (${why})`);
}
