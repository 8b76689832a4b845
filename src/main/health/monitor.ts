import type { ConnectionState } from '../../contract/connections.ts';
import type { Environment } from '../../contract/environments.ts';
import type { AlertView, HealthSnapshot } from '../../contract/health.ts';
import { inputValue } from '../stack-inputs.ts';
import type { ProbeDefinition, StackDefinition } from '../stacks/schema.ts';
import type { Alert } from './alerts.ts';
import { createAlert } from './alerts.ts';
import { lookAtDisk } from './disk-look.ts';
import { lookOverHttp, unobserved } from './http-look.ts';
import { overallOf } from './overall.ts';
import type { ProbeMemory } from './probe.ts';
import { createProbeMemory } from './probe.ts';
import type { Samples } from './samples.ts';
import { startSchedule } from './schedule.ts';
import type { HealthOptions, Look } from './types.ts';
import { within } from './within.ts';

/** Looks are this far apart at the start of a schedule. */
const STAGGER_MS = 200;
const BLIND_EVERY_MS = 60_000;
const REACHABLE_MS = 5000;

/** One environment's probes and rules, at one revision of its profile and stack. */
export interface Monitor {
  readonly environment: Environment;
  readonly running: boolean;
  snapshot(): HealthSnapshot;
  /** Looks at everything once; joins looks that are under way. */
  lookAtAll(): Promise<void>;
  start(): void;
  stop(): void;
  /** Tells how the connection stands now. */
  connection(state: ConnectionState): void;
}

/** Why nothing can be seen over a connection in this phase; undefined when it is up. */
export function blindness(state: Pick<ConnectionState, 'phase' | 'problem'>): string | undefined {
  if (state.phase === 'connected') return undefined;
  const why = state.problem === undefined ? '' : `: ${state.problem.message}`;
  if (state.phase === 'disconnected') return `not connected${why}`;
  if (state.phase === 'blocked') return `the connection waits for you${why}`;
  return `the connection is down, trying again${why}`;
}

/** Makes the monitor; nothing is looked at before `start` or `lookAtAll`. */
export function createMonitor(options: {
  deps: HealthOptions;
  samples: Samples;
  environment: Environment;
  definition: StackDefinition;
  clock: () => number;
  random: () => number;
  onChange: () => void;
}): Monitor {
  const { deps, samples, environment, definition, clock, random, onChange } = options;
  const { id: environmentId } = environment;
  const input = (name: string): string => inputValue(definition, environment.inputs, name);
  const probes = definition.probes.map((probe): ProbeMemory => {
    const target =
      probe.kind === 'disk' && probe.disk !== undefined ? { target: `free space of ${input(probe.disk.path) || probe.disk.path}` } : {};
    return createProbeMemory({ definition: probe, environmentId, samples, now: clock(), ...target });
  });
  const alerts = definition.alerts.map((alert): { probe: string; alert: Alert; title: string } => ({
    probe: alert.rule.probe,
    title: alert.title,
    alert: createAlert(alert, clock()),
  }));
  const underWay = new Map<string, Promise<void>>();
  const ending = new AbortController();
  let stops: (() => void)[] = [];
  let running = false;
  let up: boolean | undefined;
  let reaching: Promise<boolean> | undefined;

  /** Does the SSH connection itself answer? Asked when a look got no answer, so that its silence is not taken for the service's. */
  function reachable(): Promise<boolean> {
    reaching ??= (async () => {
      try {
        const session = await deps.session(environmentId);
        const answer = session.exec({ script: ':' }, { timeoutMs: REACHABLE_MS, signal: ending.signal });
        return (await within(answer, REACHABLE_MS, 'the connection')).outcome === 'done';
      } catch {
        return false;
      } finally {
        reaching = undefined;
      }
    })();
    return reaching;
  }

  function lookOnce(probe: ProbeDefinition): Promise<Look> {
    const { signal } = ending;
    if (probe.kind === 'disk')
      return lookAtDisk({ probe, path: input(probe.disk?.path ?? ''), session: () => deps.session(environmentId), signal });
    return lookOverHttp({
      probe,
      baseUrl: input('base_url'),
      http: deps.http(environmentId),
      secret: (key) => deps.secrets.read(environmentId, key),
      signal,
    });
  }

  async function observe(probe: ProbeDefinition): Promise<Look> {
    const blind = blindness(await deps.connections.get({ environmentId }));
    if (blind !== undefined) return unobserved(blind);
    const [wall, mono] = [clock(), performance.now()];
    const look = await lookOnce(probe);
    if (clock() - wall - (performance.now() - mono) > REACHABLE_MS) return unobserved('this laptop slept during the look');
    if (look.doubtful === true && !(await reachable())) return unobserved('the SSH connection does not answer');
    return look;
  }

  function flipped(kind: 'probe-flipped' | 'alert-flipped', summary: string, data: Record<string, string>): void {
    try {
      deps.journal.append({ kind, environmentId, summary: summary.slice(0, 1000), data });
    } catch (error) {
      deps.log?.error('a flip could not be journaled', { kind, error: error instanceof Error ? error.message : String(error) });
    }
  }

  function note(memory: ProbeMemory, look: Look, at: number): void {
    const { definition: probe } = memory;
    const flip = memory.take(look, at);
    if (flip !== undefined)
      flipped('probe-flipped', `${probe.title}: ${flip.from} → ${flip.to}: ${look.words}`, {
        probeId: probe.id,
        ...flip,
        reason: look.words.slice(0, 500),
      });
    judge(memory, look, at);
  }

  function judge(memory: ProbeMemory, look: Look, at: number): void {
    const { definition: probe } = memory;
    const facts = {
      title: probe.title,
      settled: memory.settled.state,
      words: look.words,
      failures: probe.failures,
      successes: probe.successes,
      latencies: memory.latencies,
    };
    for (const { alert, title, probe: own } of alerts) {
      if (own !== probe.id) continue;
      const turn = alert.update(look, facts, at);
      if (turn !== undefined)
        flipped('alert-flipped', `${title}: ${turn.to === 'firing' ? 'firing' : 'over'}: ${alert.view().detail}`, {
          alertId: alert.view().id,
          ...turn,
        });
    }
  }

  function look(memory: ProbeMemory): Promise<void> {
    const { definition: probe } = memory;
    const joined = underWay.get(probe.id);
    if (joined !== undefined) return joined;
    const work = observe(probe).then((seen) => {
      underWay.delete(probe.id);
      if (ending.signal.aborted) return;
      note(memory, seen, clock());
      onChange();
    });
    underWay.set(probe.id, work);
    work.catch(() => underWay.delete(probe.id));
    return work;
  }

  function goBlind(words: string, at: number): void {
    for (const memory of probes) {
      memory.skip(words, at);
      judge(memory, unobserved(words), at);
    }
    onChange();
  }

  function schedule(): void {
    unschedule();
    stops = probes.map((memory, index) =>
      startSchedule({
        everyMs: memory.definition.every,
        firstMs: index * STAGGER_MS * (0.75 + random() * 0.5),
        clock,
        random,
        look: () => look(memory),
        slept: (from) => memory.skip('this laptop slept', from + 1),
      }),
    );
  }

  function unschedule(): void {
    for (const stop of stops.splice(0)) stop();
  }

  function connection(state: ConnectionState): void {
    const words = blindness(state);
    if (words === undefined) {
      if (up !== true && running) schedule();
      up = true;
      return;
    }
    if (up !== false && running) {
      unschedule();
      const again = setInterval(() => goBlind(words, clock()), BLIND_EVERY_MS);
      again.unref();
      stops.push(() => clearInterval(again));
    }
    up = false;
    goBlind(words, clock());
  }

  return {
    environment,
    get running() {
      return running;
    },
    snapshot() {
      const at = clock();
      const views = probes.map((memory) => memory.view(at));
      const alertViews = alerts.map(({ alert }): AlertView => alert.view());
      return {
        environmentId,
        at,
        ...overallOf(views, alertViews),
        probes: views,
        alerts: [...alertViews, ...(deps.moreAlerts?.(environmentId) ?? [])],
      };
    },
    async lookAtAll() {
      await Promise.all(
        probes.map(async (memory, index) => {
          if (index > 0) await new Promise((resolve) => setTimeout(resolve, index * 20));
          await look(memory);
        }),
      );
    },
    start() {
      if (running) return;
      running = true;
      up = undefined;
      Promise.resolve(deps.connections.get({ environmentId })).then(
        (state) => {
          if (running) connection(state);
        },
        (error: unknown) => deps.log?.error('the state of a connection could not be asked', { error: String(error) }),
      );
    },
    stop() {
      running = false;
      ending.abort();
      unschedule();
    },
    connection: (state) => {
      if (running) connection(state);
    },
  };
}
