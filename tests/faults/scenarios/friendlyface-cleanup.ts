import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { sshdUnavailable } from '../../support/sshd.ts';
import { startFriendlyFace } from '../friendlyface.ts';
import type { Scenario } from '../scenario.ts';

const kept = 4;

/** The deployment's retention, run by hand: what it deletes is gone, and nothing else is. */
export const friendlyFaceCleanup: Scenario = {
  id: 'friendlyface-cleanup',
  hostMebibytes: 24,
  laptopMebibytes: 24,
  unavailable: sshdUnavailable,
  async start(room) {
    const ff = await startFriendlyFace(room, { count: kept });
    const { replica, common } = ff;
    const names = (): string[] => readdirSync(replica.layout.backupDir).sort();
    const newest = names().slice(-kept);
    return {
      ...common,
      runbook: 'cleanup-backups',
      runInputs: () => ({}),
      async assertSafe(run, handle, sshd) {
        await common.assertSafe(run, handle, sshd);
        assert.deepEqual(names().slice(-kept), newest, 'a backup within the retention is gone');
      },
      async assertDone() {
        assert.deepEqual(names(), newest);
      },
    };
  },
};
