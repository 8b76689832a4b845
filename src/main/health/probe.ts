import type { HealthSample, ProbeView } from '../../contract/health.ts';
import type { ProbeDefinition } from '../stacks/schema.ts';
import type { Samples } from './samples.ts';
import type { Settled } from './settle.ts';
import { notLookedYet, settle } from './settle.ts';
import { percentile, uptime } from './statistics.ts';
import type { Look } from './types.ts';

const HOUR = 3_600_000;
const RECENT = 120;
/** Looks older than this say nothing about now. */
const STALE_MS = 10 * 60_000;
/** In an unobserved stretch, this often a sample says so. */
const UNOBSERVED_EVERY_MS = 5 * 60_000;

/** One probe's memory: settled state, recent looks, figures. */
export interface ProbeMemory {
  readonly definition: ProbeDefinition;
  readonly settled: Settled;
  readonly lastLook: Look | undefined;
  /** Takes a look into account; answers the flip of the settled, observed state if it made one. */
  take(look: Look, at: number): { readonly from: string; readonly to: string } | undefined;
  /** Settles as unobserved without a look; recorded at the beginning of the stretch and then now and then. */
  skip(words: string, at: number): void;
  latencies(from: number): number[];
  view(at: number): ProbeView;
}

function target(definition: ProbeDefinition): string {
  if (definition.kind === 'disk') return `free space of ${definition.disk?.path ?? '?'}`;
  return `GET ${definition.http?.path ?? '/metrics'}`;
}

/** Opens the memory of a probe; recent looks of an earlier run of the app are replayed, so that a restart loses no state. */
export function createProbeMemory(options: {
  definition: ProbeDefinition;
  environmentId: string;
  samples: Samples;
  now: number;
  target?: string;
}): ProbeMemory {
  const { definition, environmentId, samples, now } = options;
  const { id } = definition;
  const thresholds = { failures: definition.failures, successes: definition.successes };
  const recent: HealthSample[] = samples.newest(environmentId, id, RECENT);
  let settled = notLookedYet(now);
  const newest = recent.at(-1);
  if (newest !== undefined && now - newest.at <= STALE_MS && newest.at <= now) {
    for (const { state, at } of recent) if (state !== 'unknown') settled = settle(settled, { state, at }, thresholds);
  }
  let lastLook: Look | undefined;
  let words = 'not looked yet';
  let facts: Readonly<Record<string, string>> = {};
  let figures: { p95Ms: number | null; uptime: number | null } | undefined;

  const record = (sample: HealthSample): void => {
    samples.add(environmentId, id, sample);
    recent.push(sample);
    if (recent.length > RECENT) recent.shift();
    figures = undefined;
  };
  const summary = (): string => {
    if (lastLook === undefined || settled.streak === undefined) return words;
    const needed = settled.streak.direction === 'worse' ? definition.failures : definition.successes;
    return `${words} (${settled.streak.states.length} of ${needed} looks before it counts)`;
  };

  return {
    definition,
    get settled() {
      return settled;
    },
    get lastLook() {
      return lastLook;
    },
    take(look, at) {
      if (look.state === 'unobserved') {
        this.skip(look.words, at);
        lastLook = look;
        return undefined;
      }
      const from = settled.observed;
      settled = settle(settled, { state: look.state, at }, thresholds);
      lastLook = look;
      words = look.words;
      if (Object.keys(look.facts).length > 0) facts = look.facts;
      record({
        at,
        state: look.state,
        ...(look.latencyMs === undefined ? {} : { latencyMs: look.latencyMs }),
        ...(look.state === 'healthy' ? {} : { reason: look.words.slice(0, 2000) }),
      });
      const to = settled.observed;
      return to === undefined || from === to || (from === undefined && to === 'healthy') ? undefined : { from: from ?? 'unknown', to };
    },
    skip(why, at) {
      const began = settled.state !== 'unobserved';
      const last = recent.at(-1);
      settled = settle(settled, { state: 'unobserved', at }, thresholds);
      lastLook = undefined;
      words = why;
      if (began || last === undefined || last.state !== 'unobserved' || at - last.at >= UNOBSERVED_EVERY_MS)
        record({ at, state: 'unobserved', reason: why.slice(0, 2000) });
    },
    latencies: (from) => samples.latencies(environmentId, id, from),
    view(at) {
      figures ??= {
        p95Ms: percentile(samples.latencies(environmentId, id, at - HOUR), 0.95, 20),
        uptime: uptime(samples.range(environmentId, id, at - 24 * HOUR, at), definition.every, at),
      };
      const last = recent.at(-1);
      return {
        id,
        title: definition.title,
        target: options.target ?? target(definition),
        state: settled.state,
        since: settled.since,
        ...(last === undefined ? {} : { last }),
        summary: summary(),
        failureThreshold: definition.failures,
        successThreshold: definition.successes,
        intervalMs: definition.every,
        ...figures,
        recent: [...recent],
        facts: { ...facts },
      };
    },
  };
}
