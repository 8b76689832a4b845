import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import type { RecoveryCluster } from '../support/recovery-cluster.ts';
import { recoveryStack, recoveryUnavailable, startRecoveryCluster } from '../support/recovery-cluster.ts';
import { skipSsh } from '../support/ssh-lab.ts';

describe.skipIf(skipSsh(recoveryUnavailable()))('point-in-time recovery of a real PostgreSQL', () => {
  let cluster: RecoveryCluster;
  let lab: OperationLab;

  beforeEach(async () => {
    cluster = await startRecoveryCluster();
    lab = await startOperationLab({ stackText: recoveryStack, stackId: 'recovery', inputs: cluster.inputs });
  }, 60_000);
  afterEach(async () => {
    await lab?.close();
    await cluster?.close();
  });

  it('recovers to a time, inspects, advances, promotes, and goes back', async () => {
    await cluster.write('before');
    const open = await lab.open();
    const { engine } = open;
    const typedName = 'Shop production';
    const base = await open.run('base-backup');
    expect(base.summary).toContain('archive');
    expect(base.state, base.summary).toBe('succeeded');
    await cluster.write('good');
    const good = await cluster.write('good', 1);
    const better = await cluster.write('late');
    await cluster.write('bad');
    await cluster.archived();
    const live = await cluster.contents();

    const recovered = await open.run('recover-to-time', { target: good });
    expect(recovered.state, recovered.summary).toBe('succeeded');
    expect(recovered.steps.at(-1)?.output['counts']).toBe('public.orders=7');
    expect(await cluster.contents()).toBe(live);

    const advanced = await open.run('advance', { target: better });
    expect(advanced.state, advanced.summary).toBe('succeeded');
    expect(advanced.steps.at(-1)?.output['counts']).toBe('public.orders=10');

    const promoted = await open.run('promote');
    expect(promoted.state, promoted.summary).toBe('succeeded');
    expect(promoted.summary).toContain('Verified');
    expect(await cluster.contents()).toBe('before 3, good 4, late 3');
    await cluster.write('after');
    await cluster.archived();
    expect(readdirSync(cluster.archiveDir)).toContain('00000002.history');

    const reverted = await engine.settled((await engine.revert({ runId: promoted.id, typedName })).id);
    expect(reverted.state, reverted.summary).toBe('reverted');
    expect(await cluster.contents()).toBe(live);
    expect(readdirSync(cluster.recoveryRoot).filter((name) => name.startsWith('reverted-'))).toHaveLength(1);
    expect(existsSync(join(cluster.recoveryRoot, 'current'))).toBe(false);
  }, 300_000);
});
