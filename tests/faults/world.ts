import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SshSession } from '../../src/main/drivers/ssh/types.ts';
import type { EngineOptions } from '../../src/main/engine/types.ts';
import type { CutProxy } from '../support/cut-proxy.ts';
import type { LabHandle, OpenEngine } from '../support/engine-lab.ts';
import { openEngine } from '../support/engine-lab.ts';
import { reconnecting, startOperationLab } from '../support/operation-lab.ts';
import { connectTo } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { jobLives, killJobs, remoteJobs } from './remote-jobs.ts';
import type { Scenario, ScenarioLab } from './scenario.ts';
import type { SmallDisk } from './small-disk.ts';
import { mountSmallDisk, unmountBelow } from './small-disk.ts';

/** Waits of actions in the harness: short, so that a case lasts seconds. */
export const waits = { askMs: 50, onItsWayMs: 1500 };
/** A connection gone silent is noticed within about a second. */
export const quickKeepalive = { intervalMs: 350, count: 3 };

/** A scenario's components, running, on small file systems, behind a proxy that cuts. */
export interface World {
  readonly scenario: Scenario;
  readonly lab: ScenarioLab;
  readonly sshd: Sshd;
  readonly proxy: CutProxy;
  readonly disks: { readonly host: SmallDisk; readonly state: SmallDisk; readonly lock: SmallDisk; readonly laptop: SmallDisk };
  /** How far the laptop's clock goes wrong, in milliseconds. */
  skewMs: number;
  /** The laptop's side; `fresh` empties it. */
  readonly handle: LabHandle;
  /** Puts everything back to how it was before any case. */
  fresh(): Promise<void>;
  /** An engine on the laptop's store; `quick` notices a silent connection soon. */
  open(options?: { onPoint?: NonNullable<EngineOptions['onPoint']>; quick?: boolean }): Promise<OpenEngine>;
  stop(): Promise<void>;
}

/** Waits until nothing of the host's jobs lives any more; kills what does not end. */
async function jobsOver(sshd: Sshd): Promise<void> {
  const begun = performance.now();
  while (remoteJobs(sshd).some(jobLives)) {
    if (performance.now() - begun > 20_000) killJobs(sshd, '');
    await sleep(20);
  }
}

/** Empties a folder and leaves it there. */
function empty(dir: string): void {
  for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true, force: true });
}

/** Starts a scenario. Needs root and Linux: see {@link smallDiskUnavailable}. */
export async function startWorld(scenario: Scenario): Promise<World> {
  const root = mkdtempSync(join(tmpdir(), 'quarterdeck-faults-'));
  const closers: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
    unmountBelow(root);
    rmSync(root, { recursive: true, force: true });
  };
  const disk = (name: string, mebibytes: number): SmallDisk => {
    const mounted = mountSmallDisk(join(root, name), mebibytes);
    closers.push(() => mounted.unmount());
    return mounted;
  };
  const onExit = (): void => unmountBelow(root);
  process.once('exit', onExit);
  closers.push(() => process.off('exit', onExit));
  try {
    const host = disk('host', scenario.hostMebibytes ?? 96);
    const laptop = disk('laptop', scenario.laptopMebibytes ?? 64);
    const lab = await scenario.start({ hostDir: host.dir, laptopDir: laptop.dir });
    closers.push(() => lab.stop());
    const operation = await startOperationLab({
      stackId: lab.stackId,
      ...(lab.stackText === undefined ? {} : { stackText: lab.stackText }),
      inputs: lab.inputs,
      secrets: lab.secrets,
      ...(lab.variables === undefined ? {} : { variables: lab.variables }),
      laptopDir: join(laptop.dir, 'laptop'),
    });
    closers.push(() => operation.close());
    const { sshd, proxy } = operation;
    const mountAt = (dir: string, mebibytes: number): SmallDisk => {
      const mounted = mountSmallDisk(dir, mebibytes);
      closers.push(() => mounted.unmount());
      return mounted;
    };
    const state = mountAt(sshd.stateHome, 16);
    const lock = mountAt(join(sshd.dir, 'shared'), 1);
    const handle: LabHandle = operation.handle;
    const link = (quick: boolean): { session(): Promise<SshSession>; close(): Promise<void> } =>
      reconnecting(() => connectTo(sshd, { port: proxy.port, ...(quick ? { keepalive: quickKeepalive } : {}) }));
    const kept = link(false);
    closers.push(() => kept.close());
    const disks = { host, state, lock, laptop };
    const world: World = {
      scenario,
      lab,
      sshd,
      proxy,
      disks,
      handle,
      skewMs: 0,
      async fresh() {
        world.skewMs = 0;
        for (const one of Object.values(disks)) one.free();
        proxy.restore();
        if (proxy.bury()) await kept.close();
        await jobsOver(sshd);
        empty(sshd.stateHome);
        empty(lock.dir);
        empty(join(laptop.dir, 'laptop'));
        mkdirSync(handle.localFolder);
        await lab.reset();
      },
      async open({ onPoint, quick = false } = {}) {
        const own = quick ? link(true) : kept;
        const open = await openEngine(handle, own.session, {
          waits,
          clock: () => Date.now() + world.skewMs,
          engine: { keptLookMs: 100, ...(onPoint === undefined ? {} : { onPoint }) },
        });
        return {
          ...open,
          async close() {
            await open.close();
            if (own !== kept) await own.close();
          },
        };
      },
      stop,
    };
    return world;
  } catch (error) {
    await stop();
    throw error;
  }
}
