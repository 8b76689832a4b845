import type { Settings } from '../../../src/contract/app.ts';
import type { DemoStatus } from '../../../src/contract/demo.ts';
import { os } from '../../../src/main/rpc/implement.ts';
import { environments as firstEnvironments, stack } from './environments.ts';
import { createGate } from './gate.ts';
import { createJournal } from './journal-part.ts';
import { createProfiles } from './profiles-part.ts';
import { createReading } from './reading-part.ts';
import { rehearsalsOf } from './rehearsals.ts';
import { createRunning } from './running-part.ts';
import { pause } from './streams.ts';
import { createWorld } from './world.ts';

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

/**
 * A host in memory, for looking at the screens: every state, many rows, long names, hostile text. It keeps no promise of the
 * real one but the contract.
 */
export function createFakeRouter({ empty = false, linesPerSecond = 20, slowMs = 0, failing = [], theme = 'system' }: FakeHostOptions = {}) {
  const world = createWorld(empty);
  const gate = createGate({ slowMs, failing });
  let settings: Settings = { theme, density: 'comfortable', timestamps: 'utc', welcomed: !empty, downloadFolder: '' };
  let demo: DemoStatus = {
    state: empty ? 'stopped' : 'running',
    environmentId: empty ? null : 'demo',
    faults: [],
    detail: empty ? '' : 'SSH on 127.0.0.1:40022',
  };

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
    ...createProfiles(gate, world),
    ...createReading(gate, world, linesPerSecond),
    ...createRunning(gate, world),
    rehearsals: { list: gate.rehearsals.list.handler(({ input }) => rehearsalsOf(input.environmentId)) },
    ...createJournal(gate, empty),
    demo: {
      status: gate.demo.status.handler(() => demo),
      start: gate.demo.start.handler(async () => {
        await pause(600, undefined);
        if (!world.environments.some(({ id }) => id === 'demo'))
          world.environments = [...world.environments, ...firstEnvironments.filter(({ id }) => id === 'demo')];
        demo = { state: 'running', environmentId: 'demo', faults: [], detail: 'SSH on 127.0.0.1:40022' };
        return demo;
      }),
      stop: gate.demo.stop.handler(() => {
        demo = { ...demo, state: 'stopped', faults: [], detail: 'Stopped.' };
        return demo;
      }),
      setFault: gate.demo.setFault.handler(({ input }) => {
        const others = demo.faults.filter((fault) => fault !== input.fault);
        demo = { ...demo, faults: input.on ? [...others, input.fault] : others };
        world.broken = demo.faults.length > 0;
        return demo;
      }),
    },
  });
}
