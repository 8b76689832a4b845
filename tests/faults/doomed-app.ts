import { once } from 'node:events';
import type { PointWhere } from '../../src/main/engine/types.ts';
import type { LabHandle } from '../support/engine-lab.ts';
import { openEngine } from '../support/engine-lab.ts';
import { connectTo } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import type { FaultCase } from './cases.ts';
import { waits } from './world.ts';

// An app that is killed: waits for its order, drives a run, and kills itself at the point, so that not one instruction more is carried out.
// In the middle of an effect it tells its parent that the effect begins, and the parent kills it.

/** What the parent sends. */
export interface Doom {
  readonly handle: LabHandle;
  readonly one: FaultCase;
  readonly runbook: string;
  readonly inputs: Readonly<Record<string, string>>;
  /** The finished run that is to be reverted, when the fault belongs to an undo. */
  readonly revert?: string;
}

/** What the child tells. */
export type DoomWord =
  | { readonly word: 'ready' }
  | { readonly word: 'in-effect' | 'effect-over'; readonly where: PointWhere }
  | { readonly word: 'ended'; readonly state: string };

const tell = (word: DoomWord): void => void process.send?.(word);

process.on('disconnect', () => process.exit(1));
tell({ word: 'ready' });
const [{ handle, one, runbook, inputs, revert }] = (await once(process, 'message')) as [Doom];
const { host, port, user, key, knownHosts } = handle.sshd;
const session = await connectTo({ host, port, user, clientKey: { path: key }, knownHosts: () => knownHosts } as Sshd);
const open = await openEngine(handle, session, {
  waits,
  engine: {
    keptLookMs: 100,
    onPoint: async (point, where) => {
      if (where.stepId !== one.step || where.direction !== one.direction) return;
      if (point === one.point) process.kill(process.pid, 'SIGKILL');
      if (one.point !== 'in-effect') return;
      if (point === 'after-intent') tell({ word: 'in-effect', where });
      if (point === 'after-effect') {
        tell({ word: 'effect-over', where });
        // The parent kills us: nothing more may be written.
        await new Promise(() => undefined);
      }
    },
  },
});
const run =
  revert === undefined
    ? await open.begin(runbook, { ...inputs })
    : await open.engine.revert({ runId: revert, typedName: handle.environment.name });
const { state, summary } = await open.engine.settled(run.id);
tell({ word: 'ended', state: `${state}: ${summary}` });
