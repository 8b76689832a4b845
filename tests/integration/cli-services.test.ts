import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Run } from '../../src/contract/runs.ts';
import { furnish } from '../support/furnish.ts';
import type { ServiceLab } from '../support/service-lab.ts';
import { servicesUnavailable, startServiceLab } from '../support/service-lab.ts';
import { skipSsh } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

const name = 'Shop production';

describe.skipIf(skipSsh(servicesUnavailable()))('a compose project on the command line', () => {
  const root = mkdtempSync(join(tmpdir(), 'quarterdeck-cli-services-'));
  let services: ServiceLab;
  let sshd: Sshd;
  let cli: Awaited<ReturnType<typeof furnish>>;
  const running = () => services.engine.docker('inspect', '--format', '{{.Image}}', 'shop_web_1');
  const rollback = (image: string) => cli(['run', name, 'rollback-image', '--input', `image=${image}`, '--confirm', name, '--json']);

  beforeAll(async () => {
    mkdirSync(join(root, 'host'));
    services = await startServiceLab(join(root, 'host'));
    sshd = await startSshd({ variables: services.variables });
    await services.compose('up', '-d');
    await services.serves('v2');
    cli = await furnish({
      dataFolder: join(root, 'data'),
      name,
      tier: 'production',
      stackId: 'services',
      stackText: readFileSync(new URL('../support/stacks/services.yaml', import.meta.url), 'utf8'),
      inputs: { base_url: services.baseUrl, project_dir: services.project },
      sshd,
    });
  }, 120_000);
  afterAll(async () => {
    await sshd?.stop();
    await services?.stop();
    rmSync(root, { recursive: true, force: true });
  });

  it('offers the images of the host, shows what it would do, and refuses one that would have to be pulled', {
    timeout: 120_000,
  }, async () => {
    const survey = await cli(['run', name, 'rollback-image', '--survey', '--json']);
    expect(survey.stdout).toContain('shop-web:v1');
    expect(survey.stdout).toContain('runs now');
    const shown = await cli(['run', name, 'rollback-image', '--input', 'image=shop-web:v1']);
    expect(shown.code).toBe(2);
    expect(shown.stdout).toContain('docker compose up -d --no-build --force-recreate --no-deps web');
    const missing = await rollback('shop-web:v9');
    expect(missing.code).not.toBe(0);
    expect(missing.stdout + missing.stderr).toContain('shop-web:v9 is not on the host, and nothing is pulled here');
    expect(await services.get('/version')).toBe('v2');
  });

  it('redeploys the previous image, proven by its id and steadily healthy, and goes back', { timeout: 120_000 }, async () => {
    const former = await running();
    const run = Run.parse((await rollback('shop-web:v1')).json());
    expect(run.state, run.summary).toBe('succeeded');
    expect(run.summary).toContain('healthy 3 times in a row');
    expect(run.steps[0]?.output).toMatchObject({ former_image: former, former_tag: 'shop-web:live', image: await running() });
    expect(await services.get('/version')).toBe('v1');
    const back = Run.parse((await cli(['runs', 'revert', run.id, '--confirm', name, '--json'])).json());
    expect(back.state, back.summary).toBe('reverted');
    expect(await running()).toBe(former);
    expect(await services.get('/version')).toBe('v2');
  });

  it('an image that crashes again and again halts with its exit code and last words, and offers the way back', {
    timeout: 120_000,
  }, async () => {
    const crashed = await rollback('shop-web:crash');
    expect(crashed.code).toBe(1);
    const run = Run.parse(crashed.json());
    expect(run.state, run.summary).toBe('failed');
    expect(run.allowed).toContain('revert');
    expect(run.summary).toContain('exit code 3');
    expect(run.summary).toContain('fatal: the schema is of another version');
    const back = Run.parse((await cli(['runs', 'revert', run.id, '--confirm', name, '--json'])).json());
    expect(back.state, back.summary).toBe('reverted');
    await services.serves('v2');
  });
});
