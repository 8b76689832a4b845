import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeControl } from '../../support/service-lab.ts';
import { sshdUnavailable } from '../../support/sshd.ts';
import type { Scenario } from '../scenario.ts';

const stackText = readFileSync(fileURLToPath(new URL('../../support/stacks/services.yaml', import.meta.url)), 'utf8');

/** Restart of a real process by its control. */
export const serviceProcess: Scenario = {
  id: 'service-process',
  hostMebibytes: 8,
  laptopMebibytes: 16,
  unavailable: sshdUnavailable,
  async start({ hostDir }) {
    const control = writeControl(join(hostDir, 'service'));
    const pid = (): number => {
      try {
        return Number(readFileSync(join(hostDir, 'service', 'pid'), 'utf8')) || 0;
      } catch {
        return 0;
      }
    };
    const alive = (one: number): boolean => {
      try {
        return one > 0 && /\) [^Z]/.test(readFileSync(`/proc/${one}/stat`, 'utf8'));
      } catch {
        return false;
      }
    };
    let first = 0;
    return {
      stackId: 'services',
      stackText,
      inputs: { control },
      secrets: {},
      runbook: 'restart-process',
      runInputs: () => ({}),
      async reset() {
        execFileSync(control, ['start']);
        first = pid();
      },
      live: async () => (alive(pid()) ? 'running' : 'stopped'),
      async assertDone() {
        assert.ok(alive(pid()), 'the service does not run');
        assert.notEqual(pid(), first, 'the same process still runs');
        assert.ok(!alive(first), 'the former process still runs');
      },
      async assertSafe() {
        // Nothing can be lost here.
      },
      async stop() {
        const last = pid();
        if (alive(last)) process.kill(last, 'SIGKILL');
      },
    };
  },
};
