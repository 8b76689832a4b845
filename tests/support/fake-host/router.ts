import type { Settings } from '../../../src/contract/app.ts';
import type { ConnectionState } from '../../../src/contract/connections.ts';
import type { DemoStatus } from '../../../src/contract/demo.ts';
import type { Environment } from '../../../src/contract/environments.ts';
import type { HealthSnapshot, HealthState } from '../../../src/contract/health.ts';
import type { JournalEntry } from '../../../src/contract/journal.ts';
import type { LogLine } from '../../../src/contract/logs.ts';
import { Problem } from '../../../src/contract/problem.ts';
import type { Plan, Run } from '../../../src/contract/runs.ts';
import type { SecretStatus } from '../../../src/contract/secrets.ts';
import { os } from '../../../src/main/rpc/implement.ts';
import { backupsOf } from './backups.ts';
import { firstConnections, environments as firstEnvironments, stack } from './environments.ts';
import { historyOf, snapshotOf } from './health.ts';
import { entryOf } from './journal.ts';
import { lineOf, passes } from './logs.ts';
import { pendingStep, planOf, runbooks, runOf, summaryOf } from './runs.ts';
import { createHub, pause } from './streams.ts';

export interface FakeHostOptions {
  /** Without any environment: the first start. */
  readonly empty?: boolean;
  /** Lines a second. */
  readonly linesPerSecond?: number;
  /** Milliseconds before each answer. */
  readonly slowMs?: number;
  /** Calls by `domain.verb` that fail. */
  readonly failing?: readonly string[];
  readonly theme?: Settings['theme'];
}

const JOURNAL = 12_000;

/**
 * A host in memory, for looking at the screens: every state, many rows, long names, hostile text. It keeps no promise of the
 * real one but the contract.
 */
export function createFakeRouter({ empty = false, linesPerSecond = 20, slowMs = 0, failing = [], theme = 'system' }: FakeHostOptions = {}) {
  let environments: Environment[] = empty ? [] : [...firstEnvironments];
  const connections = new Map(firstConnections().map((state) => [state.environmentId, state]));
  let settings: Settings = { theme, density: 'comfortable', timestamps: 'utc', welcomed: !empty, downloadFolder: '' };
  let demo: DemoStatus = {
    state: empty ? 'stopped' : 'running',
    environmentId: empty ? null : 'demo',
    faults: [],
    detail: empty ? '' : 'SSH on 127.0.0.1:40022',
  };
  const connectionHub = createHub<ConnectionState>();
  const runHub = createHub<Run>();
  const journalHub = createHub<JournalEntry>();
  const journal: JournalEntry[] = [];
  const plans = new Map<string, Plan>();
  const secrets: SecretStatus[] = [
    { key: 'ssh-password', label: 'SSH password', required: true, set: false, kept: 'none' },
    { key: 'api-key', label: 'API key', required: true, set: true, kept: 'keychain' },
  ];
  const environmentOf = (id: string): Environment => {
    const found = environments.find((each) => each.id === id);
    if (found === undefined) throw new Problem('not-found', `There is no environment ${id}.`);
    return found;
  };
  const put = (state: ConnectionState): ConnectionState => {
    connections.set(state.environmentId, state);
    connectionHub.send(state);
    return state;
  };
  const runs = new Map<string, Run>();
  for (const [id, runbook, state, age] of [
    ['run-4', 'restore-backup', 'interrupted', 6],
    ['run-3', 'restore-backup', 'succeeded', 1500],
    ['run-2', 'restore-backup', 'failed', 1530],
    ['run-1', 'create-backup', 'succeeded', 2900],
  ] as const) {
    const eu = firstEnvironments[0];
    if (eu !== undefined)
      runs.set(
        id,
        runOf(id, planOf(eu, runbook, runbook === 'restore-backup' ? { backup: 'ff_backup_20261121_010000.db' } : {}), state, age),
      );
  }
  const runNamed = (id: string): Run => {
    const run = runs.get(id);
    if (run === undefined) throw new Problem('not-found', `There is no run ${id}.`);
    return run;
  };
  const putRun = (run: Run): Run => {
    runs.set(run.id, run);
    runHub.send(run);
    return run;
  };
  /** Goes through the steps, one every second. */
  const carryOut = async (id: string): Promise<void> => {
    for (const planned of runNamed(id).plan.steps) {
      const startedAt = Date.now();
      const set = (change: Partial<Run['steps'][number]>): void => {
        const run = runNamed(id);
        putRun({
          ...run,
          summary: `${planned.title}…`,
          steps: run.steps.map((step) => (step.id === planned.id ? { ...step, ...change } : step)),
        });
      };
      set({ state: 'running', startedAt });
      for (let part = 1; part <= 4; part += 1) {
        await pause(250, undefined);
        set({ progress: { done: part * 12_000_000, total: 48_000_000, unit: 'bytes' } });
      }
      set({ state: 'done', durationMs: Date.now() - startedAt, progress: null, observed: 'As it should be.' });
    }
    putRun({ ...runNamed(id), state: 'succeeded', endedAt: Date.now(), allowed: ['revert'], summary: 'Done and verified.' });
  };
  const healthOf = (id: string): HealthState => {
    const phase = connections.get(id)?.phase;
    if (phase !== 'connected') return id === 'empty' ? 'unknown' : 'unobserved';
    return id === 'eu' || demo.faults.length > 0 ? 'unhealthy' : 'healthy';
  };
  const entries = (): JournalEntry[] =>
    [...journal].reverse().concat(empty ? [] : Array.from({ length: JOURNAL }, (_, place) => entryOf(JOURNAL - place, JOURNAL)));
  const gate = os.use(async ({ next, path }) => {
    if (slowMs > 0) await pause(slowMs, undefined);
    if (failing.includes(path.join('.')))
      throw new Problem('http-unreachable', 'The service on ff-eu-1.example.net does not answer on 127.0.0.1:3849.', {
        hint: 'Look at the logs, or restart the service.',
        retryable: true,
      });
    return next();
  });

  return os.router({
    app: {
      info: gate.app.info.handler(() => ({
        version: '0.1.0',
        transport: 'loopback' as const,
        dataFolder: '/home/maria/.local/share/quarterdeck',
        operator: 'maria@laptop',
        platform: 'linux x64',
        node: '24.21.0',
        electron: null,
        keychain: {
          state: 'unavailable' as const,
          detail: 'There is no Secret Service on this session’s bus. Secrets are kept in memory until Quarterdeck ends.',
        },
      })),
    },
    settings: {
      get: gate.settings.get.handler(() => settings),
      set: gate.settings.set.handler(({ input }) => (settings = { ...settings, ...(input as Settings) })),
    },
    stacks: { list: gate.stacks.list.handler(() => ({ stacks: [stack], problems: [] })) },
    environments: {
      list: gate.environments.list.handler(() => environments),
      get: gate.environments.get.handler(({ input }) => environmentOf(input.environmentId)),
      create: gate.environments.create.handler(({ input }) => {
        if (environments.some(({ name }) => name === input.name))
          throw new Problem('bad-input', 'There is an environment by this name already.', {
            detail: { issues: [{ path: 'name', reason: 'This name is taken.' }] },
          });
        const made: Environment = {
          ...input,
          id: `made-${environments.length}`,
          demo: false,
          revision: 1,
          createdAt: Date.now(),
          updatedAt: Date.now(),
        };
        environments = [...environments, made];
        return made;
      }),
      update: gate.environments.update.handler(({ input }) => {
        const saved: Environment = {
          ...environmentOf(input.environmentId),
          ...input.draft,
          revision: input.revision + 1,
          updatedAt: Date.now(),
        };
        environments = environments.map((each) => (each.id === saved.id ? saved : each));
        return saved;
      }),
      duplicate: gate.environments.duplicate.handler(({ input }) => {
        const copy: Environment = {
          ...environmentOf(input.environmentId),
          id: `copy-${environments.length}`,
          name: input.name,
          demo: false,
        };
        environments = [...environments, copy];
        return copy;
      }),
      remove: gate.environments.remove.handler(({ input }) => {
        environments = environments.filter(({ id }) => id !== input.environmentId);
        return { removed: true as const };
      }),
      readSshConfig: gate.environments.readSshConfig.handler(() => ({
        path: '/home/maria/.ssh/config',
        warnings: ['Line 12: Match is not taken over.'],
        hosts: [
          {
            alias: 'ff-eu',
            route: {
              target: { host: 'ff-eu-1.example.net', port: 22, user: 'deploy', auth: [{ kind: 'agent' as const }] },
              jumps: [{ host: 'bastion.example.net', port: 2222, user: 'ops', auth: [{ kind: 'agent' as const }] }],
            },
            warnings: [],
          },
          {
            alias: 'nas',
            route: { target: { host: '192.168.1.20', port: 22, user: 'admin', auth: [{ kind: 'password' as const }] }, jumps: [] },
            warnings: ['ProxyCommand is not supported; the host is taken over without it.'],
          },
          { alias: 'broken', warnings: ['The jump host “gone” is not defined anywhere.'] },
        ],
      })),
      exportProfiles: gate.environments.exportProfiles.handler(() => ({
        format: 'quarterdeck-profiles' as const,
        version: 1 as const,
        environments: [],
      })),
      importProfiles: gate.environments.importProfiles.handler(({ input }) => {
        const made = input.file.environments.map(
          (draft, place): Environment => ({
            ...draft,
            id: `imported-${environments.length + place}`,
            demo: false,
            revision: 1,
            createdAt: Date.now(),
            updatedAt: Date.now(),
          }),
        );
        environments = [...environments, ...made];
        return made;
      }),
    },
    connections: {
      connect: gate.connections.connect.handler(async ({ input: { environmentId } }) => {
        await pause(400, undefined);
        const state = connections.get(environmentId);
        if (state?.phase === 'blocked') return state;
        return put({ environmentId, phase: 'connected', since: Date.now(), attempt: 0, latencyMs: 12 });
      }),
      disconnect: gate.connections.disconnect.handler(({ input: { environmentId } }) =>
        put({ environmentId, phase: 'disconnected', since: Date.now(), attempt: 0 }),
      ),
      get: gate.connections.get.handler(
        ({ input: { environmentId } }) =>
          connections.get(environmentId) ?? { environmentId, phase: 'disconnected' as const, since: 0, attempt: 0 },
      ),
      watch: gate.connections.watch.handler(({ signal }) => connectionHub.stream([...connections.values()], signal)),
      trust: gate.connections.trust.handler(({ input: { environmentId } }) =>
        put({ environmentId, phase: 'connected', since: Date.now(), attempt: 0, latencyMs: 12 }),
      ),
      answer: gate.connections.answer.handler(({ input: { environmentId } }) =>
        put({ environmentId, phase: 'connected', since: Date.now(), attempt: 0, latencyMs: 12 }),
      ),
      hostKeys: gate.connections.hostKeys.handler(() => [
        {
          host: 'bastion.example.net',
          port: 22,
          type: 'ssh-ed25519',
          fingerprint: 'SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDiOeWqpVtsjPnrlXk',
          addedAt: Date.now() - 9e8,
        },
      ]),
      forgetHostKey: gate.connections.forgetHostKey.handler(() => ({ removed: true })),
    },
    secrets: {
      status: gate.secrets.status.handler(() => ({ keychain: { state: 'available' as const, detail: 'GNOME Keyring' }, secrets })),
      set: gate.secrets.set.handler(({ input }) =>
        Object.assign(secrets.find(({ key }) => key === input.key) ?? { key: input.key, label: input.key, required: false }, {
          set: true,
          kept: 'keychain' as const,
        }),
      ),
      clear: gate.secrets.clear.handler(({ input }) =>
        Object.assign(secrets.find(({ key }) => key === input.key) ?? { key: input.key, label: input.key, required: false }, {
          set: false,
          kept: 'none' as const,
        }),
      ),
      recheckKeychain: gate.secrets.recheckKeychain.handler(() => ({ state: 'available' as const, detail: 'GNOME Keyring' })),
    },
    health: {
      snapshot: gate.health.snapshot.handler(({ input }) => snapshotOf(input.environmentId, healthOf(input.environmentId))),
      watch: gate.health.watch.handler(async function* ({ input, signal }): AsyncGenerator<HealthSnapshot, undefined, void> {
        while (signal?.aborted !== true) {
          yield snapshotOf(input.environmentId, healthOf(input.environmentId));
          await pause(2000, signal);
        }
        return undefined;
      }),
      check: gate.health.check.handler(async ({ input }) => {
        await pause(700, undefined);
        return snapshotOf(input.environmentId, healthOf(input.environmentId));
      }),
      history: gate.health.history.handler(({ input }) => historyOf(input.from, input.to, Math.min(input.maxPoints, 400))),
    },
    logs: {
      sources: gate.logs.sources.handler(({ input }) =>
        input.environmentId === 'empty'
          ? []
          : [
              { id: 'app', title: 'Application', kind: 'file' as const, location: '/srv/friendlyface/logs/friendlyface.log' },
              { id: 'journald', title: 'systemd journal', kind: 'journald' as const, location: 'friendlyface.service' },
            ],
      ),
      follow: gate.logs.follow.handler(async function* ({ input, signal }) {
        const first = input.cursor === undefined ? 0 : Number(input.cursor);
        const begin = Date.now() - 2000 * 700;
        let seq = first;
        const take = (count: number): LogLine[] =>
          Array.from({ length: count }, () => lineOf(seq, Math.min(Date.now(), begin + seq++ * 700))).filter((line) =>
            passes(line, input.filter),
          );
        yield { kind: 'state' as const, state: 'loading' as const };
        if (input.cursor === undefined) yield { kind: 'lines' as const, lines: take(input.tail), cursor: String(seq) };
        yield { kind: 'state' as const, state: 'live' as const };
        if (input.cursor === undefined) {
          yield { kind: 'gap' as const, reason: 'the file was rotated away before it could be read to its end' };
          yield { kind: 'dropped' as const, count: 1284 };
        }
        while (signal?.aborted !== true) {
          await pause(200, signal);
          const lines = take(Math.max(1, Math.round(linesPerSecond / 5)));
          if (lines.length > 0) yield { kind: 'lines' as const, lines, cursor: String(seq) };
        }
        return undefined;
      }),
      search: gate.logs.search.handler(({ input }) => {
        const lines = Array.from({ length: 20_000 }, (_, seq) => lineOf(seq, Date.now() - (20_000 - seq) * 5000)).filter((line) =>
          passes(line, input.filter),
        );
        return { lines: lines.slice(-input.limit), complete: lines.length <= input.limit, scannedBytes: 184_549_376 };
      }),
    },
    backups: {
      list: gate.backups.list.handler(({ input }) =>
        backupsOf(input.environmentId === 'eu' ? 10_000 : input.environmentId === 'empty' ? 0 : 12),
      ),
      verify: gate.backups.verify.handler(async ({ input }) => {
        await pause(1200, undefined);
        return { method: input.method, at: Date.now(), by: 'maria@laptop', valid: true, detail: 'integrity_check: ok; 18,204 events' };
      }),
      download: gate.backups.download.handler(async function* ({ signal }) {
        for (let done = 0; done <= 48_234_496 && signal?.aborted !== true; done += 4_823_449) {
          yield { kind: 'progress' as const, bytes: done, totalBytes: 48_234_496 };
          await pause(200, signal);
        }
        yield {
          kind: 'done' as const,
          path: '/home/maria/.local/share/quarterdeck/backups/eu/ff_backup.db',
          bytes: 48_234_496,
          sha256: 'ab'.repeat(32),
          resumedFrom: 0,
        };
        return undefined;
      }),
    },
    runs: {
      runbooks: gate.runs.runbooks.handler(() => runbooks),
      plan: gate.runs.plan.handler(async ({ input }) => {
        await pause(300, undefined);
        const plan = planOf(environmentOf(input.environmentId), input.runbook, input.inputs);
        plans.set(plan.id, plan);
        return plan;
      }),
      preflight: gate.runs.preflight.handler(async ({ input }) => {
        await pause(500, undefined);
        const plan = plans.get(input.planId);
        if (plan === undefined) throw new Problem('plan-stale', 'The plan is gone.');
        return {
          planId: plan.id,
          planHash: plan.hash,
          at: Date.now(),
          ok: true,
          items: [
            {
              id: 'disk',
              title: 'Space on the host',
              verdict: 'pass' as const,
              detail: '61.2 GB free in /srv/friendlyface/backups; 145 MB are needed.',
            },
            { id: 'local', title: 'Space on this laptop', verdict: 'pass' as const, detail: '212 GB free; 97 MB are needed.' },
            { id: 'lock', title: 'Nobody else is at work', verdict: 'pass' as const, detail: 'No lock on the host.' },
            {
              id: 'writes',
              title: 'Writes since the backup',
              verdict: 'warn' as const,
              detail: '216 events were written since this backup and will be replaced. They stay in the safety copy.',
            },
          ],
        };
      }),
      confirm: gate.runs.confirm.handler(({ input }) => {
        const plan = plans.get(input.planId);
        if (plan?.requiresTypedName === true && input.typedName !== plan.environmentName)
          throw new Problem('confirmation-wrong', 'The name typed is not the name of this environment.');
        return { token: 'once', expiresAt: Date.now() + 300_000 };
      }),
      start: gate.runs.start.handler(({ input }) => {
        const plan = plans.get(input.planId);
        if (plan === undefined) throw new Problem('plan-stale', 'The plan is gone.');
        const id = `run-${runs.size + 1}`;
        const run: Run = {
          id,
          plan,
          state: 'running',
          operator: 'maria@laptop',
          startedAt: Date.now(),
          endedAt: null,
          steps: plan.steps.map((step) => pendingStep(step.id)),
          allowed: ['cancel'],
          summary: 'Begun.',
        };
        putRun(run);
        carryOut(id).catch(() => undefined);
        return run;
      }),
      list: gate.runs.list.handler(({ input }) =>
        [...runs.values()]
          .filter((run) => input.environmentId === undefined || run.plan.environmentId === input.environmentId)
          .sort((a, b) => b.startedAt - a.startedAt)
          .map(summaryOf),
      ),
      get: gate.runs.get.handler(({ input }) => runNamed(input.runId)),
      watch: gate.runs.watch.handler(({ input, signal }) => runHub.stream([runNamed(input.runId)], signal, ({ id }) => id === input.runId)),
      probe: gate.runs.probe.handler(({ input }) =>
        putRun({ ...runNamed(input.runId), summary: 'Probed: the database was not replaced.' }),
      ),
      resume: gate.runs.resume.handler(({ input }) =>
        putRun({ ...runNamed(input.runId), state: 'succeeded', allowed: ['revert'], endedAt: Date.now() }),
      ),
      revert: gate.runs.revert.handler(({ input }) =>
        putRun({
          ...runNamed(input.runId),
          state: 'reverted',
          allowed: [],
          endedAt: Date.now(),
          summary: 'Reverted: the data before the restore is live again.',
        }),
      ),
      cancel: gate.runs.cancel.handler(({ input }) =>
        putRun({ ...runNamed(input.runId), state: 'cancelled', allowed: ['resume', 'revert'], endedAt: Date.now() }),
      ),
    },
    journal: {
      list: gate.journal.list.handler(({ input }) => {
        const all = entries().filter(
          (entry) =>
            (input.environmentId === undefined || entry.environmentId === input.environmentId) &&
            (input.runId === undefined || entry.runId === input.runId) &&
            (input.kinds === undefined || input.kinds.includes(entry.kind)) &&
            (input.text === undefined || entry.summary.toLowerCase().includes(input.text.toLowerCase())),
        );
        return {
          entries: all.filter(({ seq }) => input.before === undefined || seq < input.before).slice(0, input.limit),
          total: all.length,
        };
      }),
      watch: gate.journal.watch.handler(({ signal }) => journalHub.stream([], signal)),
      verify: gate.journal.verify.handler(() => ({ ok: true, entries: JOURNAL, headHash: 'cd'.repeat(32), firstBroken: null })),
      export: gate.journal.export.handler(async function* () {
        for (const entry of entries().slice(0, 500).reverse()) yield entry;
        return undefined;
      }),
      note: gate.journal.note.handler(({ input }) => {
        const entry: JournalEntry = {
          ...entryOf(JOURNAL + journal.length + 1, JOURNAL),
          kind: 'note-added',
          at: Date.now(),
          environmentId: input.environmentId ?? null,
          runId: null,
          stepId: null,
          summary: input.text,
          data: {},
        };
        journal.push(entry);
        journalHub.send(entry);
        return entry;
      }),
    },
    demo: {
      status: gate.demo.status.handler(() => demo),
      start: gate.demo.start.handler(async () => {
        await pause(600, undefined);
        if (!environments.some(({ id }) => id === 'demo'))
          environments = [...environments, ...firstEnvironments.filter(({ id }) => id === 'demo')];
        demo = { state: 'running', environmentId: 'demo', faults: [], detail: 'SSH on 127.0.0.1:40022' };
        return demo;
      }),
      stop: gate.demo.stop.handler(() => (demo = { ...demo, state: 'stopped', faults: [], detail: 'Stopped.' })),
      setFault: gate.demo.setFault.handler(
        ({ input }) =>
          (demo = {
            ...demo,
            faults: input.on
              ? [...demo.faults.filter((fault) => fault !== input.fault), input.fault]
              : demo.faults.filter((fault) => fault !== input.fault),
          }),
      ),
    },
  });
}
