import { describe, expect, it } from 'vitest';
import { composeFits } from './compose-fit.ts';
import { dependents, parseProject } from './compose-project.ts';
import { containerLife, isOneOff, parseInspected } from './docker-inspect.ts';
import { endOfExitCode, endWords, isDown, isUp, lifeWords, wasKilled } from './life.ts';
import { parseUnit, unitLife } from './systemd-unit.ts';

const state = {
  Status: 'running',
  Running: true,
  Restarting: false,
  OOMKilled: false,
  Pid: 42,
  ExitCode: 0,
  StartedAt: '2026-11-27T22:54:32.061343043Z',
  FinishedAt: '0001-01-01T00:00:00Z',
};
const container = (more: object = {}, states: object = {}) =>
  JSON.stringify({
    id: 'a'.repeat(64),
    name: '/shop_web_1',
    created: '2026-11-27T22:54:31Z',
    state: { ...state, ...states },
    restarts: 0,
    policy: { Name: 'on-failure', MaximumRetryCount: 5 },
    image: `sha256:${'b'.repeat(64)}`,
    tag: 'shop-web:live',
    labels: { 'com.docker.compose.service': 'web', 'com.docker.compose.oneoff': 'False' },
    ...more,
  });

describe('a container', () => {
  it('is told by its state, its life, its image and how it ended', () => {
    expect(containerLife(parseInspected(container()))).toMatchObject({
      name: 'container shop_web_1',
      service: 'web',
      state: 'running',
      instance: `${'a'.repeat(64)} ${state.StartedAt}`,
      pid: '42',
      policy: 'on-failure:5',
      health: 'none',
      image: { id: `sha256:${'b'.repeat(64)}`, tag: 'shop-web:live' },
    });
    const looping = { Status: 'restarting', Restarting: true, Pid: 0, ExitCode: 137, OOMKilled: true };
    const crashed = containerLife(parseInspected(container({ restarts: 4 }, looping)));
    expect(crashed).toMatchObject({
      state: 'restarting',
      restarts: 4,
      pid: '',
      end: { exitCode: 137, signal: 'SIGKILL', outOfMemory: true },
    });
    expect(isDown(crashed) || isUp(crashed)).toBe(false);
    expect(lifeWords(crashed)).toContain('4 restarts, image shop-web:live (bbbbbbbbbbbb), exit code 137 (SIGKILL, out of memory)');
    expect(containerLife(parseInspected(container({}, { Health: { Status: 'unhealthy', Log: [{ Output: 'x' }] } }))).health).toBe(
      'unhealthy',
    );
    const made = containerLife(
      parseInspected(container({}, { Status: 'created', Running: false, Pid: 0, StartedAt: '0001-01-01T00:00:00Z' })),
    );
    expect(made).toMatchObject({ state: 'stopped', startedAt: '' });
    expect(made.end).toBeUndefined();
    expect(isOneOff(parseInspected(container({ labels: { 'com.docker.compose.oneoff': 'True' } })))).toBe(true);
    expect(isOneOff(parseInspected(container({ labels: null })))).toBe(false);
  });

  it('that is described by anything else is a problem, and hostile names are plain', () => {
    for (const text of ['', '[]', '{}', 'Error: no such container', container({ id: '../x' }), container({ restarts: -1 })])
      expect(() => parseInspected(text)).toThrow('something else than a container');
    const odd = containerLife(parseInspected(container({ tag: `a\u001b]0;x\u0007\u202eb${'y'.repeat(400)}` })));
    expect(odd.image?.tag).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(odd.image?.tag.length).toBeLessThanOrEqual(256);
  });

  it('is killed when a signal or the lack of memory ended it, and not by a TERM', () => {
    expect(wasKilled(endOfExitCode(137, false))).toBe(true);
    expect(wasKilled(endOfExitCode(1, true))).toBe(true);
    expect(wasKilled(endOfExitCode(143, false))).toBe(false);
    expect(endWords(endOfExitCode(143, false))).toBe('exit code 143 (SIGTERM)');
    expect(endWords(endOfExitCode(3, false))).toBe('exit code 3');
  });
});

describe('a unit', () => {
  const unit = (more: Record<string, string>) =>
    unitLife(
      'shop.service',
      parseUnit(
        Object.entries({
          LoadState: 'loaded',
          ActiveState: 'active',
          SubState: 'running',
          MainPID: '7',
          InvocationID: 'i1',
          NRestarts: '0',
          ExecMainCode: '0',
          ExecMainStatus: '0',
          ...more,
        })
          .map(([name, value]) => `${name}=${value}`)
          .join('\n'),
      ),
    );

  it('runs only with a process; between two crashes it restarts; what is failed is failed', () => {
    expect(unit({})).toMatchObject({ state: 'running', pid: '7', restarts: 0 });
    expect(unit({ SubState: 'exited', MainPID: '0' }).state).toBe('unclear');
    const crashed = { SubState: 'auto-restart', MainPID: '0', ExecMainCode: '1', ExecMainStatus: '3', NRestarts: '5' };
    expect(unit({ ActiveState: 'activating', ...crashed })).toMatchObject({ state: 'restarting', restarts: 5, end: { exitCode: 3 } });
    expect(unit({ ActiveState: 'activating', SubState: 'start-pre', MainPID: '0' }).state).toBe('starting');
    const killed = { ExecMainCode: '2', ExecMainStatus: '9', Result: 'oom-kill', MainPID: '0', SubState: 'failed' };
    expect(unit({ ActiveState: 'failed', ...killed })).toMatchObject({ state: 'failed', end: { signal: 'SIGKILL', outOfMemory: true } });
    expect(unit({ ActiveState: 'inactive', SubState: 'dead', MainPID: '0' }).state).toBe('stopped');
    expect(unit({ LoadState: 'not-found', ActiveState: 'inactive', SubState: 'dead', MainPID: '0' }).state).toBe('absent');
    expect(unit({ ActiveState: 'maintenance' }).state).toBe('unclear');
  });

  it('of which systemctl tells nothing is a problem', () => {
    expect(() => parseUnit('System has not been booted with systemd as init system')).toThrow('did not tell LoadState');
  });
});

describe('a project', () => {
  const text = `services:
  web: { image: 'shop:v1', depends_on: { api: { condition: service_started } }, environment: { KEY: secret-value } }
  api: { image: 'shop:v1', depends_on: { migrate: { condition: service_completed_successfully }, db: {} } }
  migrate: { build: ., depends_on: [db] }
  db: { image: 'postgres:15' }
version: '2.4'
`;

  it('has its services in the order of their needs, knows who ends on purpose, and keeps no environment', () => {
    const project = parseProject(text, 'The "TAG" variable is not set. Defaulting to a blank string.\n');
    expect(project.services.map(({ name }) => name)).toEqual(['db', 'migrate', 'api', 'web']);
    expect(project.services.filter(({ oneShot }) => oneShot).map(({ name }) => name)).toEqual(['migrate']);
    expect(project).toMatchObject({ version: '2.4', unset: ['TAG'] });
    expect(dependents(project, 'db')).toEqual(['migrate', 'api', 'web']);
    expect(dependents(project, 'web')).toEqual([]);
    expect(JSON.stringify(project)).not.toContain('secret-value');
    expect(parseProject(text, 'level=warning msg="The \\"TAG\\" variable is not set."').unset).toEqual(['TAG']);
  });

  it('that can’t be read is a problem, never a project without services', () => {
    for (const bad of ['', 'services:', 'services: [a]', '{', 'no: thing']) expect(() => parseProject(bad, '')).toThrow('can’t be read');
  });

  it('is not re-created by docker-compose 1 on an engine that it takes the container away on and fails', () => {
    expect(composeFits('program', '1.44').verdict).toBe('block');
    expect(composeFits('program', '2.0').verdict).toBe('block');
    expect(composeFits('program', '1.41').verdict).toBe('pass');
    expect(composeFits('plugin', '1.50').verdict).toBe('pass');
    expect(composeFits('program', '').verdict).toBe('unknown');
  });
});
