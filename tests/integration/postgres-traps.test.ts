import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OpenEngine } from '../support/engine-lab.ts';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import { postgresUnavailable } from '../support/postgres.ts';
import { forge, textIn } from '../support/postgres-archive.ts';
import type { ShopLab } from '../support/postgres-lab.ts';
import { postgresStack, startShop } from '../support/postgres-lab.ts';
import { scratch, skipSsh } from '../support/ssh-lab.ts';

// Whole operations over a real sshd: on a loaded machine they take their time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

describe.skipIf(skipSsh(postgresUnavailable()))('what must never be restored', () => {
  const room = scratch();
  let shop: ShopLab;
  let lab: OperationLab;
  let open: OpenEngine;
  let good = '';
  let before = '';
  const marker = room.path('marker');
  const at = (name: string) => join(shop.backupDir, name);
  const tool = (name: string, ...args: string[]) =>
    execFileSync(join(shop.pg.bin, name), ['-h', shop.pg.socketDir, '-p', String(shop.pg.port), '-U', 'postgres', ...args], {
      maxBuffer: 64 * 1024 * 1024,
    });
  const forged = (name: string, ...replacements: (readonly [string, string])[]) => forge(at(good), at(name), replacements);

  beforeAll(async () => {
    shop = await startShop(room.dir, { conf: ['wal_level = logical', 'max_prepared_transactions = 2'] });
    lab = await startOperationLab({ stackText: postgresStack.text, stackId: postgresStack.id, inputs: shop.inputs });
    open = await lab.open();
    good = (await open.run('create-backup')).steps[0]?.output['backup'] ?? '';
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
    await shop?.stop();
    room.close();
  });
  beforeEach(async () => {
    Object.assign(lab.handle.environment.inputs, shop.inputs);
    before = await shop.live();
  });

  /** Why the preflight stops it; nothing may have been touched, and a yes is not taken. */
  async function blocked(backup: string, without_manifest = 'accept'): Promise<string> {
    const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'restore-backup', inputs: { backup, without_manifest } });
    const preflight = await open.engine.preflight({ planId: plan.id });
    const items = preflight.items.filter(({ verdict }) => verdict === 'block');
    expect(preflight.items.filter(({ verdict }) => verdict === 'unknown')).toEqual([]);
    if (items.length > 0)
      expect(() => open.engine.confirm({ planId: plan.id, planHash: plan.hash, typedName: 'Shop production' })).toThrow(/./);
    expect(existsSync(marker)).toBe(false);
    expect(shop.calls()).toBe('');
    expect(await shop.live()).toBe(before);
    expect(await shop.databases()).toEqual(['shop']);
    return items.map(({ detail }) => detail).join(' ');
  }

  it('lets the good one through: the tests below could fail', async () => {
    copyFileSync(at(good), at('copy.dump'));
    expect(await blocked('copy.dump')).toBe('');
    expect(await blocked('copy.dump', 'refuse')).toMatch(/which environment/);
    expect(await blocked(good)).toBe('');
  });

  it('a plain dump cut in the middle of its rows, which psql restores “successfully”', async () => {
    const plain = tool('pg_dump', '-d', 'shop').toString();
    const cut = plain.slice(0, plain.indexOf('\n30\tcustomer 30') + 1);
    writeFileSync(at('plain.dump'), cut);
    // The trap is one: with everything psql offers against it, it says it went well.
    tool('createdb', 'trap');
    const psql = [
      '-X',
      '-q',
      '-d',
      'trap',
      '-v',
      'ON_ERROR_STOP=1',
      '-1',
      '-h',
      shop.pg.socketDir,
      '-p',
      String(shop.pg.port),
      '-U',
      'postgres',
    ];
    const restored = spawnSync(join(shop.pg.bin, 'psql'), psql, { input: cut, encoding: 'utf8' });
    tool('dropdb', 'trap');
    expect([restored.status, restored.stderr]).toEqual([0, '']);
    expect(await blocked('plain.dump')).toMatch(/custom format; it begins with “--.*plain SQL dump/);
  });

  it('plain dumps with commands for psql or another database in them', async () => {
    for (const [name, text] of [
      ['shell.dump', `\\! touch ${marker}\n`],
      ['connect.dump', '\\connect bank\nDROP TABLE x;\n'],
      ['use.dump', 'USE bank;\n'],
      ['empty.dump', ''],
    ] as const) {
      writeFileSync(at(name), text);
      expect(await blocked(name), name).toMatch(/not an archive in PostgreSQL’s custom format/);
    }
    // `pg_dump … | gzip` exits with 0 when pg_dump has failed.
    writeFileSync(at('gzip.dump'), gzipSync(''));
    expect(await blocked('gzip.dump')).toMatch(/custom format/);
  });

  it('an archive that was cut, wherever', async () => {
    const whole = readFileSync(at(good)).length;
    for (const keep of [3, 200, Math.floor(whole / 2), whole - 1]) {
      copyFileSync(at(good), at('cut.dump'));
      truncateSync(at('cut.dump'), keep);
      expect(await blocked('cut.dump'), `${keep} of ${whole} bytes`).toMatch(/cut off|custom format/);
    }
    copyFileSync(at(good), at('listed.dump'));
    truncateSync(at('listed.dump'), whole - 20);
    // The trap is one: its list of contents is whole.
    expect(tool('pg_restore', '-l', at('listed.dump')).toString()).toContain('TABLE DATA');
  });

  it('an archive with other bytes than it was made with', async () => {
    const bytes = readFileSync(at(good));
    const middle = Math.floor(bytes.length * 0.7);
    bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
    writeFileSync(at('flipped.dump'), bytes);
    copyFileSync(at(`${good}.quarterdeck.json`), at('flipped.dump.quarterdeck.json'));
    expect(await blocked('flipped.dump')).toMatch(/cut off or damaged|not what was backed up/);
  });

  it('archives that run commands, programs, or act on other databases and roles', async () => {
    const comment = textIn(at(good), /COMMENT ON TABLE public\.orders IS 'What was ordered';\n/);
    const copy = textIn(at(good), /COPY public\.orders [^;]*;\n/);
    const table = textIn(at(good), /CREATE TABLE public\.empty \(\n\);\n/);
    const cases: readonly (readonly [string, RegExp, readonly [string, string]])[] = [
      ['psql', /command for psql/, [comment, `\\! touch ${marker}\n`]],
      ['connect', /command for psql/, [comment, '\\connect bank\n']],
      ['program', /run a program/, [copy, `COPY public.orders FROM PROGRAM 'touch ${marker}';\n`]],
      ['program-in-table', /run a program/, [table, `CREATE TABLE public.empty (); COPY public.empty FROM PROGRAM 'touch ${marker}';\n`]],
      ['rename', /by its name/, [comment, 'ALTER DATABASE shop RENAME TO gone;\n']],
      ['role', /another role/, [comment, 'RESET SESSION AUTHORIZATION;\n']],
      ['hidden', /by its name/, [table, 'CREATE TABLE public.empty ();\n-- $$\nDROP DATABASE shop; -- $$\n']],
      ['do', /pg_dump does not write/, [comment, "DO $x$ BEGIN EXECUTE 'ALTER ROLE shop SUPERUSER'; END $x$;\n"]],
    ];
    for (const [name, why, replacement] of cases) {
      forged(`${name}.dump`, replacement);
      expect(await blocked(`${name}.dump`), name).toMatch(why);
    }
  });

  it('cannot run a program even where nothing looked: the role of a restore may not', async () => {
    forged('direct.dump', [textIn(at(good), /COPY public\.orders [^;]*;\n/), `COPY public.orders FROM PROGRAM 'touch ${marker}';\n`]);
    await shop.pg.sql('CREATE DATABASE direct OWNER shop; ');
    const args = [
      '-h',
      shop.pg.socketDir,
      '-p',
      String(shop.pg.port),
      '-U',
      'shop',
      '-d',
      'direct',
      '--exit-on-error',
      '--single-transaction',
    ];
    const ended = spawnSync(join(shop.pg.bin, 'pg_restore'), [...args, at('direct.dump')], { encoding: 'utf8' });
    expect(ended.status).not.toBe(0);
    expect(ended.stderr).toMatch(/COPY to or from an external program|permission denied/);
    expect(existsSync(marker)).toBe(false);
    await shop.pg.sql('DROP DATABASE direct');
  });

  it('an archive of another database, of another environment, or of a newer PostgreSQL', async () => {
    forged('bank.dump', ['shop', 'bank']);
    expect(await blocked('bank.dump')).toMatch(/made of the database bank, not of shop/);

    copyFileSync(at(good), at('other.dump'));
    const manifest = JSON.parse(readFileSync(at(`${good}.quarterdeck.json`), 'utf8'));
    writeFileSync(
      at('other.dump.quarterdeck.json'),
      JSON.stringify({ ...manifest, environment: 'env-9', environmentName: 'Shop staging', host: 'SHA256:x' }),
    );
    expect(await blocked('other.dump')).toMatch(/another environment, Shop staging/);
    writeFileSync(at('other.dump.quarterdeck.json'), JSON.stringify({ ...manifest, source: 'bank' }));
    expect(await blocked('other.dump')).toMatch(/of bank/);

    const version = textIn(at(good), /1\d\.\d+ \(Debian[^)]*\)|1\d\.\d+(?= )/);
    forged('newer.dump', [version, version.replace(/^\d+/, '99')]);
    expect(await blocked('newer.dump')).toMatch(/PostgreSQL 99; this server is/);
    const bytes = readFileSync(at(good));
    bytes[6] = 99;
    writeFileSync(at('format.dump'), bytes);
    expect(await blocked('format.dump')).toMatch(/newer pg_dump.*unsupported version/);
  });

  it('definitions without rows, rows without definitions, and what reaches beyond one database', async () => {
    for (const contents of ['schema', 'data']) {
      const run = await open.run(`backup-${contents}`);
      expect(run.state, run.summary).toBe('succeeded');
      expect(await blocked(run.steps[0]?.output['backup'] ?? '')).toMatch(contents === 'schema' ? /definitions only/ : /rows only/);
    }
    await shop.pg.sql(
      `CREATE FUNCTION public.spy() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER spy ON ddl_command_start EXECUTE FUNCTION public.spy();`,
      'shop',
    );
    tool('pg_dump', '-Fc', '-d', 'shop', '-f', at('event.dump'));
    await shop.pg.sql('DROP EVENT TRIGGER spy; DROP FUNCTION public.spy();', 'shop');
    expect(await blocked('event.dump')).toMatch(/event trigger - spy/);
  });

  it('a superuser as the role of the restore', async () => {
    lab.handle.environment.inputs['restore_role'] = '';
    expect(await blocked(good)).toMatch(/postgres is a superuser/);
    lab.handle.environment.inputs['restore_role'] = 'trickster';
    await shop.pg.sql('CREATE ROLE trickster LOGIN IN ROLE pg_execute_server_program');
    expect(await blocked(good)).toMatch(/may become pg_execute_server_program/);
    await shop.pg.sql('DROP ROLE trickster');
  });

  it('a database that can’t be renamed: a prepared transaction, a slot', async () => {
    await shop.pg.sql(`SELECT pg_create_physical_replication_slot('any')`);
    expect(await blocked(good)).toBe('');
    await shop.pg.sql(`SELECT pg_drop_replication_slot('any')`);
    await shop.pg.sql(`SELECT pg_create_logical_replication_slot('mirror', 'pgoutput')`, 'shop');
    expect(await blocked(good)).toMatch(/replication slot mirror/);
    await shop.pg.sql(`SELECT pg_drop_replication_slot('mirror')`);
    await shop.pg.sql(`BEGIN; UPDATE public.customers SET note = note; PREPARE TRANSACTION 'half'`, 'shop');
    expect(await blocked(good)).toMatch(/prepared transaction half/);
    await shop.pg.sql(`ROLLBACK PREPARED 'half'`, 'shop');
  });

  describe('tools that say “complete” and did nothing', () => {
    /** A folder of the server's tools in which one is another. */
    function shim(name: string, text: string): void {
      const dir = room.path(`shim-${name}`);
      rmSync(dir, { recursive: true, force: true });
      mkdirSync(dir);
      for (const one of ['psql', 'pg_dump', 'pg_restore']) {
        writeFileSync(join(dir, one), `#!/bin/sh\n${one === name ? text : ''}\nexec ${join(shop.pg.bin, one)} "$@"\n`);
        chmodSync(join(dir, one), 0o755);
      }
      lab.handle.environment.inputs['bin_dir'] = dir;
    }

    it('pg_dump: no backup is believed, and none is left', async () => {
      const dumps = shop.dumps();
      shim('pg_dump', 'case "$*" in *-Fc*) echo "dump complete"; exit 0 ;; esac');
      const run = await open.run('create-backup');
      expect(run.state).toBe('failed');
      expect(run.summary).toMatch(/can’t be read through/);
      shim('pg_dump', `case "$*" in *-Fc*) ${join(shop.pg.bin, 'pg_dump')} "$@"; exit 1 ;; esac`);
      expect((await open.run('create-backup')).summary).toMatch(/pg_dump or the count of the tables failed/i);
      expect(shop.dumps()).toEqual(dumps);
    });

    it('pg_restore: nothing is stopped, and the new database is dropped again', async () => {
      shim('pg_restore', 'case "$*" in *"-d "*) cat >/dev/null; echo "Restore complete"; exit 0 ;; esac');
      const run = await open.run('restore-backup', { backup: good });
      expect(run.summary).toMatch(/is not what went in: .*public\.customers is missing/);
      expect(run.state).toBe('failed');
      expect(shop.calls()).toBe('');
      expect(await shop.live()).toBe(before);
      const reverted = await open.engine.settled((await open.engine.revert({ runId: run.id, typedName: 'Shop production' })).id);
      expect(reverted.state).toBe('reverted');
      expect(await shop.databases()).toEqual(['shop']);
    });

    it('psql: a swap that was not seen is none', async () => {
      shim('psql', 'case "$*" in *comment=*put_aside*) cat >/dev/null; exit 0 ;; esac');
      const run = await open.run('restore-backup', { backup: good });
      expect(run.summary).toMatch(/said it was done, and is not seen/);
      const reverted = await open.engine.settled((await open.engine.revert({ runId: run.id, typedName: 'Shop production' })).id);
      expect(reverted.state).toBe('reverted');
      expect(await shop.live()).toBe(before);
      expect(await shop.databases()).toEqual(['shop']);
      writeFileSync(join(shop.controlDir, 'calls'), '');
    });
  });
});
