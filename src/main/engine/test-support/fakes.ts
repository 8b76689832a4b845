import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Environment } from '../../../contract/environments.ts';
import type { Run } from '../../../contract/runs.ts';
import type { ExecOutcome, SshSession } from '../../drivers/ssh/types.ts';
import type { Journal } from '../../journal/journal.ts';
import { createJournal } from '../../journal/journal.ts';
import { loadStack } from '../../stacks/load.ts';
import { migrations } from '../../store/migrations/index.ts';
import type { Store } from '../../store/store.ts';
import { openStore } from '../../store/store.ts';
import type { Action, ActionContext, ActionOutcome, ActionRegistry, ProbeOutcome, SecretSlots } from '../action.ts';
import { defineAction } from '../action.ts';
import type { Engine } from '../engine.ts';
import { createEngine } from '../engine.ts';
import type { EngineOptions } from '../types.ts';

/** A session that runs scripts here, in a state folder of its own: the lock's script is the real one. */
export function localSession(stateHome: string): SshSession {
  // Of its own: the machine's lock is not a test's to take.
  const lockDir = join(stateHome, 'shared');
  mkdirSync(lockDir, { recursive: true });
  return {
    server: { ident: 'SSH-2.0-here', hostKeyType: 'ssh-ed25519', fingerprint: 'SHA256:here' },
    exec: ({ script, args = [] }) =>
      new Promise<ExecOutcome>((resolve, reject) => {
        const child = spawn('/bin/sh', ['-s', '--', ...args], {
          env: { PATH: process.env['PATH'] ?? '', HOME: stateHome, XDG_STATE_HOME: stateHome, QUARTERDECK_LOCK_DIR: lockDir },
        });
        const out: Buffer[] = [];
        const err: Buffer[] = [];
        child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
        child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
        child.on('error', reject);
        child.on('close', (code) =>
          resolve({
            outcome: 'done',
            exitCode: code ?? -1,
            stdout: Buffer.concat(out),
            stderr: Buffer.concat(err),
            truncated: false,
            durationMs: 1,
          }),
        );
        child.stdin.end(script);
      }),
  } as Partial<SshSession> as SshSession;
}

const nothing = (): never => {
  throw new Error('no slots here');
};
const noSlots: SecretSlots = {
  status: nothing,
  read: nothing,
  fingerprint: nothing,
  stage: nothing,
  promote: nothing,
  demote: nothing,
  discard: nothing,
  neededBy: nothing,
};

/** What the fake actions do and did. */
export interface World {
  /** Effects that are there, in the order they came. */
  readonly effects: string[];
  /** Everything that was called: `execute a`, `probe a`, `undo a`. */
  readonly calls: string[];
  /** Overrides by `execute a` and the like. */
  readonly answers: Map<string, (context: ActionContext) => Promise<ActionOutcome> | ActionOutcome>;
  readonly probes: Map<string, ProbeOutcome>;
  readonly keys: string[];
}

function fakeAction(world: World, id: string, effect: Action['effect'], undo: 'undo' | 'kept' | 'irreversible' | 'nothing'): Action {
  const Input = z.strictObject({ name: z.string(), given: z.string().default('') });
  const act = async (verb: 'execute' | 'undo', context: ActionContext, name: string, work: () => void): Promise<ActionOutcome> => {
    world.calls.push(`${verb} ${name}`);
    world.keys.push(context.stepKey);
    const answer = world.answers.get(`${verb} ${name}`);
    if (answer !== undefined) return answer(context);
    work();
    return { outcome: 'done', observed: `${verb} ${name} seen`, output: { fact: `fact of ${name}` } };
  };
  return defineAction<z.infer<typeof Input>>({
    id,
    title: `Fake ${effect}`,
    effect,
    input: Input,
    outputs: ['fact'],
    describe: ({ name, given }) => [{ kind: 'ssh', text: `do ${name} ${given}`.trim() }],
    preflight: async (context, { name }) => {
      world.calls.push(`preflight ${name}`);
      await context.session();
      return name === 'blocked' ? [{ id: 'no', title: 'No', verdict: 'block', detail: 'It is blocked.' }] : [];
    },
    survey: async (_context, given) => {
      world.calls.push(`survey ${String(given['name'])}`);
      const failing = world.answers.get('survey');
      if (failing !== undefined) throw new Error('the host did not answer');
      return effect === 'read'
        ? []
        : [{ parameter: 'given', title: 'What there is', detail: JSON.stringify(given), choices: [{ value: 'v', label: 'V' }] }];
    },
    execute: (context, { name }) => act('execute', context, name, () => void (world.effects.includes(name) || world.effects.push(name))),
    async probe(_context, { name }) {
      world.calls.push(`probe ${name}`);
      return (
        world.probes.get(name) ??
        (world.effects.includes(name)
          ? { found: 'done', observed: 'it is there', output: { fact: `fact of ${name}` } }
          : { found: 'not-done', observed: 'it is not there' })
      );
    },
    undo:
      undo === 'nothing'
        ? 'nothing-to-undo'
        : undo === 'irreversible'
          ? { irreversible: 'What is gone is gone.' }
          : undo === 'kept'
            ? { kept: 'It is the way back.' }
            : {
                title: 'Undo it',
                describe: ({ name }) => [{ kind: 'ssh', text: `undo ${name}` }],
                execute: (context, { name }) =>
                  act(
                    'undo',
                    context,
                    name,
                    () => void (world.effects.includes(name) && world.effects.splice(world.effects.indexOf(name), 1)),
                  ),
                probe: async (_context, { name }) =>
                  world.effects.includes(name) ? { found: 'not-done', observed: 'still there' } : { found: 'done', observed: 'gone' },
              },
  });
}

const stackText = `
stack: fake
version: 1
title: Fake
description: For tests
inputs:
  - { name: place, title: Place, type: text, required: false, default: here }
runbooks:
  - id: three
    title: Three steps
    description: Two that can be undone, one that reads
    inputs: [{ name: word, title: Word, type: text, required: false }]
    steps:
      - { id: a, action: fake.write@1, with: { name: a, given: '\${inputs.place}' } }
      - { id: b, action: fake.break@1, with: { name: b, given: '\${steps.a.fact}' } }
      - { id: c, action: fake.read@1, with: { name: c, given: '\${run.word}' } }
  - id: final
    title: No way back
    description: One that can't be undone
    steps:
      - { id: a, action: fake.write@1, with: { name: a } }
      - { id: z, action: fake.final@1, with: { name: z } }
      - { id: d, action: fake.write@1, with: { name: d } }
  - id: keeps
    title: Leaves something behind
    description: One that stays
    steps:
      - { id: a, action: fake.write@1, with: { name: a } }
      - { id: k, action: fake.keep@1, title: Make a copy, with: { name: k } }
      - { id: b, action: fake.break@1, with: { name: b } }
  - id: timed
    title: Timed
    description: Goes to a time
    inputs:
      - { name: at, title: Time, type: timestamp, required: true }
      - { name: word, title: Word, type: text, required: false }
    steps:
      - { id: a, action: fake.write@1, with: { name: a, given: '\${run.at}' } }
      - { id: b, action: fake.break@1, with: { name: b, given: '\${steps.a.fact}' } }
      - { id: c, action: fake.write@1, with: { name: c, given: '\${inputs.place}' } }
  - id: returns
    title: Goes back by itself
    description: Two that can be undone, one that looks
    on_failure: revert
    blast_radius: [Something.]
    steps:
      - { id: a, action: fake.write@1, with: { name: a } }
      - { id: k, action: fake.keep@1, title: Make a copy, with: { name: k } }
      - { id: b, action: fake.break@1, with: { name: b } }
      - { id: c, action: fake.read@1, with: { name: c } }
  - id: returns-final
    title: Goes back by itself until it can't
    description: One that can't be undone
    on_failure: revert
    steps:
      - { id: a, action: fake.write@1, with: { name: a } }
      - { id: z, action: fake.final@1, with: { name: z } }
      - { id: d, action: fake.write@1, with: { name: d } }
  - id: look
    title: Look
    description: Reads
    steps: [{ id: c, action: fake.read@1, with: { name: c } }]
  - id: stuck
    title: Stuck
    description: Blocked
    steps: [{ id: a, action: fake.write@1, with: { name: blocked } }]
`;

/** An engine on fake actions, a store in a folder, a lock on this machine, and a clock that is set by hand. */
export function fakeEngine(
  options: { tier?: Environment['tier']; operator?: string; folder?: string; world?: World; onPoint?: EngineOptions['onPoint'] } = {},
) {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'quarterdeck-engine-'));
  const world: World = options.world ?? { effects: [], calls: [], answers: new Map(), probes: new Map(), keys: [] };
  const actions: ActionRegistry = new Map(
    [
      fakeAction(world, 'fake.read@1', 'read', 'nothing'),
      fakeAction(world, 'fake.write@1', 'write', 'undo'),
      fakeAction(world, 'fake.break@1', 'destructive', 'undo'),
      fakeAction(world, 'fake.keep@1', 'write', 'kept'),
      fakeAction(world, 'fake.final@1', 'destructive', 'irreversible'),
    ].map((action) => [action.id, action]),
  );
  const time = { now: 1_800_000_000_000 };
  const operator = options.operator ?? 'ann@laptop';
  const store: Store = openStore(join(folder, `${operator}.db`), migrations);
  const journal: Journal = createJournal({ store, operator, clock: () => time.now });
  const loaded = { current: loadStack('fake.yaml', stackText, actions, 'shipped') };
  const environment: { current: Environment } = {
    current: {
      id: 'env-1',
      name: 'Prod',
      tier: options.tier ?? 'development',
      stack: 'fake',
      notes: '',
      inputs: {},
      demo: false,
      revision: 1,
      createdAt: 1,
      updatedAt: 1,
      ssh: { target: { host: 'h', port: 22, user: 'u', auth: [{ kind: 'agent' }] }, jumps: [] },
    },
  };
  const session = localSession(join(folder, 'state'));
  const make = () =>
    createEngine({
      store,
      journal,
      stacks: { get: () => loaded.current },
      actions,
      operator,
      clock: () => time.now,
      keptLookMs: 5,
      ...(options.onPoint === undefined ? {} : { onPoint: options.onPoint }),
      environments: { get: () => environment.current },
      contextFor: (env) => ({
        environment: env,
        session: async () => session,
        secret: async () => 'secret-value',
        slots: noSlots,
        localFolder: folder,
        operator,
        now: () => time.now,
        http: { request: () => Promise.reject(new Error('no HTTP here')), close: async () => undefined },
        memory: { remember: () => undefined, recall: () => undefined, verified: () => undefined },
      }),
      redact: (value) => JSON.parse(JSON.stringify(value).replaceAll('secret-value', '‹secret›')) as typeof value,
    });
  const engine: Engine = make();
  const prepare = async (runbook: string, inputs: Record<string, string> = {}) => {
    const plan = engine.plan({ environmentId: 'env-1', runbook, inputs });
    const preflight = await engine.preflight({ planId: plan.id });
    return { plan, preflight };
  };
  const begin = async (runbook: string): Promise<Run> => {
    const { plan } = await prepare(runbook);
    const { token } = engine.confirm({ planId: plan.id, planHash: plan.hash, typedName: 'Prod' });
    return engine.start({ planId: plan.id, token });
  };
  return {
    folder,
    world,
    time,
    store,
    journal,
    environment,
    loaded,
    engine,
    prepare,
    begin,
    make,
    session,
    stackText,
    actions,
    run: async (runbook: string): Promise<Run> => engine.settled((await begin(runbook)).id),
    async close() {
      await engine.close();
      journal.close();
      store.close();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
