import { statSync } from 'node:fs';
import { posix } from 'node:path';
import { BackupName } from '../../contract/backups.ts';
import type { Environment } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import { plainLine } from '../engine/words.ts';
import { look } from '../stacks/actions/job.ts';
import { BackupManifest, foreignBackup } from '../stacks/actions/manifest.ts';
import type { BackupMemoryRows } from './memory.ts';
import type { BackupStore, BackupVerdict, StoredBackup } from './store.ts';

/** What tells one kind of backup file from another. */
export interface FileKind {
  /** As manifests say it. */
  readonly kind: BackupManifest['kind'];
  /** What is copied, as manifests say it: path of the file, or name of the database. */
  readonly source: string;
  /** Names of backups in the folder. */
  readonly pattern: RegExp;
  /** Looks through the file on the host, all of it; also tells its SHA-256. */
  checkOnHost(session: SshSession, path: string): Promise<BackupVerdict & { readonly sha256?: string }>;
  /** Looks through a copy on this laptop. */
  inspect: BackupStore['inspect'];
}

/** Every manifest of a folder, one line each: name, tab, JSON without line ends. */
const manifestsScript = `cd "$1" || exit 3
for f in *.quarterdeck.json; do
  [ -f "$f" ] || continue
  printf '%s\\t' "$f"
  head -c 65536 -- "$f" | tr '\\n\\r\\t' '   '
  echo
done
`;
const MOST_BYTES = 8 * 1024 * 1024;

async function manifestsOf(session: SshSession, folder: string): Promise<Map<string, BackupManifest>> {
  const { stdout } = await look(session, { script: manifestsScript, args: [folder] }, { maxBytes: MOST_BYTES });
  const found = new Map<string, BackupManifest>();
  for (const line of stdout.split('\n')) {
    const tab = line.indexOf('\t');
    if (tab < 0) continue;
    try {
      const manifest = BackupManifest.parse(JSON.parse(line.slice(tab + 1)));
      found.set(line.slice(0, tab).replace(/\.quarterdeck\.json$/, ''), manifest);
    } catch {
      // A manifest that can't be read says nothing: the backup stands without one.
    }
  }
  return found;
}

/** Backups that are files in a folder of the host, with manifests beside them. Nothing deletes them by itself. */
export function filesStore(options: {
  readonly environment: Environment;
  readonly folder: string;
  readonly kind: FileKind;
  readonly memory: BackupMemoryRows;
  session(): Promise<SshSession>;
}): BackupStore {
  const { environment, folder, kind, memory } = options;
  const needFolder = (): void => {
    if (folder === '')
      throw new Problem('bad-input', `${environment.name} does not say where its backups lie.`, {
        hint: 'Fill in the backup folder in the environment.',
      });
  };
  const manifestOf = async (name: string) => (await manifestsOf(await options.session(), folder)).get(name);

  return {
    folder,
    inspect: kind.inspect,
    async list() {
      needFolder();
      const session = await options.session();
      const entries = await session.files.list(folder).catch((error: unknown) => {
        // A folder that no backup has made yet is an empty one.
        if (error instanceof Problem && error.code === 'remote-file-missing') return [];
        throw error;
      });
      const manifests = entries.length === 0 ? new Map<string, BackupManifest>() : await manifestsOf(session, folder);
      const files = entries.filter(({ name, type }) => type === 'file' && kind.pattern.test(name) && BackupName.safeParse(name).success);
      const backups: StoredBackup[] = files.map(({ name, size, modifiedAt }) => {
        const manifest = manifests.get(name);
        if (manifest === undefined) return { name, sizeBytes: size, modifiedAt };
        const label = plainLine(manifest.facts['label'] ?? '', 100);
        return {
          name,
          sizeBytes: size,
          modifiedAt: manifest.madeAt,
          createdBy: plainLine(manifest.operator, 100),
          sha256: manifest.sha256,
          ...(label === '' ? {} : { label }),
          origin: {
            environmentName: plainLine(manifest.environmentName, 100),
            madeAt: manifest.madeAt,
            foreign: foreignBackup({ environment }, session, manifest, kind) !== undefined,
          },
        };
      });
      const there = new Set(files.map(({ name }) => name));
      for (const name of memory.copied(environment.id)) {
        const known = memory.recall(environment.id, name);
        const here = known?.localPath == null || !known.protected ? undefined : statSync(known.localPath, { throwIfNoEntry: false });
        if (there.has(name) || here?.isFile() !== true) continue;
        const checked = memory.verifications(environment.id, name)[0]?.at ?? 0;
        backups.push({ name, sizeBytes: here.size, modifiedAt: checked === 0 ? Math.round(here.mtimeMs) : checked, onHost: false });
      }
      return {
        backups,
        retention: {
          maxCount: null,
          maxDays: null,
          source: 'nothing deletes them by itself',
          removedByCleanup: [],
          removedByNextBackup: [],
        },
      };
    },
    async checkOnServer(name) {
      needFolder();
      const session = await options.session();
      const found = await kind.checkOnHost(session, posix.join(folder, name));
      const manifest = await manifestOf(name);
      const foreign = manifest === undefined ? undefined : foreignBackup({ environment }, session, manifest, kind);
      if (foreign !== undefined) return { ...found, valid: false, detail: foreign.message };
      if (found.valid && manifest !== undefined && found.sha256 !== undefined && found.sha256 !== manifest.sha256)
        return { ...found, valid: false, detail: `It was changed after it was made: its SHA-256 is not the manifest's. ${found.detail}` };
      return found;
    },
    async expectedHash(name) {
      needFolder();
      const manifest = await manifestOf(name);
      if (manifest !== undefined) return manifest.sha256;
      const there = await (await options.session()).files.stat(posix.join(folder, name));
      return there === undefined ? (memory.recall(environment.id, name)?.sha256 ?? undefined) : undefined;
    },
  };
}
