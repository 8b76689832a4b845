import { execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import type { RecoveryCluster } from '../support/recovery-cluster.ts';
import { recoveryStack, recoveryUnavailable, startRecoveryCluster } from '../support/recovery-cluster.ts';
import { skipSsh } from '../support/ssh-lab.ts';

type Open = Awaited<ReturnType<OperationLab['open']>>;
const typedName = 'Shop production';

describe.skipIf(skipSsh(recoveryUnavailable()))('what a recovery refuses', () => {
  let cluster: RecoveryCluster;
  let lab: OperationLab;
  let open: Open;
  let base: string;
  /** Server's times, each followed by other transactions; between two of them lies at least one segment. */
  const times: string[] = [];
  let live: string;

  const segments = () =>
    readdirSync(cluster.archiveDir)
      .filter((name) => /^[0-9A-F]{24}$/.test(name))
      .sort();
  const inArchive = (name: string) => join(cluster.archiveDir, name);
  const atTarget = (target: string, base = '') => ({ environmentId: 'env-1', runbook: 'recover-to-time', inputs: { target, base } });
  const judge = async (target: string, base = '') => {
    const plan = open.engine.plan(atTarget(target, base));
    const { ok, items } = await open.engine.preflight({ planId: plan.id });
    return {
      ok,
      words: items
        .filter(({ verdict }) => verdict === 'block' || verdict === 'unknown')
        .map(({ detail }) => detail)
        .join(' '),
    };
  };
  const window = async () => {
    const found = await open.engine.survey(
      { environmentId: 'env-1', runbook: 'recover-to-time', inputs: {} },
      new AbortController().signal,
    );
    return found.find(({ input }) => input === 'target');
  };
  const nothingWasDone = async () => {
    expect(await cluster.contents()).toBe(live);
    expect(readdirSync(cluster.recoveryRoot).filter((name) => name !== 'live.log')).toEqual([]);
  };

  beforeAll(async () => {
    cluster = await startRecoveryCluster();
    lab = await startOperationLab({ stackText: recoveryStack, stackId: 'recovery', inputs: cluster.inputs });
    open = await lab.open();
    // What ALTER SYSTEM set travels with the base backup, and would overrule a configuration file.
    await cluster.sql(
      `ALTER SYSTEM SET archive_mode = 'on'; ALTER SYSTEM SET archive_command = 'touch ${cluster.dir}/archived-by-another; false'`,
    );
    await cluster.write('first');
    const made = await open.run('base-backup');
    expect(made.state, made.summary).toBe('succeeded');
    base = made.steps[0]?.output['name'] ?? '';
    for (const note of ['one', 'two', 'three', 'four']) {
      times.push(await cluster.write(note));
      await cluster.archived();
    }
    live = await cluster.contents();
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
    await cluster?.close();
  });
  afterEach(async () => {
    if (existsSync(join(cluster.recoveryRoot, 'current'))) expect((await open.run('discard-recovery')).state).toBe('succeeded');
  }, 120_000);

  it('a target before the base backup, after the archive, or without a zone', async () => {
    const seen = await window();
    expect(seen?.detail).toMatch(/Base backup of .* \+ \d+ segments of WAL: up to /);
    expect(Date.parse(seen?.min ?? '')).toBeLessThanOrEqual(Date.parse(times[0] ?? ''));
    expect(Date.parse(seen?.max ?? '')).toBeGreaterThanOrEqual(Date.parse(times[3] ?? ''));
    expect((await judge(times[2] ?? '')).ok).toBe(true);
    expect((await judge(seen?.max ?? '')).ok).toBe(true);
    expect(await judge('2020-01-01T00:00:00Z')).toMatchObject({
      ok: false,
      words: expect.stringContaining('before the first base backup'),
    });
    expect(await judge('2099-01-01T00:00:00Z')).toMatchObject({
      ok: false,
      words: expect.stringContaining('the last transaction in it is of'),
    });
    expect(() => open.engine.plan(atTarget('2026-11-27T03:00:00'))).toThrow(/zone/);
    await nothingWasDone();
  }, 120_000);

  it.each([
    ['is missing', (path: string) => rmSync(path)],
    ['is cut', (path: string) => truncateSync(path, 4096)],
    ['is damaged', (path: string) => writeFileSync(path, Buffer.alloc(statSync(path).size))],
  ])(
    'a target behind a segment that %s',
    async (words, harm) => {
      const name = segments().at(-2) ?? '';
      copyFileSync(inArchive(name), join(cluster.dir, 'kept'));
      harm(inArchive(name));
      try {
        expect((await window())?.detail).toContain(`Gap: ${name} ${words}`);
        expect(await judge(times[3] ?? '')).toMatchObject({ ok: false, words: expect.stringContaining(`${name} ${words}`) });
        expect((await judge(times[0] ?? '')).ok).toBe(true);
      } finally {
        copyFileSync(join(cluster.dir, 'kept'), inArchive(name));
      }
      await nothingWasDone();
    },
    60_000,
  );

  it('a segment that vanished after the preflight: seen again right before, and nothing is copied', async () => {
    const plan = open.engine.plan(atTarget(times[3] ?? ''));
    expect((await open.engine.preflight({ planId: plan.id })).ok).toBe(true);
    const { token } = open.engine.confirm({ planId: plan.id, planHash: plan.hash, typedName });
    const name = segments().at(-2) ?? '';
    renameSync(inArchive(name), join(cluster.dir, 'kept'));
    try {
      const ended = await open.engine.settled((await open.engine.start({ planId: plan.id, token })).id);
      expect(ended.state).toBe('failed');
      expect(ended.summary).toContain('outside of what can be recovered');
    } finally {
      renameSync(join(cluster.dir, 'kept'), inArchive(name));
    }
    await nothingWasDone();
  }, 120_000);

  it('WAL that is broken in its middle: recovery ends, is never taken for reached, and revert leaves nothing', async () => {
    // The first page is as it was, so only reading every record finds it.
    const name = segments().at(-3) ?? '';
    const whole = readFileSync(inArchive(name));
    const broken = Buffer.from(whole);
    broken.fill(0, 40, 8192);
    writeFileSync(inArchive(name), broken);
    try {
      const ended = await open.run('recover-to-time', { target: times[3] ?? '' });
      expect(ended.state).toBe('failed');
      expect(ended.summary).toMatch(/before it stood at the target: .*recovery ended before configured recovery target was reached/);
      const reverted = await open.engine.settled((await open.engine.revert({ runId: ended.id, typedName })).id);
      expect(reverted.state, reverted.summary).toBe('reverted');
    } finally {
      writeFileSync(inArchive(name), whole);
    }
    await nothingWasDone();
  }, 120_000);

  it('a base backup of another cluster, and of another environment', async () => {
    const other = await startRecoveryCluster();
    try {
      await other.base('other');
      execFileSync('cp', ['-a', join(other.baseDir, 'other'), cluster.baseDir]);
      expect((await judge(times[1] ?? '', 'other')).words).toContain('another cluster');
    } finally {
      await other.close();
      rmSync(join(cluster.baseDir, 'other'), { recursive: true, force: true });
    }
    const manifest = join(cluster.baseDir, `${base}.quarterdeck.json`);
    const whole = readFileSync(manifest, 'utf8');
    const foreign = JSON.parse(whole) as Record<string, unknown>;
    writeFileSync(manifest, JSON.stringify({ ...foreign, environment: 'env-2', environmentName: 'Other shop', host: 'SHA256:other' }));
    expect((await judge(times[1] ?? '', base)).words).toContain('another environment, Other shop');
    writeFileSync(manifest, whole);
  }, 120_000);

  it('a base backup whose files are not what its manifest says', async () => {
    const file = join(cluster.baseDir, base, 'global', 'pg_filenode.map');
    const whole = readFileSync(file);
    writeFileSync(file, Buffer.concat([whole.subarray(0, 10), Buffer.alloc(whole.length - 10)]));
    const ended = await open.run('recover-to-time', { target: times[1] ?? '' });
    writeFileSync(file, whole);
    expect(ended.state).toBe('failed');
    expect(ended.summary).toContain('The base backup is not what it should be');
    expect((await open.engine.settled((await open.engine.revert({ runId: ended.id, typedName })).id)).state).toBe('reverted');
    await nothingWasDone();
  }, 120_000);

  it('archiving of a recovered server, a second one beside it, and going back in time', async () => {
    const before = readdirSync(cluster.archiveDir).sort();
    const run = await open.run('recover-to-time', { target: times[2] ?? '' });
    expect(run.state, run.summary).toBe('succeeded');
    const key = run.steps[0]?.output['key'] ?? '';
    const socket = join(cluster.recoveryRoot, key, 's');
    const asked = execFileSync(
      join(cluster.bin, 'psql'),
      [
        '-X',
        '-At',
        '-h',
        socket,
        '-U',
        'postgres',
        '-d',
        'postgres',
        '-c',
        "SELECT current_setting('archive_mode') || ' ' || current_setting('archive_command') || current_setting('listen_addresses')",
      ],
      { encoding: 'utf8' },
    );
    expect(asked.trim()).toBe('off (disabled)');
    expect(() =>
      execFileSync(join(cluster.bin, 'psql'), ['-X', '-h', socket, '-U', 'postgres', '-d', 'postgres', '-c', 'DELETE FROM orders'], {
        stdio: 'pipe',
      }),
    ).toThrow(/read-only/);
    expect(readdirSync(cluster.archiveDir).sort()).toEqual(before);
    expect(existsSync(join(cluster.dir, 'archived-by-another'))).toBe(false);

    expect((await judge(times[3] ?? '')).words).toContain('There is one already');
    const earlier = open.engine.plan({ environmentId: 'env-1', runbook: 'advance', inputs: { target: times[0] ?? '' } });
    const { ok, items } = await open.engine.preflight({ planId: earlier.id });
    expect(ok).toBe(false);
    expect(items.map(({ detail }) => detail).join(' ')).toContain('recovering anew');
  }, 120_000);

  it('a promotion with live settings that no server starts with: seen before anything stops', async () => {
    const conf = join(cluster.dataDir, 'postgresql.conf');
    const whole = readFileSync(conf, 'utf8');
    const words = async () => {
      const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'promote', inputs: {} });
      const { items } = await open.engine.preflight({ planId: plan.id });
      return items.find(({ id }) => id === 'promote-settings')?.detail;
    };
    expect(await words()).toBeUndefined();
    writeFileSync(conf, `${whole}no_such_setting = on\n`);
    expect(await words()).toMatch(/No server would start .*no_such_setting/);
    writeFileSync(conf, whole);
    await nothingWasDone();
  }, 120_000);

  it('a live server that something starts again in the middle of the promotion: it stays in its place', async () => {
    const recovered = await open.run('recover-to-time', { target: times[2] ?? '' });
    expect(recovered.state, recovered.summary).toBe('succeeded');
    // A supervisor: whenever the server is down it is started again.
    const script = 'until [ -e "$3" ]; do [ -e "$2/postmaster.pid" ] || "$1" -D "$2" -s -l "$4" start >/dev/null 2>&1; sleep 0.02; done';
    const stop = join(cluster.dir, 'supervisor-stop');
    const args = ['-c', script, 'supervisor', join(cluster.bin, 'pg_ctl'), cluster.dataDir, stop, join(cluster.dir, 'supervisor.log')];
    const owner = statSync(cluster.dataDir);
    const supervisor = spawn('/bin/sh', args, {
      ...(process.getuid?.() === 0 ? { uid: owner.uid, gid: owner.gid } : {}),
      cwd: '/',
      stdio: 'ignore',
    });
    const over = new Promise((resolve) => supervisor.once('exit', resolve));
    try {
      const ended = await open.run('promote');
      expect(ended.state, ended.summary).toBe('failed');
      expect(ended.summary).toMatch(/started again by itself|did not stop/);
      expect(existsSync(cluster.dataDir)).toBe(true);
      expect(readdirSync(cluster.dir).filter((name) => name.includes('before-'))).toEqual([]);
      const reverted = await open.engine.settled((await open.engine.revert({ runId: ended.id, typedName })).id);
      expect(reverted.state, reverted.summary).toBe('reverted');
    } finally {
      writeFileSync(stop, '');
      await over;
      rmSync(stop);
    }
    expect(await cluster.contents()).toBe(live);
    rmSync(join(cluster.recoveryRoot), { recursive: true });
    mkdirSync(cluster.recoveryRoot, { mode: 0o700 });
    execFileSync('chown', [`${owner.uid}:${owner.gid}`, cluster.recoveryRoot]);
  }, 240_000);
});
