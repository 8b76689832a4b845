import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { postgresUnavailable } from '../../support/postgres.ts';
import { FAMILY } from '../../support/sql-lab.ts';
import { sshdUnavailable } from '../../support/sshd.ts';
import type { Scenario } from '../scenario.ts';
import { startSqlScenario } from '../sql.ts';

/** Revocation of a family's devices: four rows, or none. */
export const sqlStatement: Scenario = {
  id: 'sql-statement',
  hostMebibytes: 160,
  unavailable: () => sshdUnavailable() ?? postgresUnavailable(),
  async start({ hostDir }) {
    const { db, common } = await startSqlScenario(hostDir, { live: (lab) => lab.devices() });
    const pristine = await db.devices();
    return {
      ...common,
      inputs: db.inputs,
      runbook: 'revoke-family-devices',
      runInputs: () => ({ family: FAMILY, confirmed: '4' }),
      async assertDone() {
        assert.equal(
          await db.sql(`SELECT string_agg(status, ',') FROM registered_devices WHERE family_id = '${FAMILY}'`),
          Array(5).fill('revoked').join(','),
        );
        assert.equal(await db.sql("SELECT count(*) FROM registered_devices WHERE status = 'active'"), '2');
      },
      async assertSafe(run, handle) {
        if ((await db.devices()) === pristine) return;
        const folder = join(handle.localFolder, 'rows');
        const kept = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
        assert.equal(kept.length, 1, 'the rows were changed, and what they were is not on the laptop');
        const image = readFileSync(join(folder, kept[0] as string), 'utf8');
        assert.equal(image.split('\n').filter((line) => line.includes('"status": "active"')).length, 4);
        const before = run?.steps[0]?.output['before'];
        if (before !== undefined) assert.equal(createHash('sha256').update(image).digest('hex'), before);
      },
    };
  },
};
