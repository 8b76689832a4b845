import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Run } from '../../src/contract/runs.ts';
import { canonicalHash } from '../../src/main/engine/canonical.ts';
import type { LabHandle } from '../support/engine-lab.ts';
import type { Replica, ReplicaOptions } from '../support/replica.ts';
import { startReplica } from '../support/replica.ts';
import type { ScenarioLab, ScenarioRoom } from './scenario.ts';

/** The events of a database file, as one text; undefined when it can't be read as one. */
export function eventsOf(file: string): string | undefined {
  let db: Database.Database;
  try {
    db = new Database(file, { readonly: true, fileMustExist: true });
  } catch {
    return undefined;
  }
  try {
    const rows = db.prepare('SELECT * FROM events ORDER BY seq').all();
    return `${rows.length} events ${canonicalHash(rows)}`;
  } catch {
    return undefined;
  } finally {
    db.close();
  }
}

/** A FriendlyFace deployment that can be put back fast. */
export interface FriendlyFaceLab {
  readonly replica: Replica;
  /** Events of the live database before any operation. */
  readonly pristine: string;
  /** Valid backups of the beginning, oldest first. */
  readonly valid: readonly string[];
  /** Names of the backups that are there now and were not at the beginning. */
  fresh(): string[];
  /** What the service says of itself; `down` when it does not answer. */
  said(): Promise<string>;
  /** What every scenario of it has alike. */
  readonly common: Pick<ScenarioLab, 'stackId' | 'inputs' | 'secrets' | 'reset' | 'live' | 'assertSafe' | 'stop'>;
}

/** Lays the deployment out on the host's small file system and starts it. */
export async function startFriendlyFace(room: ScenarioRoom, retention: ReplicaOptions['retention'] = {}): Promise<FriendlyFaceLab> {
  const dir = join(room.hostDir, 'ff');
  const kept = join(room.hostDir, 'as-it-was');
  // Little history: each case reads all of it several times.
  const replica = await startReplica({ dir, events: 60, logHours: 0, retention });
  const { dbPath, backupDir } = replica.layout;
  mkdirSync(kept);
  cpSync(dbPath, join(kept, 'db'), { preserveTimestamps: true });
  cpSync(backupDir, join(kept, 'backups'), { recursive: true, preserveTimestamps: true });
  const names = readdirSync(join(kept, 'backups')).sort();
  const pristine = eventsOf(dbPath) ?? '';

  const said = async (): Promise<string> => {
    try {
      const health = (await (await replica.request('GET', '/health')).json()) as Record<string, unknown>;
      const deep = (await (await replica.request('GET', '/health/deep')).json()) as Record<string, unknown>;
      return JSON.stringify([health['status'], health['event_count'], health['merkle_root'], deep['status']]);
    } catch {
      return 'down';
    }
  };
  const wellSaid = await said();
  const fresh = (): string[] => readdirSync(backupDir).filter((name) => !names.includes(name));

  return {
    replica,
    pristine,
    valid: names.filter((name) => eventsOf(join(kept, 'backups', name)) !== undefined),
    fresh,
    said,
    common: {
      stackId: 'friendlyface',
      inputs: replica.inputs,
      secrets: { 'api-key': replica.apiKey },
      async reset() {
        for (const name of fresh()) rmSync(join(backupDir, name), { recursive: true, force: true });
        for (const name of names)
          if (!existsSync(join(backupDir, name)) || statSync(join(backupDir, name)).size !== statSync(join(kept, 'backups', name)).size)
            cpSync(join(kept, 'backups', name), join(backupDir, name), { preserveTimestamps: true });
        if (eventsOf(dbPath) === pristine && (await said()) === wellSaid) return;
        await replica.control('stop');
        for (const rest of ['-journal', '-wal', '-shm']) rmSync(`${dbPath}${rest}`, { force: true });
        cpSync(join(kept, 'db'), dbPath);
        const started = await replica.control('start');
        assert.equal(started.code, 0, started.stderr);
      },
      live: async () => `${eventsOf(dbPath) ?? 'unreadable'}; ${await said()}`,
      async assertSafe(_run: Run | undefined, handle: LabHandle) {
        if (eventsOf(dbPath) === pristine) return;
        const copies = readdirSync(handle.localFolder)
          .filter((name) => name.endsWith('.db'))
          .map((name) => eventsOf(join(handle.localFolder, name)));
        assert.ok(copies.includes(pristine), 'the live data was replaced, and no copy of what it was is on the laptop');
      },
      stop: () => replica.stop(),
    },
  };
}
