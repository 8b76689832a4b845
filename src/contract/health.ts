import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { EnvironmentRef, Id, Timestamp } from './common.ts';

/**
 * `unobserved`: this laptop could not look (offline, asleep, tunnel down); says nothing about the deployment and is
 * left out of uptime and p95. `unknown`: not looked yet.
 */
export const HealthState = z.enum(['healthy', 'degraded', 'unhealthy', 'unobserved', 'unknown']);
export type HealthState = z.infer<typeof HealthState>;

/** One look. `latencyMs` is absent when nothing answered. */
export const HealthSample = z.strictObject({
  at: Timestamp,
  state: HealthState,
  latencyMs: z.number().nonnegative().optional(),
  /** Why it is not healthy, in words. */
  reason: z.string().max(2000).optional(),
});
export type HealthSample = z.infer<typeof HealthSample>;

/** A probe as a tile shows it. */
export const ProbeView = z.strictObject({
  id: Id,
  title: z.string(),
  /** What is asked: `GET /health`. */
  target: z.string(),
  /** The settled state: changes only after `failureThreshold` bad or `successThreshold` good looks in a row. */
  state: HealthState,
  since: Timestamp,
  last: HealthSample.optional(),
  /** Words for the tile: why not healthy, or what was seen. */
  summary: z.string(),
  failureThreshold: z.int().positive(),
  successThreshold: z.int().positive(),
  intervalMs: z.int().positive(),
  /** Over the observed looks of the last hour; null while there are fewer than 20. */
  p95Ms: z.number().nullable(),
  /** Share of observed time that was healthy, last 24 h, 0..1; null when nothing was observed. */
  uptime: z.number().min(0).max(1).nullable(),
  /** Up to 120 newest looks, oldest first. */
  recent: z.array(HealthSample).max(120),
  /** Facts read from the body (version, counts), each a short text. */
  facts: z.record(z.string(), z.string()),
});
export type ProbeView = z.infer<typeof ProbeView>;

/** A rule over what probes and metrics saw. `unknown` while there is too little to judge. */
export const AlertView = z.strictObject({
  id: Id,
  title: z.string(),
  severity: z.enum(['critical', 'warning', 'info']),
  state: z.enum(['ok', 'firing', 'unknown', 'unobserved']),
  since: Timestamp,
  detail: z.string(),
});
export type AlertView = z.infer<typeof AlertView>;

/** All of one environment's health at one moment. */
export const HealthSnapshot = z.strictObject({
  environmentId: Id,
  at: Timestamp,
  overall: HealthState,
  /** Why `overall` is what it is, one sentence. */
  summary: z.string(),
  probes: z.array(ProbeView),
  alerts: z.array(AlertView),
});
export type HealthSnapshot = z.infer<typeof HealthSnapshot>;

export const health = {
  snapshot: oc.input(EnvironmentRef).output(HealthSnapshot),
  /** The snapshot, then a new one whenever something changed (at most a few a second). Watching starts the schedule. */
  watch: oc.input(EnvironmentRef).output(eventIterator(HealthSnapshot)),
  /** Looks at everything now, once, and answers when all looks are in. */
  check: oc.input(EnvironmentRef).output(HealthSnapshot),
  history: oc
    .input(EnvironmentRef.extend({ probeId: Id, from: Timestamp, to: Timestamp, maxPoints: z.int().min(1).max(2000) }))
    .output(z.array(HealthSample)),
};
