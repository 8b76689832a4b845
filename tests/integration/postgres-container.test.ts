import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DockerEngine } from '../support/docker-engine.ts';
import { dockerUnavailable, startDockerEngine } from '../support/docker-engine.ts';
import type { OpenEngine } from '../support/engine-lab.ts';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import { findPostgres, postgresUnavailable } from '../support/postgres.ts';
import type { PostgresContainer } from '../support/postgres-container.ts';
import { startPostgresContainer } from '../support/postgres-container.ts';
import type { ShopService } from '../support/postgres-lab.ts';
import { postgresStack, shopService, shopSql } from '../support/postgres-lab.ts';
import { scratch, skipSsh } from '../support/ssh-lab.ts';

// Whole operations over a real sshd: on a loaded machine they take their time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

describe.skipIf(skipSsh(postgresUnavailable() ?? dockerUnavailable()))('PostgreSQL in a container', () => {
  const room = scratch();
  let engine: DockerEngine;
  let pg: PostgresContainer;
  let lab: OperationLab;
  let open: OpenEngine;
  let service: ShopService;
  beforeAll(async () => {
    engine = await startDockerEngine();
    pg = await startPostgresContainer(engine, findPostgres() as string);
    await pg.sql('CREATE ROLE shop LOGIN CREATEDB');
    await pg.sql('CREATE ROLE reader');
    await pg.sql('CREATE DATABASE shop OWNER shop');
    await pg.sql(`SET ROLE shop; ${shopSql}`, 'shop');
    mkdirSync(room.path('backups'));
    service = shopService(room.path('service'));
    service.start();
    lab = await startOperationLab({
      stackText: postgresStack.text,
      stackId: postgresStack.id,
      variables: { DOCKER_HOST: engine.host },
      inputs: {
        container: pg.name,
        pg_host: '/tmp',
        pg_user: 'postgres',
        bin_dir: pg.bin,
        database: 'shop',
        restore_role: 'shop',
        backup_dir: room.path('backups'),
        control: service.control,
      },
    });
    open = await lab.open();
  }, 180_000);
  afterAll(async () => {
    await lab?.close();
    service?.stop();
    await engine?.stop();
    room.close();
  }, 60_000);
  const live = () =>
    pg.sql(
      `SELECT (SELECT oid FROM pg_database WHERE datname = 'shop'), (SELECT md5(string_agg(o::text, '|' ORDER BY id)) FROM orders o), (SELECT count(*) FROM customers)`,
      'shop',
    );

  it('backs up to the host’s side, restores, verifies, and goes back; nothing is left in the container', async () => {
    const made = await open.run('create-backup');
    expect(made.summary).toContain('is on this laptop');
    const backup = made.steps[0]?.output['backup'] ?? '';
    // The file lies on the host, and is whole: the host's own tool reads it.
    execFileSync(`${pg.bin}/pg_restore`, ['-f', '/dev/null', room.path(`backups/${backup}`)]);
    const asBackedUp = await live();
    await pg.sql('DELETE FROM orders', 'shop');
    const damaged = await live();
    const run = await open.run('restore-backup', { backup });
    expect(run.summary).toContain('Done');
    expect(run.state).toBe('succeeded');
    expect((await live()).replace(/^\d+/, '')).toBe(asBackedUp.replace(/^\d+/, ''));
    const reverted = await open.engine.settled((await open.engine.revert({ runId: run.id, typedName: 'Shop production' })).id);
    expect(reverted.summary).toContain('Reverted');
    expect(await live()).toBe(damaged);
    expect(service.running()).toBe(true);
    expect(await engine.docker('exec', pg.name, '/bin/sh', '-c', 'echo /dev/shm/quarterdeck-pg.* /tmp/quarterdeck-pg.*')).toBe(
      '/dev/shm/quarterdeck-pg.* /tmp/quarterdeck-pg.*',
    );
    expect(readdirSync(room.path('backups')).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('refuses a dump for psql before anything stops, and no program of it runs in the container', async () => {
    writeFileSync(room.path('backups/evil.dump'), '\\! touch /tmp/marker\n');
    const plan = open.engine.plan({
      environmentId: 'env-1',
      runbook: 'restore-backup',
      inputs: { backup: 'evil.dump', without_manifest: 'accept' },
    });
    const preflight = await open.engine.preflight({ planId: plan.id });
    expect(preflight.items.find(({ verdict }) => verdict === 'block')?.detail).toMatch(/custom format/);
    await expect(engine.docker('exec', pg.name, '/bin/sh', '-c', 'cat /tmp/marker')).rejects.toThrow(/No such file/);
  });
});
