import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OpenEngine } from '../support/engine-lab.ts';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import type { ServiceLab } from '../support/service-lab.ts';
import { servicesUnavailable, startServiceLab, writeControl } from '../support/service-lab.ts';
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

describe.skipIf(skipSsh() || skipped !== undefined)('containers and compose', () => {
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
});
