import assert from 'node:assert/strict';
import { join } from 'node:path';
import { sshdUnavailable } from '../../support/sshd.ts';
import { eventsOf, startFriendlyFace } from '../friendlyface.ts';
import type { Scenario } from '../scenario.ts';

/** A backup through the deployment's HTTP API: once, whatever becomes of the answer; verified, and a copy of it on the laptop. */
export const backupScenario = (id: string, slow: boolean): Scenario => ({
  id,
  hostMebibytes: 24,
  laptopMebibytes: 24,
  unavailable: sshdUnavailable,
  async start(room) {
    const ff = await startFriendlyFace(room);
    const { replica, common, pristine } = ff;
    // Each answer takes about a second then.
    replica.setFault('slow', slow);
    const copies = join(room.laptopDir, 'laptop', 'copies');
    return {
      ...common,
      runbook: 'create-backup',
      runInputs: () => ({ label: 'before' }),
      async assertDone(run) {
        const made = ff.fresh().filter((name) => eventsOf(join(replica.layout.backupDir, name)) === pristine);
        assert.equal(made.length, 1, `${made.length} new backups were made: ${made.join(', ')}`);
        assert.equal(run.steps[0]?.output['filename'], made[0], 'the run names another backup than was made');
        assert.equal(eventsOf(join(copies, made[0] ?? '')), pristine, 'the laptop has no whole copy of it');
      },
    };
  },
});

export const friendlyFaceBackup = backupScenario('friendlyface-backup', false);
