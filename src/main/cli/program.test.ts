import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../../contract/problem.ts';
import type { CliClient } from './client.ts';
import { ReaderLeft, runCli } from './program.ts';

const environment = { id: 'env-1', name: 'Shop', tier: 'production' };
const plan = { id: 'p', hash: 'h', title: 'Create a backup', effect: 'write', steps: [], blastRadius: [] };
const run = { id: 'r', state: 'succeeded', summary: '', steps: [], allowed: [], plan: { title: 't', environmentName: 'Shop', steps: [] } };

/** A host of which only what a run needs is there; `during` happens within a call of that name. */
function world(during: Record<string, () => void> = {}, planned: unknown = plan) {
  const stop = new AbortController();
  const calls: string[] = [];
  const call =
    <T>(name: string, answer: T) =>
    async (_input: unknown, options?: { signal?: AbortSignal }): Promise<T> => {
      calls.push(name);
      during[name]?.();
      if (options?.signal?.aborted === true) throw new Problem('cancelled', `${name} was cancelled.`);
      return answer;
    };
  const client = {
    environments: { list: call('list', [environment]) },
    connections: { connect: call('connect', { phase: 'connected' }) },
    health: { check: call('check', { overall: 'healthy', summary: '', probes: [], alerts: [] }) },
    logs: {
      sources: call('sources', [{ id: 'app' }]),
      follow: call('follow', (async function* () {})()),
    },
    journal: { export: call('export', (async function* () {})()) },
    runs: {
      plan: call('plan', planned),
      preflight: call('preflight', { ok: true, items: [] }),
      confirm: call('confirm', { token: 't' }),
      start: call('start', run),
      watch: call('watch', (async function* () {})()),
      get: call('get', run),
      cancel: call('cancel', run),
    },
  } as unknown as CliClient;
  const cli = (...argv: string[]) =>
    runCli(argv, {
      version: '0',
      signal: stop.signal,
      openHost: async () => ({ client, close: async () => undefined }),
      serve: async () => undefined,
      demo: async () => undefined,
    });
  return { cli, calls, stop };
}

describe('a plan', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('says of each step how it is taken back, or why not', async () => {
    const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const step = { id: 's', title: 'Step', action: 'a.b@1', effect: 'write', commands: [] };
    const undos = [
      { kind: 'undo', title: 'Start it again', commands: [] },
      { kind: 'kept', reason: 'It is the way back.' },
      { kind: 'irreversible', reason: 'What is gone is gone.' },
      { kind: 'nothing-to-undo' },
    ];
    const { cli } = world({}, { ...plan, steps: undos.map((undo) => ({ ...step, undo })) });
    expect(await cli('run', 'Shop', 'create-backup', '--plan')).toBe(0);
    const lines = written.mock.calls.map(([text]) => String(text)).join('');
    expect(lines.match(/undo: .*/g)).toEqual([
      'undo: Start it again',
      'undo: kept: It is the way back.',
      'undo: none: What is gone is gone.',
      'undo: nothing to undo',
    ]);
  });
});

describe('without a yes', () => {
  beforeEach(() => {
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  });
  afterEach(() => void vi.restoreAllMocks());

  it.each([
    ['read', [], true],
    ['write', [], false],
    ['write', ['--yes'], true],
    ['write', ['--confirm', 'Shop'], true],
    ['write', ['--yes', '--plan'], false],
    ['destructive', [], false],
    ['destructive', ['--yes'], false],
    ['destructive', ['--confirm', 'shop'], false],
    ['destructive', ['--confirm', 'Shop'], true],
  ] as const)('a runbook that is %s is shown, and done only as far as was said: %s', async (effect, words, done) => {
    const { cli, calls } = world({}, { ...plan, effect });
    const code = await cli('run', 'Shop', 'create-backup', ...words);
    expect(calls.includes('start')).toBe(done);
    expect(calls).toContain('preflight');
    if (!done) expect(code).toBe((words as readonly string[]).includes('--plan') ? 0 : 2);
  });
});

describe('Ctrl-C', () => {
  beforeEach(() => {
    vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  });
  afterEach(() => void vi.restoreAllMocks());

  it.each(['connect', 'plan', 'preflight', 'confirm'])('during %s starts nothing', async (name) => {
    const { cli, calls, stop } = world({ [name]: () => stop.abort() });
    expect(await cli('run', 'Shop', 'create-backup', '--yes')).toBe(3);
    expect(calls).not.toContain('start');
  });

  it('while a run is being started stops it before its next step', async () => {
    const { cli, calls, stop } = world({ start: () => stop.abort() });
    expect(await cli('run', 'Shop', 'create-backup', '--yes')).toBe(0);
    expect(calls).toContain('cancel');
  });

  it('is never read as healthy or unhealthy', async () => {
    const { cli, stop } = world({ check: () => stop.abort() });
    expect(await cli('check', 'Shop')).toBe(3);
  });

  it('is how following a log ends; an export cut short is not whole', async () => {
    const one = world({ follow: () => one.stop.abort() });
    expect(await one.cli('logs', 'Shop', 'app', '--follow')).toBe(0);
    expect(process.stderr.write).not.toHaveBeenCalled();
    const other = world({ export: () => other.stop.abort() });
    expect(await other.cli('journal', 'export')).toBe(3);
  });

  it('is not what a reader that left early means', async () => {
    const { cli, stop } = world({ export: () => stop.abort(new ReaderLeft()) });
    expect(await cli('journal', 'export')).toBe(0);
    expect(process.stderr.write).not.toHaveBeenCalled();
  });
});
