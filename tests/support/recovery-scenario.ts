import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Scenario, ScenarioLab } from '../faults/scenario.ts';
import type { RecoveryCluster } from './recovery-cluster.ts';
import { copyFolder, recoveryStack, recoveryUnavailable, startRecoveryCluster } from './recovery-cluster.ts';

/** What a recovered directory has in it. */
export const mark = 'quarterdeck-recovered';

/** The directory of the live cluster as it was, wherever it lies by now. */
export function original(cluster: RecoveryCluster): string | undefined {
  return [
    cluster.dataDir,
    ...readdirSync(cluster.dir).flatMap((name) => (name.startsWith('live.before-') ? [join(cluster.dir, name)] : [])),
  ].find((path) => existsSync(join(path, 'global', 'pg_control')) && !existsSync(join(path, mark)));
}

/** What the scenarios of recovery differ in. */
interface Which {
  readonly id: string;
  readonly runbook: string;
  inputs(times: { readonly target: string; readonly later: string }): Readonly<Record<string, string>>;
  /** `wanted`: rows up to the target. */
  assertDone(what: { readonly cluster: RecoveryCluster; readonly wanted: string }): Promise<void>;
}

/** A scenario of a runbook of point-in-time recovery. */
export const recoveryScenario = (which: Which): Scenario => ({
  id: which.id,
  // The live cluster, its base backup, the recovered one, and what a revert keeps.
  hostMebibytes: 256,
  unavailable: recoveryUnavailable,
  async start(room): Promise<ScenarioLab> {
    // The server's account must get there.
    chmodSync(dirname(room.hostDir), 0o711);
    const dir = join(room.hostDir, 'pitr');
    mkdirSync(dir, { mode: 0o755 });
    const cluster = await startRecoveryCluster({ dir });
    const prepared = mkdtempSync(join(tmpdir(), 'quarterdeck-pitrp-'));
    await cluster.write('before');
    await cluster.base('base');
    // The label of a base backup tells whole seconds: the target lies behind the next one.
    let target = await cluster.write('good');
    const made = Date.now();
    while (Date.now() < made + 2000) target = await cluster.write('good', 1);
    const later = await cluster.write('bad');
    await cluster.archived();
    await cluster.write('last');
    await cluster.archived();
    const wanted = (await cluster.sql(`SELECT count(*) FROM orders WHERE note NOT IN ('bad', 'last')`)).trim();
    await cluster.write('newest');
    await cluster.halt();
    const folders = ['live', 'archive', 'bases'];
    for (const name of folders) copyFolder(join(dir, name), join(prepared, name));
    const archived = readdirSync(join(prepared, 'archive'));
    return {
      stackId: 'recovery',
      // What uses the server is stopped and started by the services' own steps, which have a scenario of their own.
      stackText: recoveryStack.replace(/^ {6}- id: (stop|start)-app\n( {8}.*\n)+/gm, ''),
      inputs: cluster.inputs,
      secrets: {},
      runbook: which.runbook,
      runInputs: () => which.inputs({ target, later }),
      async reset() {
        await cluster.haltAll();
        for (const name of readdirSync(dir))
          if (folders.includes(name) || name.startsWith('live.')) rmSync(join(dir, name), { recursive: true, force: true });
        for (const name of readdirSync(cluster.recoveryRoot)) rmSync(join(cluster.recoveryRoot, name), { recursive: true, force: true });
        for (const name of folders) copyFolder(join(prepared, name), join(dir, name));
        await cluster.start();
      },
      async live() {
        const contents = await cluster.contents().catch(() => 'the server does not answer');
        const timeline = await cluster.sql('SELECT timeline_id FROM pg_control_checkpoint()').catch(() => '?');
        return `${contents}; timeline ${timeline}; ${existsSync(join(cluster.dataDir, mark)) ? 'recovered' : 'original'}`;
      },
      assertDone: () => which.assertDone({ cluster, wanted }),
      async assertSafe() {
        const kept = original(cluster);
        if (kept === undefined) throw new Error('the previous data directory is nowhere');
        for (const name of readdirSync(join(prepared, 'live', 'base')))
          if (!existsSync(join(kept, 'base', name))) throw new Error(`${kept} is not whole: base/${name}`);
        for (const name of archived) {
          const [now, then] = [join(cluster.archiveDir, name), join(prepared, 'archive', name)];
          if (!existsSync(now) || statSync(now).size !== statSync(then).size || !readFileSync(now).equals(readFileSync(then)))
            throw new Error(`${name} of the archive is not what it was`);
        }
        if (!existsSync(join(cluster.baseDir, 'base', 'backup_manifest'))) throw new Error('the base backup is gone');
      },
      async stop() {
        await cluster.close();
        rmSync(prepared, { recursive: true, force: true });
      },
    };
  },
});
