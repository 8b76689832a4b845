// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the stack format look like that
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canaryFiles } from '../support/canary.ts';
import type { OpenEngine } from '../support/engine-lab.ts';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import type { ServiceLab } from '../support/service-lab.ts';
import { servicesUnavailable, startServiceLab } from '../support/service-lab.ts';
import { scratch, skipSsh } from '../support/ssh-lab.ts';

const where = "kind: compose, project_dir: '${inputs.project_dir}', service: web, env_file: '${inputs.env_file}', variable: GREETING";
const stackText = `stack: greeter
version: 1
title: Greeter
description: A container that is given a key by its environment file.
inputs:
  - { name: project_dir, title: Project, type: path, required: true }
  - { name: env_file, title: Environment file, type: path, required: true }
secrets:
  - { key: greeting, title: What it is given, required: true }
runbooks:
  - id: rotate
    title: Rotate
    description: One value, and its container made anew.
    on_failure: revert
    steps:
      - { id: stage, action: rotation.stage@1, with: { key: greeting } }
      - { id: ready, action: service.reload-on-return@1, with: { ${where} } }
      - { id: set, action: envfile.set-secret@1, with: { path: '\${inputs.env_file}', variable: GREETING, key: greeting, slot: pending } }
      - { id: load, action: service.reload-env@1, with: { ${where} } }
      - { id: promote, action: rotation.promote@1, with: { key: greeting } }
  - id: restart-only
    title: Set and restart
    description: What a runbook on paper says, and what does not work.
    steps:
      - { id: set, action: envfile.set-secret@1, with: { path: '\${inputs.env_file}', variable: GREETING, key: greeting, slot: pending } }
      - { id: restart, action: service.restart@1, with: { kind: compose, project_dir: '\${inputs.project_dir}', service: web } }
`;
const typedName = 'Shop production';
const skipped = servicesUnavailable();
if (skipped !== undefined) console.log(`skipped: ${skipped}`);

// An engine that makes containers anew takes its time on a machine that is at something else too.
describe.skipIf(skipSsh() || skipped !== undefined)('a key in the environment of a container', { timeout: 240_000 }, () => {
  const room = scratch();
  let services: ServiceLab;
  let lab: OperationLab;
  let open: OpenEngine;
  beforeAll(async () => {
    services = await startServiceLab(room.path('lab'));
    lab = await startOperationLab({
      stackText,
      stackId: 'greeter',
      inputs: { project_dir: services.project, env_file: `${services.project}/.env` },
      secrets: { greeting: 'hello' },
      variables: services.variables,
    });
    open = await lab.open();
    await services.compose('up', '-d');
    await services.serves('v2');
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
    await services?.stop();
    room.close();
  });
  const env = () => readFileSync(`${services.project}/.env`, 'utf8');
  const greeting = async () => services.get('/greeting');
  const settle = async (value: string) => {
    while ((await greeting()) !== value) await new Promise((resolve) => setTimeout(resolve, 50));
  };

  it('is proven changed in the container that was made anew, and changed back by a revert; nothing of it stays in a job', async () => {
    const before = env();
    const id = await services.compose('ps', '-q', 'web');
    const done = await open.run('rotate');
    expect(done.state, `${done.summary} ${JSON.stringify(done.steps)}`).toBe('succeeded');
    const now = await open.slots.read('greeting', 'current');
    await settle(now);
    expect(await services.compose('ps', '-q', 'web')).not.toBe(id);
    expect(env()).toBe(before.replace('hello', now));
    expect(canaryFiles(lab.sshd.stateHome, [now])).toEqual([]);
    expect(JSON.stringify([done, open.journal.list({ limit: 1000 })])).not.toContain(now);
    const reverted = await open.engine.settled((await open.engine.revert({ runId: done.id, typedName })).id);
    expect(reverted.state, reverted.summary).toBe('reverted');
    expect(env()).toBe(before);
    await settle('hello');
  });

  it('a restart does not load it: what runs is seen to have another value than the file', async () => {
    await open.slots.stage('greeting', 'next-value');
    const run = await open.run('restart-only');
    expect(run.state, run.summary).toBe('succeeded');
    await settle('hello');
    const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'rotate', inputs: {} });
    const { items } = await open.engine.preflight({ planId: plan.id });
    expect(items.find(({ id }) => id === 'load-environment')).toMatchObject({
      verdict: 'warn',
      detail: expect.stringContaining('another GREETING than the file'),
    });
    const reverted = await open.engine.settled((await open.engine.revert({ runId: run.id, typedName })).id);
    expect(reverted.state, reverted.summary).toBe('reverted');
    await open.slots.discard('greeting', 'pending', (await open.slots.status('greeting')).pending ?? '');
  });

  it('a file that a container has mounted as one file is seen to be, and written in place: the container sees the new value', async () => {
    const before = env();
    const inode = statSync(`${services.project}/.env`).ino;
    await services.engine.docker(
      ...['run', '--detach', '--name', 'reader', '--network', 'none', '--volume', `${services.project}/.env:/given:ro`],
      ...[services.engine.image, '/bin/busybox', 'sleep', '100000'],
    );
    try {
      const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'rotate', inputs: {} });
      const { items } = await open.engine.preflight({ planId: plan.id });
      expect(items.find(({ id }) => id === 'set-env-file')?.detail).toContain('in place because it is mounted as one file');
      const done = await open.run('rotate');
      expect(done.state, `${done.summary} ${JSON.stringify(done.steps)}`).toBe('succeeded');
      const now = await open.slots.read('greeting', 'current');
      expect(statSync(`${services.project}/.env`).ino).toBe(inode);
      expect(await services.engine.docker('exec', 'reader', '/bin/busybox', 'cat', '/given')).toContain(now);
      const reverted = await open.engine.settled((await open.engine.revert({ runId: done.id, typedName })).id);
      expect(reverted.state, reverted.summary).toBe('reverted');
      expect(env()).toBe(before);
      expect(await services.engine.docker('exec', 'reader', '/bin/busybox', 'cat', '/given')).toContain('hello');
    } finally {
      await services.engine.docker('rm', '--force', 'reader');
      writeFileSync(`${services.project}/.env`, before);
    }
  });
});
