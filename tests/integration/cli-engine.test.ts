import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { JournalEntry, JournalVerification } from '../../src/contract/journal.ts';
import type { Plan } from '../../src/contract/runs.ts';
import { HostLock, Preflight, Run, RunSummary } from '../../src/contract/runs.ts';
import { createCli } from '../support/cli.ts';
import type { SlowService } from '../support/slow-service.ts';
import { slowStack, startSlowService } from '../support/slow-service.ts';
import { skipSsh } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

const name = 'Slow production';

describe.skipIf(skipSsh())('guided operations on the command line', () => {
  let sshd: Sshd;
  let home: string;
  let service: SlowService;
  let cli: ReturnType<typeof createCli>;
  const file = (path: string) => join(home, path);
  const calls = () => service.calls();

  /** Begins the runbook, and resolves when the host is stopping the service; `ended` when the command is over. */
  async function begin() {
    const before = calls();
    const ended = cli(['run', name, 'bounce', '--confirm', name, '--json']);
    await vi.waitUntil(() => calls() !== before, { timeout: 30_000 });
    const list = (await cli(['runs', 'list', '--json'])).json<RunSummary[]>();
    const [newest] = list.map((one) => RunSummary.parse(one));
    return { id: newest?.id ?? '', ended };
  }

  beforeAll(async () => {
    sshd = await startSshd();
    home = mkdtempSync(join(tmpdir(), 'quarterdeck-cli-'));
    cli = createCli({ home });
    mkdirSync(file('stacks'));
    writeFileSync(file('stacks/slow.yaml'), slowStack);
    service = startSlowService(file('service'));
    const target = { host: sshd.host, port: sshd.port, user: sshd.user, auth: [{ kind: 'key', path: sshd.clientKey.path }] };
    writeFileSync(
      file('profile.yaml'),
      JSON.stringify({ name, tier: 'production', ssh: { target }, stack: 'slow', inputs: { control: service.control } }),
    );
    expect((await cli(['env', 'add', '-f', file('profile.yaml')])).code).toBe(0);
    expect((await cli(['env', 'trust', name, '--fingerprint', sshd.hostKeys[0]?.fingerprint ?? ''])).code).toBe(0);
  });
  afterAll(async () => {
    await sshd?.stop();
    await service?.stop();
    if (home !== undefined) rmSync(home, { recursive: true, force: true });
  });

  it('shows, and does nothing, without the name', async () => {
    const shown = await cli(['run', name, 'bounce']);
    expect(shown.code).toBe(2);
    expect(shown.stdout).toContain('1. Stop the service  [destructive]');
    expect(shown.stdout).toContain(`ssh: ${service.control} stop`);
    expect(shown.stdout).toContain('Who else is connected');
    expect(shown.stderr).toContain(`--confirm "${name}"`);
    expect((await cli(['run', name, 'bounce', '--yes'])).code).toBe(2);
    expect(calls()).toBe('');
    const survey = await cli(['run', name, 'bounce', '--survey', '--json']);
    expect(survey.json<unknown[]>()).toEqual([]);
  });

  it('pauses a run of another process before the step it names, holds the host meanwhile, and resumes it', async () => {
    const { id, ended } = await begin();
    expect(HostLock.parse((await cli(['lock', 'show', name, '--json'])).json())).toMatchObject({
      shared: true,
      holder: { runId: id, state: 'running' },
    });
    const pausing = await cli(['runs', 'pause', id]);
    expect(pausing.stdout).toContain('it stops before “Start the service”');
    service.go();
    const first = await ended;
    expect(Run.parse(first.json()), first.stderr).toMatchObject({ state: 'paused', allowed: ['resume', 'revert', 'cancel'] });
    expect(first.code).toBe(1);
    const planned = (await cli(['run', name, 'bounce', '--plan', '--json'])).json<{ preflight: unknown }>();
    const preflight = Preflight.parse(planned.preflight);
    expect(preflight.ok).toBe(false);
    expect(preflight.items.find(({ id: item }) => item === 'lock')?.detail).toContain('is paused: resume or revert it first');
    const resumed = await cli(['runs', 'resume', id, '--confirm', name, '--json']);
    expect(Run.parse(resumed.json()).state, resumed.stderr).toBe('succeeded');
    expect(calls()).toBe('stop\nstart\n');
    expect((await cli(['runs', 'show', id, '--output'])).stdout).toContain('| asked to stop');
    expect((await cli(['lock', 'show', name])).stdout).toContain('Nobody changes');
  });

  it('cancels a paused run and gives the host back', async () => {
    const { id, ended } = await begin();
    await cli(['runs', 'pause', id]);
    service.go();
    await ended;
    const cancelled = Run.parse((await cli(['runs', 'cancel', id, '--json'])).json());
    expect(cancelled).toMatchObject({ state: 'cancelled', allowed: ['resume', 'revert'] });
    expect(HostLock.parse((await cli(['lock', 'show', name, '--json'])).json()).holder).toBeNull();
    expect(Run.parse((await cli(['runs', 'revert', id, '--confirm', name, '--json'])).json()).state).toBe('reverted');
  });

  it('removes another operator’s lock only by its run and with the name', async () => {
    const place = join(sshd.dir, 'shared', 'quarterdeck.lock');
    mkdirSync(place);
    writeFileSync(join(place, 'owner'), 'run=run-zoe\noperator=zoe@tower\nat=1800000000000\ntoken=1-ab\n');
    const shown = await cli(['lock', 'show', name]);
    expect(shown.stdout).toContain('held by zoe@tower, run run-zoe, since 2027-01-15 08:00:00Z');
    const refused = await cli(['run', name, 'bounce', '--confirm', name]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('zoe@tower');
    expect((await cli(['lock', 'break', name, '--run', 'run-zoe'])).code).toBe(2);
    expect((await cli(['lock', 'break', name, '--run', 'run-zoe', '--confirm', 'Slow'])).code).toBe(2);
    expect((await cli(['lock', 'break', name, '--run', 'run-other', '--confirm', name])).code).toBe(1);
    expect(existsSync(place)).toBe(true);
    expect((await cli(['lock', 'break', name, '--run', 'run-zoe', '--confirm', name])).code).toBe(0);
    expect(existsSync(place)).toBe(false);
  });

  it('leaves a journal that holds: commands before, exit facts and hashes after, and every new kind', async () => {
    expect(JournalVerification.parse((await cli(['journal', 'verify', '--json'])).json())).toMatchObject({ ok: true, firstBroken: null });
    const entries = (await cli(['journal', 'export', '--json'])).lines().map((line) => JournalEntry.parse(line));
    const kinds = entries.map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['run-started', 'run-paused', 'run-resumed', 'run-cancelled', 'host-lock-removed']));
    const intended = entries.find(({ kind, stepId }) => kind === 'step-intended' && stepId === 'stop');
    const planned = (await cli(['run', name, 'bounce', '--plan', '--json'])).json<{ plan: Plan }>().plan.steps[0];
    expect(intended?.data['commands']).toEqual(planned?.commands.map(({ kind, text }) => `${kind}: ${text}`));
    const ended = entries.find(({ kind, stepId }) => kind === 'step-ended' && stepId === 'stop');
    expect(ended?.data).toMatchObject({
      outcome: 'done',
      said: { bytes: expect.any(Number), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  });
});
