import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Run, SurveyFinding } from '../../src/contract/runs.ts';
import { furnish } from '../support/furnish.ts';
import type { RecoveryCluster } from '../support/recovery-cluster.ts';
import { recoveryStack, recoveryUnavailable, startRecoveryCluster } from '../support/recovery-cluster.ts';
import { skipSsh } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

const name = 'Shop production';

describe.skipIf(skipSsh(recoveryUnavailable()))('point-in-time recovery on the command line', () => {
  let sshd: Sshd;
  let cluster: RecoveryCluster;
  let home: string;
  let cli: Awaited<ReturnType<typeof furnish>>;

  beforeAll(async () => {
    [sshd, cluster] = await Promise.all([startSshd(), startRecoveryCluster()]);
    home = mkdtempSync(join(tmpdir(), 'quarterdeck-cli-'));
    cli = await furnish({
      dataFolder: home,
      name,
      tier: 'production',
      stackId: 'recovery',
      stackText: recoveryStack,
      inputs: cluster.inputs,
      sshd,
    });
  }, 60_000);
  afterAll(async () => {
    await Promise.all([sshd?.stop(), cluster?.close()]);
    if (home !== undefined) rmSync(home, { recursive: true, force: true });
  });

  const run = async (...args: string[]) => {
    const ended = await cli(['run', name, ...args, '--confirm', name, '--json']);
    return Run.parse(ended.json());
  };

  it('shows the window, refuses what lies outside, recovers, inspects, advances, promotes, and goes back', async () => {
    await cluster.write('before');
    expect((await run('base-backup')).state).toBe('succeeded');
    const good = await cluster.write('good');
    const late = await cluster.write('late');
    await cluster.write('bad');
    await cluster.archived();
    const live = await cluster.contents();

    const survey = (await cli(['run', name, 'recover-to-time', '--survey', '--json']))
      .json<unknown[]>()
      .map((one) => SurveyFinding.parse(one));
    const times = survey.find(({ input }) => input === 'target');
    expect(times?.detail).toContain('Base backup of');
    expect((times?.min ?? '') < good && late < (times?.max ?? '')).toBe(true);

    const outside = await cli(['run', name, 'recover-to-time', '--input', 'target=2099-01-01T00:00:00Z', '--confirm', name]);
    expect(outside.code).toBe(1);
    expect(outside.stdout + outside.stderr).toContain('outside of what can be recovered');
    expect((await cli(['run', name, 'recover-to-time', '--input', 'target=2026-11-27 03:00', '--confirm', name])).stderr).toContain('zone');

    const recovered = await run('recover-to-time', '--input', `target=${good}`);
    expect(recovered.state, recovered.summary).toBe('succeeded');
    expect(recovered.summary).toContain('public.orders=6');
    const advanced = await run('advance', '--input', `target=${late}`);
    expect(advanced.state, advanced.summary).toBe('succeeded');
    expect(advanced.summary).toContain('public.orders=9');
    expect(await cluster.contents()).toBe(live);

    const promoted = await run('promote');
    expect(promoted.state, promoted.summary).toBe('succeeded');
    expect(await cluster.contents()).toBe('before 3, good 3, late 3');
    const reverted = await cli(['runs', 'revert', promoted.id, '--confirm', name, '--json']);
    expect(Run.parse(reverted.json()).state, reverted.stderr).toBe('reverted');
    expect(await cluster.contents()).toBe(live);
  }, 240_000);
});
