import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OpenEngine } from '../support/engine-lab.ts';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import type { ServiceLab } from '../support/service-lab.ts';
import { servicesUnavailable, startServiceLab, writeControl, writeImage } from '../support/service-lab.ts';
import { scratch, skipSsh } from '../support/ssh-lab.ts';

const stackText = readFileSync(fileURLToPath(new URL('../support/stacks/services.yaml', import.meta.url)), 'utf8');
const typedName = 'Shop production';
const skipped = servicesUnavailable();
if (skipped !== undefined) console.log(`skipped: ${skipped}`);

describe.skipIf(skipSsh())('a process with a control', () => {
  const room = scratch();
  let lab: OperationLab | undefined;
  const kill = (): void => {
    try {
      process.kill(Number(readFileSync(room.path('pid'), 'utf8')), 'SIGKILL');
    } catch {
      // It is gone already.
    }
  };
  afterEach(async () => {
    await lab?.close();
    lab = undefined;
    kill();
    room.close();
  });
  const open = async (options: Parameters<typeof writeControl>[1] = {}): Promise<OpenEngine> => {
    const control = writeControl(room.path(''), options);
    lab = await startOperationLab({ stackText, stackId: 'services', inputs: { control } });
    return lab.open();
  };

  it('starts, restarts as another process, stops, and each way back', async () => {
    const { run, engine } = await open();
    const started = await run('start-process');
    expect(started).toMatchObject({ state: 'succeeded' });
    const pid = started.steps[0]?.output['pid'];
    expect(pid).toMatch(/^\d+$/);
    const restarted = await run('restart-process');
    expect(restarted).toMatchObject({ state: 'succeeded' });
    expect(restarted.steps[0]?.output['pid']).not.toBe(pid);
    const stopped = await run('stop-process');
    expect(stopped).toMatchObject({ state: 'succeeded', summary: 'Done. Stopped: its process is gone.' });
    const back = await engine.settled((await engine.revert({ runId: stopped.id, typedName })).id);
    expect(back.state).toBe('reverted');
    expect((await run('restart-process')).state).toBe('succeeded');
    const away = await engine.settled((await engine.revert({ runId: started.id })).id);
    expect(away.state).toBe('reverted');
    expect((await run('stop-process')).steps[0]?.observed).toBe('The service did not run.');
  });

  it('that ignores being told to end: said so, and not killed', async () => {
    const { run } = await open({ onTerm: 'ignore' });
    await run('start-process');
    const pid = Number(readFileSync(room.path('pid'), 'utf8'));
    const stopped = await run('stop-process');
    expect(stopped.state).toBe('failed');
    expect(stopped.summary).toContain('not stopped; nothing was killed');
    expect(() => process.kill(pid, 0)).not.toThrow();
  });

  it('whose control says “started” with exit code 0 and starts nothing: not believed', async () => {
    const { run } = await open();
    writeFileSync(room.path('broken'), '');
    const started = await run('start-process');
    expect(started.state).toBe('failed');
    expect(started.summary).toMatch(/not running|does not run/);
  });
});

describe.skipIf(skipSsh() || skipped !== undefined)('containers and compose', { timeout: 180_000 }, () => {
  const room = scratch();
  let services: ServiceLab;
  let lab: OperationLab;
  let open: OpenEngine;
  beforeAll(async () => {
    mkdirSync(room.path(''), { recursive: true });
    services = await startServiceLab(room.path(''));
    lab = await startOperationLab({
      stackText,
      stackId: 'services',
      inputs: { base_url: services.baseUrl, project_dir: services.project, container: 'shop', env_file: `${services.project}/.env` },
      variables: services.variables,
    });
    open = await lab.open();
  }, 120_000);
  afterEach(async () => {
    const ids = await services.engine.docker('ps', '--all', '--quiet');
    if (ids !== '') await services.engine.docker('rm', '--force', ...ids.split('\n'));
  });
  afterAll(async () => {
    await lab?.close();
    await services?.stop();
    room.close();
  });
  const runContainer = (image: string, ...options: string[]) =>
    services.engine.docker(
      ...['run', '--detach', '--name', 'shop', '--network', 'host', '--env', `PORT=${services.port}`, ...options, image],
    );
  const inspect = async (name: string) => JSON.parse(await services.engine.docker('inspect', '--format', '{{json .State}}', name));

  it('container: stop is graceful and told with its exit code, revert starts the same one, restart is another life of it', async () => {
    const id = await runContainer('shop-web:v1');
    await services.serves('v1');
    const stopped = await open.run('stop-container');
    expect(stopped).toMatchObject({ state: 'succeeded' });
    expect(stopped.summary).toContain('ended with exit code 0');
    expect(stopped.steps[0]?.output).toMatchObject({ containers: id, graceful: 'yes' });
    const back = await open.engine.settled((await open.engine.revert({ runId: stopped.id, typedName })).id);
    expect(back.state).toBe('reverted');
    await services.serves('v1');
    const before = await inspect('shop');
    const restarted = await open.run('restart-container');
    expect(restarted.summary).toContain('healthy 3 times in a row');
    expect((await inspect('shop')).StartedAt).not.toBe(before.StartedAt);
    expect(restarted.steps[0]?.output['instance']).toContain(id);
  });

  it('container that does not end when asked: failed with words and alive; only the runbook that says so kills it, and says that it did', async () => {
    await services.build('stubborn', 'stubborn', 'stubborn');
    await runContainer('shop-web:stubborn');
    await services.serves('stubborn');
    const stopped = await open.run('stop-container');
    expect(stopped.state).toBe('failed');
    expect(stopped.summary).toContain('still runs after its time; it was not killed');
    expect(await services.get('/version')).toBe('stubborn');
    const killed = await open.run('kill-container');
    expect(killed.state).toBe('succeeded');
    expect(killed.summary).toContain('not gracefully: container shop was killed, exit code 137 (SIGKILL)');
    expect(killed.steps[0]?.output['graceful']).toBe('no');
  });

  it('container that crashes again and again: running between two crashes is not running; stopping it ends the loop', async () => {
    await runContainer('shop-web:crash', '--restart', 'always');
    const restarted = await open.run('restart-container');
    expect(restarted.state).toBe('failed');
    expect(restarted.summary).toMatch(/does not run|restarts by itself/);
    const stopped = await open.run('stop-container');
    expect(stopped.state, stopped.summary).toBe('succeeded');
    expect(await inspect('shop')).toMatchObject({ Running: false, Restarting: false });
  });

  it('a container that is not there is refused before anything is done', async () => {
    const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'stop-container', inputs: {} });
    const preflight = await open.engine.preflight({ planId: plan.id });
    expect(preflight.ok).toBe(false);
    expect(preflight.items.find(({ id }) => id === 'stop-service')).toMatchObject({
      verdict: 'block',
      detail: 'container shop: not there.',
    });
  });

  it('compose: made and started, stopped in the order of their needs, restarted; each way back', async () => {
    const started = await open.run('start-compose');
    expect(started.state, started.summary).toBe('succeeded');
    await services.serves('v2');
    const stopped = await open.run('stop-compose');
    expect(stopped.state, stopped.summary).toBe('succeeded');
    const [web, db] = [await inspect('shop_web_1'), await inspect('shop_db_1')];
    expect([web.Running, db.Running]).toEqual([false, false]);
    expect(web.FinishedAt < db.FinishedAt).toBe(true);
    const ids = await services.compose('ps', '-q');
    const back = await open.engine.settled((await open.engine.revert({ runId: stopped.id, typedName })).id);
    expect(back.state, back.summary).toBe('reverted');
    await services.serves('v2');
    expect(await services.compose('ps', '-q')).toBe(ids);
    const restarted = await open.run('restart-compose');
    expect(restarted.state, restarted.summary).toBe('succeeded');
    expect((await inspect('shop_web_1')).StartedAt > web.FinishedAt).toBe(true);
  });

  it('compose: a file that is not valid stops everything with compose’s own words; it is not “no services”', async () => {
    await open.run('start-compose');
    const good = readFileSync(`${services.project}/docker-compose.yml`, 'utf8');
    writeFileSync(`${services.project}/docker-compose.yml`, good.replace('services:', 'services:\n  web: {'));
    try {
      const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'stop-compose', inputs: {} });
      const preflight = await open.engine.preflight({ planId: plan.id });
      expect(preflight.ok).toBe(false);
      expect(JSON.stringify(preflight.items)).toContain('the compose file is not valid');
    } finally {
      writeFileSync(`${services.project}/docker-compose.yml`, good);
    }
    expect((await inspect('shop_web_1')).Running).toBe(true);
  });

  it('compose: an image that is not on the host blocks a start, because it would be pulled', async () => {
    await services.engine.docker('rmi', 'shop-web:live');
    try {
      const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'start-compose', inputs: {} });
      const preflight = await open.engine.preflight({ planId: plan.id });
      expect(preflight.items.find(({ id }) => id === 'start-images')).toMatchObject({ verdict: 'block' });
    } finally {
      await services.engine.docker('tag', 'shop-web:v2', 'shop-web:live');
    }
  });

  const revert = async (runId: string) => open.engine.settled((await open.engine.revert({ runId, typedName })).id);
  const env = (text: string) => writeFileSync(`${services.project}/.env`, `PORT=${services.port}\nGREETING=${text}\n`, { mode: 0o600 });

  it('container: re-created with the changed environment file; the way back is the very same container', async () => {
    env('hello');
    const former = await runContainer('shop-web:v1', '--restart', 'always', '--env', 'GREETING=first');
    await services.serves('v1');
    const run = await open.run('recreate-container', { image: 'shop-web:v2' });
    expect(run.state, run.summary).toBe('succeeded');
    expect(await services.get('/version')).toBe('v2');
    expect(await services.get('/greeting')).toBe('hello');
    expect(run.steps[0]?.output).toMatchObject({
      image: await services.imageId('shop-web:v2'),
      former_image: await services.imageId('shop-web:v1'),
      former_tag: 'shop-web:v1',
    });
    // Kept, and nothing starts it: not even the engine's own start.
    expect(await services.engine.docker('inspect', '--format', '{{.State.Running}} {{.HostConfig.RestartPolicy.Name}}', former)).toBe(
      'false no',
    );
    const back = await revert(run.id);
    expect(back.state, back.summary).toBe('reverted');
    expect(await services.engine.docker('inspect', '--format', '{{.Id}} {{.HostConfig.RestartPolicy.Name}}', 'shop')).toBe(
      `${former} always`,
    );
    await services.serves('v1');
    expect(await services.get('/greeting')).toBe('first');
    expect(await services.engine.docker('ps', '-a', '--format', '{{.Names}}')).toBe('shop');
  });

  it('container: a crash-looping image halts with its last words, and the revert brings the former one back', async () => {
    const former = await runContainer('shop-web:v2', '--restart', 'always');
    await services.serves('v2');
    const run = await open.run('rollback-container', { image: 'shop-web:crash' });
    expect(run).toMatchObject({ state: 'failed' });
    expect(run.allowed).toContain('revert');
    expect(JSON.stringify(run.steps)).toContain('exit code 3');
    const back = await revert(run.id);
    expect(back.state, back.summary).toBe('reverted');
    await services.serves('v2');
    expect(await services.engine.docker('inspect', '--format', '{{.Id}}', 'shop')).toBe(former);
  });

  it('compose: a restart does not load a changed .env and says so before; a re-creation does, and its way back has the former environment', async () => {
    env('hello');
    await services.compose('up', '-d');
    await services.serves('v2');
    env('it is $5 & <more> than "before"');
    const later = new Date(Date.now() + 5000);
    utimesSync(`${services.project}/.env`, later, later);
    const plan = open.engine.plan({ environmentId: 'env-1', runbook: 'restart-compose', inputs: {} });
    const preflight = await open.engine.preflight({ planId: plan.id });
    expect(preflight.items.find(({ id }) => id === 'restart-environment')).toMatchObject({ verdict: 'warn' });
    const run = await open.run('recreate-compose');
    expect(run.state, run.summary).toBe('succeeded');
    expect(await services.get('/greeting')).toBe('it is $5 & <more> than "before"');
    expect(JSON.stringify(run)).not.toContain('than');
    const back = await revert(run.id);
    expect(back.state, back.summary).toBe('reverted');
    expect(await services.get('/greeting')).toBe('hello');
    env('hello');
  });

  it('compose: the previous image by its tag, proven by its id; the survey offers what is here; back to the former id though its tag has moved', async () => {
    await services.compose('up', '-d');
    await services.serves('v2');
    const v2 = await services.imageId('shop-web:live');
    const found = await open.engine.survey({ environmentId: 'env-1', runbook: 'rollback-image', inputs: {} }, new AbortController().signal);
    expect(JSON.stringify(found)).toContain('shop-web:v1');
    const run = await open.run('rollback-image', { image: 'shop-web:v1' });
    expect(run.state, run.summary).toBe('succeeded');
    expect(await services.get('/version')).toBe('v1');
    expect(run.steps[0]?.output).toMatchObject({
      image: await services.imageId('shop-web:v1'),
      former_image: v2,
      former_tag: 'shop-web:live',
    });
    // Somebody moves the tag meanwhile, and cleans up.
    await services.engine.docker('tag', 'shop-web:v1', 'shop-web:live');
    await services.engine.docker('rmi', 'shop-web:v2');
    const back = await revert(run.id);
    expect(back.state, back.summary).toBe('reverted');
    expect(await services.get('/version')).toBe('v2');
    expect(await services.engine.docker('inspect', '--format', '{{.Image}}', 'shop_web_1')).toBe(v2);
    await services.engine.docker('tag', v2, 'shop-web:v2');
    await services.engine.docker('tag', v2, 'shop-web:live');
  });

  it('compose: a crash-looping image halts with exit code and last words; revert', async () => {
    await services.compose('up', '-d');
    await services.serves('v2');
    const run = await open.run('rollback-image', { image: 'shop-web:crash' });
    expect(run.state, run.summary).toBe('failed');
    expect(JSON.stringify(run.steps)).toContain('exit code 3');
    const back = await revert(run.id);
    expect(back.state, back.summary).toBe('reverted');
    await services.serves('v2');
  });

  it('compose: rebuilt from its sources; a build that fails leaves what runs alone; the way back has the former image under its tag', async () => {
    await services.compose('up', '-d');
    await services.serves('v2');
    const v2 = await services.imageId('shop-web:live');
    writeImage(`${services.project}/web`, 'v3');
    const run = await open.run('rebuild-compose');
    expect(run.state, run.summary).toBe('succeeded');
    expect(await services.get('/version')).toBe('v3');
    const back = await revert(run.id);
    expect(back.state, back.summary).toBe('reverted');
    expect(await services.get('/version')).toBe('v2');
    expect(await services.imageId('shop-web:live')).toBe(v2);
    writeFileSync(`${services.project}/web/Dockerfile`, 'FROM quarterdeck-test\nCOPY nowhere /\n');
    const broken = await open.run('rebuild-compose');
    expect(broken.state).toBe('failed');
    expect(broken.summary).toContain('The build failed; what runs was left alone');
    expect(await services.get('/version')).toBe('v2');
    writeImage(`${services.project}/web`, 'v2');
  });
});
