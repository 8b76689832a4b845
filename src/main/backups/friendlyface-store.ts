import { BackupName } from '../../contract/backups.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import { cleanText } from '../drivers/text.ts';
import { evicted, readRetention } from '../stacks/actions/friendlyface/retention.ts';
import type { FriendlyFaceApi } from '../stacks/friendlyface/client.ts';
import { whyInvalid } from '../stacks/friendlyface/problems.ts';
import type { BackupStore } from './store.ts';

/** Backups that the deployment lists and checks itself, over its HTTP API. */
export function friendlyFaceStore(options: {
  readonly api: FriendlyFaceApi;
  readonly folder: string;
  readonly envFile: string;
  session(): Promise<SshSession>;
  readonly clock: () => number;
  inspect: BackupStore['inspect'];
}): BackupStore {
  const { api, folder, envFile, clock } = options;
  return {
    folder,
    inspect: options.inspect,
    async list() {
      const [listed, stats, session] = await Promise.all([api.listBackups(), api.stats(), options.session()]);
      const retention = await readRetention(session, envFile);
      const now = clock();
      // A name that could not be a file of this folder is not offered: no other call would take it.
      const rows = listed.filter(({ filename }) => BackupName.safeParse(filename).success);
      return {
        backups: rows.map(({ filename, size_bytes, modified }) => ({ name: filename, sizeBytes: size_bytes, modifiedAt: modified })),
        statistics: {
          count: stats.total_count,
          totalBytes: stats.total_size_bytes,
          oldestAt: stats.oldest,
          newestAt: stats.newest,
        },
        retention: {
          maxCount: retention.count,
          maxDays: retention.days,
          source: `keeps ${retention.count}${retention.days === null ? '' : `, none older than ${retention.days} days`} (${retention.source}); enforced after every new backup`,
          removedByCleanup: evicted(rows, retention, 0, now),
          removedByNextBackup: evicted(rows, retention, 1, now),
        },
      };
    },
    /** It answers 200 whatever it found. */
    async checkOnServer(name) {
      const check = await api.verify(name);
      if (!check.valid) return { valid: false, detail: `The deployment says: ${whyInvalid(check)}` };
      const result = cleanText(check.integrity_result, { maxLength: 500 });
      // "valid" beside an integrity text that is not ok would be a contradiction: then it is not called good.
      return { valid: result === 'ok', detail: `The deployment's own check says: ${result}.`, sha256: check.checksum_sha256 };
    },
    async expectedHash(name) {
      const check = await api.verify(name);
      return check.valid ? check.checksum_sha256 : undefined;
    },
  };
}
