import type { HealthSample, HealthSnapshot } from '../../contract/health.ts';
import { Problem } from '../../contract/problem.ts';
import type { Feed } from '../rpc/feed.ts';
import { createFeed } from '../rpc/feed.ts';
import type { Monitor } from './monitor.ts';
import { createMonitor } from './monitor.ts';
import { createSamples } from './samples.ts';
import { downsample } from './statistics.ts';
import type { HealthOptions } from './types.ts';

const WATCH_EVERY_MS = 250;
const COMPACT_FIRST_MS = 60_000;
const COMPACT_EVERY_MS = 6 * 3_600_000;

/** The health service. */
export interface Health {
  snapshot(input: { environmentId: string }): Promise<HealthSnapshot>;
  watch(input: { environmentId: string }, signal?: AbortSignal): Promise<Feed<HealthSnapshot>>;
  check(input: { environmentId: string }): Promise<HealthSnapshot>;
  history(input: { environmentId: string; probeId: string; from: number; to: number; maxPoints: number }): Promise<HealthSample[]>;
  close(): Promise<void>;
}

/**
 * Looks at deployments and remembers what was seen. A schedule starts with the first watcher of an environment and runs on
 * while anyone watches or its connection is wanted (any phase but `disconnected`), so that its history has no holes when
 * the user looks at another screen. `check` looks once and needs no schedule. While the connection is not up nothing is
 * looked at: the stretch is recorded as `unobserved`.
 */
export function createHealth(options: HealthOptions): Health {
  const { clock = Date.now, random = Math.random } = options;
  const samples = createSamples(options.store);
  const monitors = new Map<string, { monitor: Monitor; hash: string }>();
  const feeds = new Map<string, Set<Feed<HealthSnapshot>>>();
  const timers: NodeJS.Timeout[] = [];

  const compact = (): void => {
    try {
      samples.compact(clock());
    } catch (error) {
      options.log?.error('old health samples could not be compacted', { error: error instanceof Error ? error.message : String(error) });
    }
  };
  timers.push(setTimeout(compact, COMPACT_FIRST_MS).unref(), setInterval(compact, COMPACT_EVERY_MS).unref());

  function changed(environmentId: string): void {
    const watchers = feeds.get(environmentId);
    const monitor = monitors.get(environmentId)?.monitor;
    if (monitor === undefined) return;
    if (watchers !== undefined && watchers.size > 0) {
      const snapshot = monitor.snapshot();
      for (const feed of watchers) feed.push(snapshot);
    }
    if (monitor.running) refresh(environmentId);
  }

  /** Notices a profile that was edited or removed. */
  function refresh(environmentId: string): void {
    monitorOf(environmentId).catch((error: unknown) => {
      if (error instanceof Problem && error.code === 'not-found') forget(environmentId, error);
    });
  }

  /** The monitor for the profile and the stack as they are now; an edited one is made anew and goes on from its samples. */
  async function monitorOf(environmentId: string): Promise<Monitor> {
    const environment = await options.environments.get({ environmentId });
    const stack = options.stacks.get(environment.stack);
    const known = monitors.get(environmentId);
    if (known !== undefined && known.monitor.environment.revision === environment.revision && known.hash === stack.hash)
      return known.monitor;
    const wasRunning = known?.monitor.running === true;
    known?.monitor.stop();
    const monitor = createMonitor({
      deps: options,
      samples,
      environment,
      definition: stack.definition,
      clock,
      random,
      onChange: () => changed(environmentId),
    });
    monitors.set(environmentId, { monitor, hash: stack.hash });
    if (wasRunning || (feeds.get(environmentId)?.size ?? 0) > 0) monitor.start();
    return monitor;
  }

  function forget(environmentId: string, problem?: unknown): void {
    monitors.get(environmentId)?.monitor.stop();
    monitors.delete(environmentId);
    for (const feed of feeds.get(environmentId) ?? []) {
      if (problem === undefined) feed.end();
      else feed.fail(problem);
    }
    feeds.delete(environmentId);
  }

  const stopListening = options.connections.onState((state) => {
    const { environmentId } = state;
    const monitor = monitors.get(environmentId)?.monitor;
    if (monitor === undefined) return;
    monitor.connection(state);
    const unwatched = (feeds.get(environmentId)?.size ?? 0) === 0;
    if (state.phase === 'disconnected' && unwatched) forget(environmentId);
  });

  return {
    snapshot: async ({ environmentId }) => (await monitorOf(environmentId)).snapshot(),
    async watch({ environmentId }, signal) {
      const monitor = await monitorOf(environmentId);
      const watchers = feeds.get(environmentId) ?? new Set();
      feeds.set(environmentId, watchers);
      const feed: Feed<HealthSnapshot> = createFeed<HealthSnapshot>({
        capacity: 2,
        intervalMs: WATCH_EVERY_MS,
        key: () => 'snapshot',
        onClose: () => {
          watchers.delete(feed);
          signal?.removeEventListener('abort', leave);
        },
      });
      const leave = (): void => void feed.return();
      // Listened to here: a feed that is born over would close before it has a name.
      if (signal?.aborted === true) await feed.return();
      else signal?.addEventListener('abort', leave, { once: true });
      if (feed.closed) return feed;
      watchers.add(feed);
      feed.push(monitor.snapshot());
      monitor.start();
      return feed;
    },
    async check({ environmentId }) {
      const monitor = await monitorOf(environmentId);
      await monitor.lookAtAll();
      return monitor.snapshot();
    },
    async history({ environmentId, probeId, from, to, maxPoints }) {
      await options.environments.get({ environmentId });
      return downsample(samples.range(environmentId, probeId, from, to), from, to, maxPoints);
    },
    async close() {
      stopListening();
      for (const timer of timers) clearTimeout(timer);
      for (const environmentId of new Set([...monitors.keys(), ...feeds.keys()])) forget(environmentId);
    },
  };
}
