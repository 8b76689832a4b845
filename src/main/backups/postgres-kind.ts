import { open } from 'node:fs/promises';
import { archiveVerdict } from '../stacks/actions/postgres/archive.ts';
import type { FileKind } from './files-store.ts';

/** Custom-format dumps of a database; the tools that look through them are where the server is. */
export const postgresKind = (where: { database: string; container: string; bin_dir: string }): FileKind => ({
  kind: 'postgres',
  source: where.database,
  pattern: /\.dump$/,
  checkOnHost: (session, path) => archiveVerdict(session, where, path),
  /** There need be no PostgreSQL on a laptop: what is told here is that the copy is the file that the host's tools can read through. */
  async inspect(path, bytes) {
    const file = await open(path, 'r');
    try {
      const head = (await file.read(Buffer.alloc(5), 0, 5, 0)).buffer.toString('latin1');
      return head === 'PGDMP'
        ? {
            valid: true,
            detail: `A dump in the custom format, ${bytes} bytes, its hash as on the host; it is read through on the host only.`,
          }
        : { valid: false, detail: 'It is not a dump in PostgreSQL’s custom format.' };
    } finally {
      await file.close();
    }
  },
});
