import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { recoveryScenario } from '../../support/recovery-scenario.ts';

/** A base backup is taken; then it is recovered to a time and on to a later one beside the live server, and discarded. */
export const scenario = recoveryScenario({
  id: 'recovery-drill',
  runbook: 'drill',
  inputs: ({ target, later }) => ({ target, later }),
  async assertDone({ cluster }) {
    const made = readdirSync(cluster.baseDir).filter((name) => existsSync(join(cluster.baseDir, `${name}.quarterdeck.json`)));
    if (made.length === 0) throw new Error('there is no base backup with a manifest');
    for (const name of made)
      if (!existsSync(join(cluster.baseDir, name, 'backup_manifest'))) throw new Error(`the base backup ${name} is not whole`);
    const left = readdirSync(cluster.recoveryRoot);
    if (left.length > 0) throw new Error(`something of the recovered server is left: ${left.join(', ')}`);
    if ((await cluster.sql('SELECT pg_is_in_recovery()')) !== 'f') throw new Error('the live server is in recovery');
  },
});
