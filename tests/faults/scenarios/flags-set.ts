import assert from 'node:assert/strict';
import { postgresUnavailable } from '../../support/postgres.ts';
import { sshdUnavailable } from '../../support/sshd.ts';
import type { Scenario } from '../scenario.ts';
import { startSqlScenario } from '../sql.ts';

/** The kill switch of one feature. */
export const flagsSet: Scenario = {
  id: 'flags-set',
  hostMebibytes: 160,
  unavailable: () => sshdUnavailable() ?? postgresUnavailable(),
  async start({ hostDir }) {
    const flags = 'SELECT f::text FROM feature_flags f ORDER BY 1';
    const { db, common } = await startSqlScenario(hostDir, { live: (lab) => lab.sql(flags) });
    return {
      ...common,
      inputs: db.inputs,
      runbook: 'set-flag',
      runInputs: () => ({ flag: 'chat', change: 'kill' }),
      async assertDone() {
        assert.equal(await db.sql("SELECT string_agg(name || kill_switch, ' ' ORDER BY name) FROM feature_flags"), 'chattrue videofalse');
      },
      // One value, which the journal's plan names: whichever it is, the other is known.
      assertSafe: async () => undefined,
    };
  },
};
