import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupList, BackupVerification } from '../../src/contract/backups.ts';
import { Environment } from '../../src/contract/environments.ts';
import { HealthSnapshot } from '../../src/contract/health.ts';
import { JournalEntry, JournalVerification } from '../../src/contract/journal.ts';
import { LogLine } from '../../src/contract/logs.ts';
import type { ProblemData } from '../../src/contract/problem.ts';
import { RehearsalList } from '../../src/contract/rehearsals.ts';
import { Plan, Preflight, Run } from '../../src/contract/runs.ts';
import { createCli } from '../support/cli.ts';
import type { Keyring } from '../support/keyring.ts';
import { keyringUnavailable, startKeyring } from '../support/keyring.ts';
import type { Replica } from '../support/replica.ts';
import { startReplica } from '../support/replica.ts';
import { skipSsh } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

const name = 'Shop production';

describe.skipIf(skipSsh(keyringUnavailable()))('the command line, against a real sshd, keyring and deployment', () => {
  let sshd: Sshd;
  let replica: Replica;
  let keyring: Keyring;
  let home: string;
  let cli: ReturnType<typeof createCli>;

  const countEvents = async (): Promise<{ count: number; root: string }> => {
    const body = (await (await replica.request('GET', '/health')).json()) as { event_count: number; merkle_root: string };
    return { count: body.event_count, root: body.merkle_root };
  };

  beforeAll(async () => {
    [sshd, replica, keyring] = await Promise.all([startSshd(), startReplica(), startKeyring()]);
    home = mkdtempSync(join(tmpdir(), 'quarterdeck-cli-'));
    cli = createCli({ home, env: keyring.env });
    const profile = join(home, 'profile.yaml');
    const target = { host: sshd.host, port: sshd.port, user: sshd.user, auth: [{ kind: 'key', path: sshd.clientKey.path }] };
    writeFileSync(profile, JSON.stringify({ name, tier: 'production', ssh: { target }, stack: 'friendlyface', inputs: replica.inputs }));
    const added = await cli(['env', 'add', '-f', profile, '--json']);
    expect(added.stderr).toBe('');
    expect(added.json<unknown[]>()).toHaveLength(1);
  });
  afterAll(async () => {
    await Promise.all([sshd?.stop(), replica?.stop(), keyring?.stop()]);
    rmSync(home, { recursive: true, force: true });
  });

  it('says what a wrong call is, and exits 2', async () => {
    expect((await cli(['frobnicate'])).code).toBe(2);
    const bad = await cli(['env', 'add', '-f', '-', '--json'], 'name: x\ntier: prod\n');
    expect(bad.code).toBe(2);
    expect(bad.json<{ problem: ProblemData }>().problem.message).toMatch(/tier|ssh/);
    const missing = await cli(['check', 'Nowhere']);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain(name);
  });

  it('refuses an unknown host key, takes it by its fingerprint only, and keeps it', async () => {
    const first = await cli(['check', name]);
    // It could not look: that says nothing of the deployment.
    expect(first.code).toBe(3);
    const fingerprint = sshd.hostKeys[0]?.fingerprint ?? '';
    expect(first.stderr).toContain(fingerprint);
    expect(first.stderr).toContain('host-key-unknown');

    const wrong = await cli(['env', 'trust', name, '--fingerprint', `SHA256:${'A'.repeat(43)}`]);
    expect(wrong.code).not.toBe(0);
    expect((await cli(['check', name])).stderr).toContain('host-key-unknown');

    const right = await cli(['env', 'trust', name, '--fingerprint', fingerprint]);
    expect(right.stderr).toBe('');
    expect(right.code).toBe(0);
  });

  it('cannot look without the API key and says so with 3; a secret goes in by stdin and never comes out', async () => {
    const before = await cli(['check', name, '--json']);
    expect(before.code).toBe(3);
    expect(before.json<HealthSnapshot>().overall).toBe('unobserved');
    const set = await cli(['secret', 'set', name, 'api-key', '--json'], `${replica.apiKey}\n`);
    expect(set.json()).toMatchObject({ key: 'api-key', set: true, kept: 'keychain' });
    const list = await cli(['secret', 'list', name]);
    expect(list.stdout).toContain('api-key');
    expect(list.stdout + set.stdout + set.stderr).not.toContain(replica.apiKey);
  });

  it('check: healthy is 0, its shape is the contract’s', async () => {
    const result = await cli(['check', name, '--json']);
    const snapshot = HealthSnapshot.parse(result.json());
    expect(snapshot.probes.map(({ id }) => id)).toContain('deep');
    expect(snapshot.overall, JSON.stringify(snapshot)).toBe('healthy');
    expect(result.code).toBe(0);
    expect(Environment.array().parse((await cli(['env', 'list', '--json'])).json())).toHaveLength(1);
  });

  it('logs: sources, parsed lines, filters', async () => {
    expect((await cli(['logs', name])).stdout).toContain('app');
    const all = (await cli(['logs', name, 'app', '--tail', '50', '--json'])).lines().map((line) => LogLine.parse(line));
    expect(all.length).toBe(50);
    const withId = all.find(({ requestId }) => requestId !== null);
    const one = (await cli(['logs', name, 'app', '--request-id', withId?.requestId ?? '', '--json'])).lines<LogLine>();
    expect(one.length).toBeGreaterThan(0);
    expect(new Set(one.map(({ requestId }) => requestId))).toEqual(new Set([withId?.requestId]));
    const none = await cli(['logs', name, 'nowhere']);
    expect(none.stderr).toContain('app');
    expect(none.code).toBe(1);
  });

  it('backups: list, verify good and bad, download, create', async () => {
    const { backups, retention } = (await cli(['backups', name, '--json'])).json<BackupList>();
    expect(backups).toHaveLength(6);
    expect(retention.maxCount).toBeGreaterThan(0);
    const results = [];
    for (const { name: backup } of backups) results.push(await cli(['backups', name, 'verify', backup, '--json']));
    const bad = results.filter(({ code }) => code === 1);
    expect(bad).toHaveLength(1);
    expect(bad[0]?.json<BackupVerification>().valid).toBe(false);
    const good = backups[results.findIndex(({ code }) => code === 0)]?.name ?? '';
    const local = (await cli(['backups', name, 'verify', good, '--local', '--json'])).json<BackupVerification>();
    expect(local).toMatchObject({ valid: true, method: 'local' });
    const to = mkdtempSync(join(tmpdir(), 'quarterdeck-to-'));
    const fetched = (await cli(['backups', name, 'download', good, '--to', to, '--json'])).json<{ path: string; sha256: string }>();
    expect(fetched.sha256).toBe(local.sha256);
    expect(readFileSync(fetched.path).subarray(0, 15).toString()).toBe('SQLite format 3');
    rmSync(to, { recursive: true });

    const created = await cli(['backups', name, 'create', '--label', 'pre-deploy', '--json']);
    expect(created.stderr).toContain('done');
    expect(Run.parse(created.json()).state).toBe('succeeded');
    const after = (await cli(['backups', name, '--json'])).json<BackupList>();
    expect(after.backups.filter(({ label }) => label === 'pre-deploy')).toHaveLength(1);
  });

  it('run: nothing without --confirm, nothing with another name; then restored, verified, and reverted to the exact data', async () => {
    const { backups } = (await cli(['backups', name, '--json'])).json<BackupList>();
    const verified = [];
    for (const backup of backups) if (backup.label === null && backup.verifications[0]?.valid === true) verified.push(backup.name);
    const oldest = verified.at(-1) ?? '';
    const before = await countEvents();
    const input = ['run', name, 'restore-backup', '--input', `backup=${oldest}`];

    const planned = await cli([...input, '--plan', '--json']);
    const { plan, preflight } = planned.json<{ plan: unknown; preflight: unknown }>();
    expect(Plan.parse(plan)).toMatchObject({ requiresTypedName: true, effect: 'destructive' });
    expect(Preflight.parse(preflight).ok, planned.stdout).toBe(true);
    expect(planned.code).toBe(0);
    expect((await cli(input)).code).toBe(2);
    const wrong = await cli([...input, '--confirm', 'Shop']);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('confirmation-wrong');
    expect(await countEvents()).toEqual(before);

    const done = await cli([...input, '--confirm', name, '--json']);
    const run = Run.parse(done.json());
    expect(run.state, done.stderr).toBe('succeeded');
    expect(done.code).toBe(0);
    expect((await countEvents()).count).toBeLessThan(before.count);
    expect((await cli(['runs', 'list'])).stdout).toContain(run.id);
    expect(Run.parse((await cli(['runs', 'show', run.id, '--json'])).json()).allowed).toContain('revert');

    expect((await cli(['runs', 'revert', run.id])).code).toBe(2);
    const reverted = await cli(['runs', 'revert', run.id, '--confirm', name, '--json']);
    expect(Run.parse(reverted.json()).state, reverted.stderr).toBe('reverted');
    expect(await countEvents()).toEqual(before);
  });

  it('rehearsals: overdue until one was done; then its measures stand in the ledger', async () => {
    const never = await cli(['rehearsals', name]);
    expect(never.stdout).toContain('never');
    expect(never.code).toBe(1);
    const { backups } = (await cli(['backups', name, 'list', '--json'])).json<BackupList>();
    const good = backups.find(({ verifications }) => verifications[0]?.valid === true)?.name ?? '';
    const done = await cli(['run', name, 'rehearse-restore', '--input', `backup=${good}`, '--yes', '--json']);
    expect(Run.parse(done.json()).state, done.stderr).toBe('succeeded');
    const list = RehearsalList.parse((await cli(['rehearsals', name, '--json'])).json());
    expect(list.states[0]).toMatchObject({ runbook: 'rehearse-restore', of: 'restore-backup', state: 'fresh' });
    expect(list.ledger[0]).toMatchObject({ verdict: expect.stringMatching(/^(met|missed)$/), inputs: { backup: good } });
    expect(list.ledger[0]?.rtoMs).toBeGreaterThan(0);
    expect(list.ledger[0]?.rpoMs).not.toBeNull();
  });

  it('journal: whole, exported as JSON Lines, and without the secret', async () => {
    const verified = await cli(['journal', 'verify', '--json']);
    expect(JournalVerification.parse(verified.json())).toMatchObject({ ok: true, firstBroken: null });
    expect(verified.code).toBe(0);
    const exported = await cli(['journal', 'export', '--json']);
    const entries = exported.lines().map((line) => JournalEntry.parse(line));
    expect(entries.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining([
        'environment-created',
        'host-key-trusted',
        'secret-set',
        'run-started',
        'step-intended',
        'step-ended',
        'run-ended',
        'revert-ended',
      ]),
    );
    expect(exported.stdout).not.toContain(replica.apiKey);
  });

  it('a rotated host key is refused with both fingerprints, and trust can’t overrule it', async () => {
    const old = sshd.hostKeys[0]?.fingerprint ?? '';
    await sshd.rotateHostKeys();
    const now = sshd.hostKeys[0]?.fingerprint ?? '';
    const from = sshd.log().length;
    const refused = await cli(['check', name]);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain(old);
    expect(refused.stderr).toContain(now);
    expect((await cli(['env', 'trust', name, '--fingerprint', now])).stderr).toContain('host-key-changed');
    expect(sshd.log().slice(from)).not.toMatch(/userauth-request|Accepted|Failed publickey/);
  });
});
