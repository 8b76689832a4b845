import assert from 'node:assert/strict';
import { join } from 'node:path';
import { sshdUnavailable } from '../../support/sshd.ts';
import { eventsOf, startFriendlyFace } from '../friendlyface.ts';
import type { Scenario } from '../scenario.ts';

/** Restore of a backup through the deployment's HTTP API. */
export const friendlyFaceRestore: Scenario = {
  id: 'friendlyface-restore',
  hostMebibytes: 24,
  laptopMebibytes: 24,
  unavailable: sshdUnavailable,
  async start(room) {
    const ff = await startFriendlyFace(room);
    const { replica, common } = ff;
    const backup = ff.valid[1] ?? '';
    const wanted = eventsOf(join(replica.layout.backupDir, backup));
    return {
      ...common,
      runbook: 'restore-backup',
      runInputs: () => ({ backup }),
      async assertDone() {
        assert.equal(eventsOf(replica.layout.dbPath), wanted, 'the live data is not that of the backup');
        const [status, , , deep] = JSON.parse(await ff.said()) as string[];
        assert.deepEqual([status, deep], ['ok', 'ok'], 'the service is not well');
      },
    };
  },
};
