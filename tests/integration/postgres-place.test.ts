import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { SshSession } from '../../src/main/drivers/ssh/types.ts';
import type { PgPlace } from '../../src/main/stacks/actions/postgres/place.ts';
import { pgPlaceInput, pgQuery } from '../../src/main/stacks/actions/postgres/place.ts';
import type { Postgres } from '../support/postgres.ts';
import { postgresUnavailable, startPostgres } from '../support/postgres.ts';
import { connectTo, skipSsh } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

describe.skipIf(skipSsh(postgresUnavailable()))('a PostgreSQL server on the host', () => {
  let pg: Postgres;
  let sshd: Sshd;
  let session: SshSession;
  let place: PgPlace;
  const secrets: Record<string, string> = {};
  const reach = { session: async () => session, secret: async (key: string) => secrets[key] ?? '' };
  const parse = (more: Record<string, unknown>) => z.strictObject(pgPlaceInput).parse({ database: 'postgres', ...more });

  beforeAll(async () => {
    [pg, sshd] = await Promise.all([startPostgres(), startSshd()]);
    session = await connectTo(sshd);
    place = parse({ pg_host: pg.socketDir, pg_port: pg.port, bin_dir: pg.bin });
  }, 60_000);
  afterAll(async () => {
    await session?.close();
    await sshd?.stop();
    await pg?.stop();
  });
  /** Files of this kind that hold a text; others' scripts may be at work at the same time. */
  const leftWith = (text: string) =>
    ['/dev/shm', tmpdir()]
      .filter((dir) => existsSync(dir))
      .flatMap((dir) =>
        readdirSync(dir)
          .filter((name) => name.startsWith('quarterdeck-pg.'))
          .map((name) => join(dir, name, 'pass'))
          .filter((file) => {
            try {
              return readFileSync(file, 'utf8').includes(text);
            } catch {
              // It went meanwhile, or is another account's.
              return false;
            }
          }),
      );

  it('gives typed rows; a value is data, whatever it is made of', async () => {
    const hostile = `'; DROP TABLE x; -- "$(touch /tmp/never)" \\! \`id\` \n:"y" :'z'`;
    const rows = await pgQuery(reach, place, {
      sql: `SELECT :'text' AS text, 1 AS one, NULL AS nothing, current_setting('transaction_read_only') AS ro, current_setting('application_name') AS app`,
      params: { text: hostile },
      row: z.strictObject({ text: z.string(), one: z.literal(1), nothing: z.null(), ro: z.literal('on'), app: z.literal('quarterdeck') }),
    });
    expect(rows).toHaveLength(1);
    expect(rows[0]?.text).toBe(hostile);
  });

  it('says what the server said, and takes no answer of another shape', async () => {
    await expect(pgQuery(reach, place, { sql: 'SELECT nothing_here', row: z.unknown() })).rejects.toThrow(/nothing_here/);
    await expect(pgQuery(reach, place, { sql: 'SELECT 1 AS a', row: z.strictObject({ b: z.string() }) })).rejects.toThrow(
      /could not be read/,
    );
    await expect(
      pgQuery(reach, { ...place, bin_dir: '/nonexistent', database: 'nowhere' }, { sql: 'SELECT 1', row: z.unknown() }),
    ).rejects.toThrow(/nowhere/);
  });

  it('hands the password over in a file of its own, which goes with it', async () => {
    const mark = randomBytes(8).toString('hex');
    secrets['db'] = `can\\a:ry-${mark}`;
    await pg.sql(`CREATE ROLE app LOGIN PASSWORD '${secrets['db']}'`);
    const tcp = { ...place, pg_host: '127.0.0.1', pg_user: 'app', password_secret: 'db' };
    const row = z.strictObject({ who: z.string() });
    const sql = `SELECT current_user AS who`;
    expect(await pgQuery(reach, tcp, { sql, row })).toEqual([{ who: 'app' }]);
    secrets['db'] = `wrong-${mark}`;
    await expect(pgQuery(reach, tcp, { sql, row })).rejects.toThrow(/password authentication failed/);
    expect(leftWith(mark)).toEqual([]);
  });
});
