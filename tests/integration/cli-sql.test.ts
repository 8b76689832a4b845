import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SurveyFinding } from '../../src/contract/runs.ts';
import { Run } from '../../src/contract/runs.ts';
import { createCli } from '../support/cli.ts';
import { layMigrations, migratedSql } from '../support/migration-files.ts';
import { postgresUnavailable } from '../support/postgres.ts';
import type { SqlLab } from '../support/sql-lab.ts';
import { FAMILY, sqlStack, startSqlLab } from '../support/sql-lab.ts';
import { skipSsh } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

const name = 'Families production';
const why = postgresUnavailable();
if (why !== undefined) console.log(`skipped: ${why}`);

describe.skipIf(skipSsh() || why !== undefined)('statements and migrations on the command line', () => {
  let sshd: Sshd;
  let db: SqlLab;
  let home: string;
  let cli: ReturnType<typeof createCli>;
  const run = async (...args: string[]) => {
    const ended = await cli(['run', name, ...args, '--confirm', name, '--json']);
    return Run.parse(ended.json());
  };

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'quarterdeck-cli-'));
    [sshd, db] = await Promise.all([startSshd(), startSqlLab({ more: migratedSql })]);
    cli = createCli({ home });
    for (const folder of ['stacks', 'backups']) mkdirSync(join(home, folder));
    writeFileSync(join(home, 'stacks/family-app.yaml'), sqlStack);
    layMigrations(join(home, 'migrations'));
    const target = { host: sshd.host, port: sshd.port, user: sshd.user, auth: [{ kind: 'key', path: sshd.clientKey.path }] };
    const inputs = { ...db.inputs, migrations: join(home, 'migrations'), backup_dir: join(home, 'backups') };
    writeFileSync(join(home, 'profile.yaml'), JSON.stringify({ name, tier: 'production', ssh: { target }, stack: 'family-app', inputs }));
    expect((await cli(['env', 'add', '-f', join(home, 'profile.yaml')])).code).toBe(0);
    expect((await cli(['env', 'trust', name, '--fingerprint', sshd.hostKeys[0]?.fingerprint ?? ''])).code).toBe(0);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([sshd?.stop(), db?.postgres.stop()]);
    if (home !== undefined) rmSync(home, { recursive: true, force: true });
  });

  it('revokes the devices of a family: what it would affect, exactly that, and back', async () => {
    const before = await db.devices();
    const found = (await cli(['run', name, 'revoke-family-devices', '--survey', '--input', `family=${FAMILY}`, '--json'])).json<
      SurveyFinding[]
    >();
    const confirmed = found.find(({ input }) => input === 'confirmed')?.choices?.[0]?.value ?? '';
    expect(confirmed, JSON.stringify(found)).toMatch(/^4-[0-9a-f]{12}$/);
    expect(JSON.stringify(found)).not.toContain('canary-token');
    const inputs = ['--input', `family=${FAMILY}`, '--input', `confirmed=${confirmed}`];
    const shown = await cli(['run', name, 'revoke-family-devices', ...inputs]);
    expect(shown.code).toBe(2);
    expect(shown.stdout).toContain("UPDATE public.registered_devices SET status = 'revoked'");
    expect(shown.stdout).toContain('Phone 1');
    expect(await db.devices()).toBe(before);
    const done = await run('revoke-family-devices', ...inputs);
    expect(done.state, done.summary).toBe('succeeded');
    expect(await db.sql(`SELECT count(*) FROM registered_devices WHERE family_id = '${FAMILY}' AND status <> 'revoked'`)).toBe('0');
    // The same confirmation is no good a second time.
    const again = await cli(['run', name, 'revoke-family-devices', ...inputs, '--confirm', name]);
    expect(again.code).not.toBe(0);
    const reverted = await cli(['runs', 'revert', done.id, '--confirm', name, '--json']);
    expect(Run.parse(reverted.json()).state).toBe('reverted');
    expect(await db.devices()).toBe(before);
  });

  it('rolls a migration back after it was tried, and applies it again', async () => {
    const rows = () => db.sql('SELECT m::text FROM schema_migrations m ORDER BY 1');
    const before = await rows();
    const tried = await cli(['run', name, 'try-migration-down', '--input', 'expected=013', '--json']);
    expect(Run.parse(tried.json()).summary).toContain('column public.albums.owner text');
    expect(await rows()).toBe(before);
    const done = await run('migration-down', '--input', 'expected=013');
    expect(done.state, done.summary).toBe('succeeded');
    expect(await rows()).not.toContain('013');
    const again = await cli(['run', name, 'migration-down', '--input', 'expected=013', '--confirm', name]);
    expect(again.code).not.toBe(0);
    expect(again.stdout + again.stderr).toContain('newest migration is 012, not 013');
    const reverted = await cli(['runs', 'revert', done.id, '--confirm', name, '--json']);
    expect(Run.parse(reverted.json()).state).toBe('reverted');
    expect(await rows()).toBe(before);
  });
});
