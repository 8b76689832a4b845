import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { OpenEngine } from '../support/engine-lab.ts';
import type { OperationLab } from '../support/operation-lab.ts';
import { startOperationLab } from '../support/operation-lab.ts';
import { scratch, skipSsh } from '../support/ssh-lab.ts';
import type { StandIn } from '../support/systemctl.ts';
import { writeSystemctl } from '../support/systemctl.ts';

const stackText = readFileSync(fileURLToPath(new URL('../support/stacks/services.yaml', import.meta.url)), 'utf8');
const typedName = 'Shop production';
let lab: OperationLab | undefined;
const room = scratch();
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

describe.skipIf(skipSsh())('a systemd unit, with a stand-in for systemctl', () => {
  let unit: StandIn;
  const open = async (more: Record<string, string> = {}): Promise<OpenEngine> => {
    unit = writeSystemctl(room.path('systemd'));
    lab = await startOperationLab({
      stackText,
      stackId: 'services',
      inputs: more,
      variables: { PATH: `${unit.bin}:${process.env['PATH'] ?? ''}` },
    });
    return lab.open();
  };
  afterEach(() => {
    if (existsSync(room.path('systemd/unit/pid'))) process.kill(Number(readFileSync(room.path('systemd/unit/pid'), 'utf8')), 'SIGKILL');
    unit.close();
  });

  it('starts, restarts as another invocation, stops with the signal told, and each way back', async () => {
    const { run, engine } = await open();
    const started = await run('start-unit');
    expect(started.state, started.summary).toBe('succeeded');
    const restarted = await run('restart-unit');
    expect(restarted.state, restarted.summary).toBe('succeeded');
    expect(restarted.steps[0]?.output['instance']).not.toBe(started.steps[0]?.output['instance']);
    const stopped = await run('stop-unit');
    expect(stopped.summary).toBe('Done. Stopped: unit shop.service ended with SIGTERM.');
    const back = await engine.settled((await engine.revert({ runId: stopped.id, typedName })).id);
    expect(back.state, back.summary).toBe('reverted');
    expect((await run('restart-unit')).state).toBe('succeeded');
  });

  it('that systemd had to kill after its time was not stopped gracefully, and that is said', async () => {
    const { run } = await open();
    await run('start-unit');
    unit.behave('stop-kills');
    const stopped = await run('stop-unit');
    expect(stopped.state).toBe('succeeded');
    expect(stopped.summary).toContain('not gracefully: unit shop.service was killed, SIGKILL');
    expect(stopped.steps[0]?.output['graceful']).toBe('no');
  });

  it('whose start is answered with exit code 0: crashing again and again, or without a process, it does not run', async () => {
    const { run } = await open();
    unit.behave('crash-loop');
    const looping = await run('start-unit');
    expect(looping.state).toBe('failed');
    expect(looping.summary).toMatch(/does not run.*activating \(auto-restart\)/);
    await run('stop-unit');
    unit.behave('exits');
    const exited = await run('start-unit');
    expect(exited.state).toBe('failed');
    expect(exited.summary).toContain('active (exited)');
  });

  it('that there is not is refused before anything is done', async () => {
    const { engine } = await open({ unit: 'nowhere.service' });
    const plan = engine.plan({ environmentId: 'env-1', runbook: 'stop-unit', inputs: {} });
    const preflight = await engine.preflight({ planId: plan.id });
    expect(preflight.ok).toBe(false);
    expect(JSON.stringify(preflight.items)).toContain('unit nowhere.service: not there');
  });

  it('what systemctl refuses is told in its words', async () => {
    const { run } = await open();
    unit.behave('refuses');
    const started = await run('start-unit');
    expect(started.state).toBe('failed');
    expect(started.summary).toContain('Systemctl refused: Failed to start shop.service: Access denied');
  });
});

const real = existsSync('/run/systemd/system') && process.getuid?.() === 0;
if (!real) console.log('skipped: systemd does not run here, or not for root: units are seen through a stand-in only');

describe.skipIf(!real || skipSsh())('a unit of the systemd that runs here', () => {
  const name = `quarterdeck-test-${process.pid}.service`;
  const file = `/run/systemd/system/${name}`;
  afterEach(() => {
    execFileSync('systemctl', ['stop', name]);
    rmSync(file, { force: true });
    execFileSync('systemctl', ['daemon-reload']);
  });

  it('starts, restarts as another invocation and stops', async () => {
    writeFileSync(file, '[Service]\nExecStart=/bin/sleep 100000\n');
    execFileSync('systemctl', ['daemon-reload']);
    lab = await startOperationLab({ stackText, stackId: 'services', inputs: { unit: name } });
    const { run } = await lab.open();
    const started = await run('start-unit');
    expect(started.state, started.summary).toBe('succeeded');
    const restarted = await run('restart-unit');
    expect(restarted.state, restarted.summary).toBe('succeeded');
    expect(restarted.steps[0]?.output['pid']).not.toBe(started.steps[0]?.output['pid']);
    expect((await run('stop-unit')).state).toBe('succeeded');
  });
});
