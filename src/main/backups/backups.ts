import { existsSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { isAbsolute, join, posix, resolve } from 'node:path';
import type { Backup, BackupList, BackupVerification, DownloadItem } from '../../contract/backups.ts';
import { BackupName } from '../../contract/backups.ts';
import type { Environment } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import type { Feed } from '../rpc/feed.ts';
import { createFeed } from '../rpc/feed.ts';
import { inputValue } from '../stack-inputs.ts';
import { friendlyFaceApi } from '../stacks/friendlyface/client.ts';
import type { BackupsDefinition } from '../stacks/schema.ts';
import type { FileKind } from './files-store.ts';
import { filesStore } from './files-store.ts';
import { friendlyFaceStore } from './friendlyface-store.ts';
import { checkLocally, fingerprint, sqliteVerdict } from './local-copy.ts';
import { postgresKind } from './postgres-kind.ts';
import { sqliteKind } from './sqlite-kind.ts';
import type { BackupStore, BackupVerdict, StoredBackup } from './store.ts';
import type { BackupsOptions } from './types.ts';

/** Contract `backups.*`: reading, checking and fetching. Making, restoring and deleting are runs. */
export interface Backups {
  list(input: { environmentId: string }): Promise<BackupList>;
  verify(input: { environmentId: string; name: string; method: 'server' | 'local' }): Promise<BackupVerification>;
  download(
    input: { environmentId: string; name: string; directory?: string | undefined },
    signal?: AbortSignal,
  ): Promise<Feed<DownloadItem>>;
}

/** Where one environment's backups are, resolved from its stack and inputs. */
interface Place {
  readonly environment: Environment;
  readonly store: BackupStore;
}

/** Makes the backups service. */
export function createBackups(options: BackupsOptions): Backups {
  const { memory, journal, clock, operator } = options;

  const place = async (environmentId: string): Promise<Place> => {
    const environment = await options.environments.get({ environmentId });
    const stack = options.stacks.get(environment.stack).definition;
    const { backups } = stack;
    if (backups === undefined) throw new Problem('not-supported', `The stack of ${environment.name} says nothing of backups.`);
    const input = (name: string | undefined): string => (name === undefined ? '' : inputValue(stack, environment.inputs, name));
    return { environment, store: storeOf(environment, backups, input) };
  };

  const storeOf = (environment: Environment, backups: BackupsDefinition, input: (name: string | undefined) => string): BackupStore => {
    const session = () => options.session(environment.id);
    const folder = input(backups.folder);
    const files = (kind: FileKind) => filesStore({ environment, folder, kind, memory, session });
    switch (backups.kind) {
      case 'friendlyface':
        return friendlyFaceStore({
          api: friendlyFaceApi({
            http: options.http(environment.id),
            baseUrl: input(backups.base_url),
            secret: () => options.secrets.read(environment.id, backups.secret),
          }),
          folder,
          envFile: input(backups.env_file),
          session,
          clock,
          inspect: (path, bytes) => sqliteVerdict(options.inspectSqlite, path, bytes),
        });
      case 'sqlite-files':
        return files(sqliteKind(input(backups.db), options.inspectSqlite));
      case 'postgres-archives':
        return files(
          postgresKind({ database: input(backups.database), container: input(backups.container), bin_dir: input(backups.bin_dir) }),
        );
    }
  };

  const fetchCopy = async (
    { environment, store: { folder } }: Place,
    name: string,
    target: string,
    more: { sha256: string | undefined; signal?: AbortSignal; progress?: (bytes: number, total: number) => void },
  ) => {
    if (folder === '')
      throw new Problem('bad-input', `${environment.name} does not say where its backups lie.`, {
        hint: 'Fill in the backup folder in the environment.',
      });
    const session = await options.session(environment.id);
    return session.files.download(posix.join(folder, name), target, {
      ...(more.sha256 === undefined ? {} : { sha256: more.sha256 }),
      ...(more.signal === undefined ? {} : { signal: more.signal }),
      ...(more.progress === undefined ? {} : { progress: ({ bytes, total }) => more.progress?.(bytes, total) }),
    });
  };

  /** The copy that was verified here and is protected, if it still lies there. */
  const verifiedHere = (environmentId: string, name: string): string | undefined => {
    const known = memory.recall(environmentId, name);
    return known?.protected === true && known.sha256 !== null ? known.sha256 : undefined;
  };

  return {
    async list({ environmentId }) {
      const { store } = await place(environmentId);
      const { backups, retention, statistics } = await store.list();
      return {
        at: clock(),
        backups: backups.map((row) => describe(environmentId, row)).sort((a, b) => b.modifiedAt - a.modifiedAt),
        statistics: statistics ?? counted(backups),
        retention,
      };
    },

    async verify({ environmentId, name, method }) {
      refuseHostile(name);
      const where = await place(environmentId);
      const found: BackupVerdict & { readonly sha256?: string; readonly localPath?: string } =
        method === 'server' ? await where.store.checkOnServer(name) : await local(where, name);
      const { valid, detail, sha256 } = found;
      const verification: BackupVerification = {
        method,
        at: clock(),
        by: operator,
        valid,
        detail,
        ...(sha256 === undefined ? {} : { sha256 }),
      };
      memory.verified({
        environmentId,
        name,
        method,
        at: verification.at,
        by: operator,
        valid,
        detail,
        ...(sha256 === undefined ? {} : { sha256 }),
      });
      if (found.localPath !== undefined && valid)
        memory.remember({ environmentId, name, localPath: found.localPath, protected: true, ...(sha256 === undefined ? {} : { sha256 }) });
      journal.append({
        kind: 'backup-verified',
        environmentId,
        summary: `Backup ${name} was checked (${method}): ${valid ? 'good' : 'BAD'}.`,
        data: { name, method, valid, detail, sha256: sha256 ?? null },
      });
      return verification;
    },

    async download({ environmentId, name, directory }, signal) {
      refuseHostile(name);
      const where = await place(environmentId);
      const folder = await targetFolder(directory, options.localFolder(environmentId));
      const target = join(folder, name);
      const stop = new AbortController();
      const feed = createFeed<DownloadItem>({
        capacity: 64,
        ...(signal === undefined ? {} : { signal }),
        intervalMs: 100,
        key: ({ kind }) => kind,
        onClose: () => stop.abort(),
      });
      const fetched = (async () => {
        const sha256 = await where.store.expectedHash(name);
        const kept = directory === undefined ? verifiedHere(environmentId, name) : undefined;
        const here = kept === undefined ? undefined : await fingerprint(target);
        if (here !== undefined && here.sha256 === sha256) return { ...here, resumedFrom: here.bytes };
        if (here !== undefined && here.sha256 === kept) {
          throw new Problem(
            'integrity-mismatch',
            `The deployment’s ${name} is not the one that was verified here before; the verified copy was not replaced.`,
            {
              hint: 'Download it to another folder to compare the two.',
            },
          );
        }
        return fetchCopy(where, name, target, {
          sha256,
          signal: stop.signal,
          progress: (bytes, totalBytes) => feed.push({ kind: 'progress', bytes, totalBytes }),
        });
      })();
      fetched.then(
        ({ bytes, sha256, resumedFrom }) => {
          try {
            if (directory === undefined) memory.remember({ environmentId, name, sha256, localPath: target });
            journal.append({
              kind: 'backup-downloaded',
              environmentId,
              summary: `Backup ${name} was downloaded.`,
              data: { name, path: target, bytes, sha256, resumedFrom },
            });
            feed.push({ kind: 'done', path: target, bytes, sha256, resumedFrom });
            feed.end();
          } catch (error) {
            feed.fail(error);
          }
        },
        (error: unknown) => {
          if (error instanceof Problem) feed.push({ kind: 'failed', problem: error.data });
          if (error instanceof Problem) feed.end();
          else feed.fail(error);
        },
      );
      return feed;
    },
  };

  async function local(where: Place, name: string) {
    const { id } = where.environment;
    const expected = await where.store.expectedHash(name);
    return checkLocally({
      inspect: where.store.inspect,
      folder: options.localFolder(id),
      name,
      expected,
      verified: verifiedHere(id, name),
      fetch: (target) => fetchCopy(where, name, target, { sha256: expected }),
    });
  }

  function describe(environmentId: string, row: StoredBackup): Backup {
    const { name } = row;
    const known = memory.recall(environmentId, name);
    const localPath = known?.localPath ?? null;
    const here = localPath !== null && existsSync(localPath);
    return {
      name,
      sizeBytes: row.sizeBytes,
      modifiedAt: row.modifiedAt,
      label: known?.label ?? row.label ?? null,
      createdBy: known?.createdBy ?? row.createdBy ?? null,
      sha256: row.sha256 ?? known?.sha256 ?? null,
      verifications: memory.verifications(environmentId, name),
      // A copy that was deleted by hand protects nothing.
      protected: known?.protected === true && here,
      localPath: here ? localPath : null,
      ...(row.origin === undefined ? {} : { origin: row.origin }),
      ...(row.onHost === undefined ? {} : { onHost: row.onHost }),
    };
  }
}

function counted(backups: readonly StoredBackup[]): BackupList['statistics'] {
  const times = backups.map(({ modifiedAt }) => modifiedAt);
  return {
    count: backups.length,
    totalBytes: backups.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    oldestAt: times.length === 0 ? null : Math.min(...times),
    newestAt: times.length === 0 ? null : Math.max(...times),
  };
}

/** The contract refuses such names already; this is the last line, because a path is made of them. */
function refuseHostile(name: string): void {
  if (!BackupName.safeParse(name).success) throw new Problem('bad-input', 'That is no file name of a backup.');
}

async function targetFolder(chosen: string | undefined, otherwise: string): Promise<string> {
  if (chosen === undefined) {
    await mkdir(otherwise, { recursive: true, mode: 0o700 });
    return otherwise;
  }
  const folder = isAbsolute(chosen) ? chosen : resolve(chosen);
  if ((await stat(folder).catch(() => undefined))?.isDirectory() !== true)
    throw new Problem('bad-input', `${folder} is not a folder.`, { hint: 'Make it first, or choose another.' });
  return folder;
}
