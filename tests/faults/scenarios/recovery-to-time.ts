import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { mark, original, recoveryScenario } from '../../support/recovery-scenario.ts';

/** A restore to a time: recovered beside the live server, inspected, promoted into its place. */
export const scenario = recoveryScenario({
  id: 'recovery-to-time',
  runbook: 'restore-to-time',
  inputs: ({ target }) => ({ target }),
  async assertDone({ cluster, wanted }) {
    if (!existsSync(join(cluster.dataDir, mark))) throw new Error('the live directory is not the recovered one');
    const [count, bad, recovering, timeline] = (
      await cluster.sql(
        `SELECT count(*), count(*) FILTER (WHERE note IN ('bad', 'last', 'newest')), pg_is_in_recovery(), (SELECT timeline_id FROM pg_control_checkpoint()) FROM orders`,
      )
    ).split('|');
    if (count !== wanted || bad !== '0') throw new Error(`${count} rows instead of ${wanted}, ${bad} of them after the target`);
    if (recovering !== 'f' || timeline === '1') throw new Error(`in recovery: ${recovering}, timeline ${timeline}`);
    if (original(cluster) === undefined) throw new Error('the previous data directory is gone');
  },
});
