import type { FaultPoint, PointWhere } from '../../src/main/engine/types.ts';
import type { CutMode } from '../support/cut-proxy.ts';
import type { FaultCase } from './cases.ts';
import { killJobs, killServing, remoteJobs } from './remote-jobs.ts';
import type { World } from './world.ts';

const WATCH_MS = 4;

/**
 * Calls `now` when the effect of a step is under way: as soon as a job of its key runs on the host (and `lateMs` more), or, for a step
 * without one, when `bytes` went out. Stopped by the returned function, which tells whether it had called.
 */
export function whenUnderWay(
  world: World,
  stepKey: string,
  when: { readonly lateMs: number; readonly bytes: number },
  now: (how: 'job' | 'bytes') => void,
): () => boolean {
  const from = world.proxy.relayed.up;
  let called = false;
  let seenAt: number | undefined;
  const timer = setInterval(() => {
    const runs = remoteJobs(world.sshd, `${stepKey}-`).some(({ runner, ended }) => runner !== undefined && !ended);
    if (runs) seenAt ??= performance.now();
    const due = seenAt !== undefined ? performance.now() - seenAt >= when.lateMs : world.proxy.relayed.up - from >= when.bytes;
    if (!due) return;
    called = true;
    clearInterval(timer);
    now(seenAt === undefined ? 'bytes' : 'job');
  }, WATCH_MS);
  return () => {
    clearInterval(timer);
    return called;
  };
}

/** A fault that strikes an engine of this process. */
export interface Strike {
  readonly onPoint: (point: FaultPoint, where: PointWhere) => void;
  /** Where it struck; undefined while it has not. */
  readonly struck: PointWhere | undefined;
  /** Room again, and no more watching; connections that are silent stay so. */
  calm(): void;
}

/** Arms a fault of any kind but the killed app. */
export function armStrike(world: World, one: FaultCase, random: () => number): Strike {
  let struck: PointWhere | undefined;
  let reached = false;
  let stopWatch: (() => boolean) | undefined;
  let downTimer: NodeJS.Timeout | undefined;
  const when = { lateMs: Math.floor(random() * 120), bytes: 600 + Math.floor(random() * 6000) };
  const staysDown = random() < 0.25;
  const forwards = random() < 0.5;

  function strike(where: PointWhere, how: 'point' | 'job' | 'bytes'): void {
    struck = where;
    switch (one.fault) {
      case 'fin':
      case 'rst':
      case 'silent':
        world.proxy.cut(one.fault satisfies CutMode);
        if (!staysDown) return;
        world.proxy.refuse();
        downTimer = setTimeout(() => world.proxy.restore(), 400);
        return;
      case 'kill-helper':
        if (how === 'bytes') killServing(world.sshd);
        else killJobs(world.sshd, `${where.stepKey}-`);
        return;
      case 'host-full':
        world.disks.host.fill();
        return;
      case 'state-full':
        world.disks.state.fill();
        world.disks.lock.fill();
        return;
      case 'laptop-full':
        world.disks.laptop.fill();
        return;
      case 'clock':
        world.skewMs = forwards ? 3_600_000 : -3_600_000;
        return;
      case 'kill-app':
        throw new Error('an app is killed in a process of its own');
    }
  }

  return {
    get struck() {
      return struck;
    },
    onPoint(point, where) {
      if (where.stepId !== one.step || where.direction !== one.direction) return;
      // A helper can only be killed once there is one: right after the intent means as soon as it runs.
      const watched = one.point === 'in-effect' || (one.point === 'after-intent' && one.fault === 'kill-helper');
      if (!watched) {
        if (point === one.point && !reached) {
          reached = true;
          strike(where, 'point');
        }
        return;
      }
      if (point === 'after-intent' && !reached) {
        reached = true;
        stopWatch = whenUnderWay(world, where.stepKey, { ...when, lateMs: one.point === 'in-effect' ? when.lateMs : 0 }, (how) =>
          strike(where, how),
        );
      }
      if (point === 'after-effect' && stopWatch?.() === false && struck === undefined) strike(where, 'point');
    },
    calm() {
      stopWatch?.();
      clearTimeout(downTimer);
      world.proxy.restore();
      for (const disk of Object.values(world.disks)) disk.free();
    },
  };
}
