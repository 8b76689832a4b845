import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { PointWhere } from '../../src/main/engine/types.ts';
import type { FaultCase } from './cases.ts';
import type { Doom, DoomWord } from './doomed-app.ts';
import { whenUnderWay } from './strike.ts';
import type { World } from './world.ts';

/** Starts apps ahead of time, so that a case does not wait for one to load. */
export interface DoomedApps {
  /** Has one drive the run until it is killed at the case's point. Throws when it ended otherwise. */
  perish(
    world: World,
    one: FaultCase,
    order: { runbook: string; inputs: Doom['inputs']; revert?: string },
    random: () => number,
  ): Promise<void>;
  close(): Promise<void>;
}

const program = fileURLToPath(new URL('./doomed-app.ts', import.meta.url));

/** See {@link DoomedApps}. */
export function createDoomedApps(): DoomedApps {
  const alive = new Set<ChildProcess>();
  let next: ChildProcess | undefined;

  function start(): ChildProcess {
    const child = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    alive.add(child);
    child.once('exit', () => alive.delete(child));
    return child;
  }

  return {
    async perish(world, one, order, random) {
      const child = next ?? start();
      next = undefined;
      const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
      const when = { lateMs: Math.floor(random() * 120), bytes: 600 + Math.floor(random() * 6000) };
      let ended: string | undefined;
      let stop: (() => boolean) | undefined;
      const kill = (): void => void child.kill('SIGKILL');
      child.on('message', (message) => {
        const said = message as DoomWord;
        if (said.word === 'ended') {
          ended = said.state;
          kill();
        }
        if (said.word === 'in-effect') stop = whenUnderWay(world, (said.where satisfies PointWhere).stepKey, when, kill);
        if (said.word === 'effect-over') kill();
      });
      child.send({ handle: world.handle, one, ...order } satisfies Doom);
      const [code, signal] = await exited;
      stop?.();
      next = start();
      if (ended !== undefined) throw new Error(`the point was never reached; the run ended: ${ended}`);
      if (signal !== 'SIGKILL') throw new Error(`the app ended by itself with ${code ?? signal}`);
    },
    async close() {
      next = undefined;
      await Promise.all(
        [...alive].map(async (child) => {
          const exited = once(child, 'exit');
          child.kill('SIGKILL');
          await exited;
        }),
      );
    },
  };
}
