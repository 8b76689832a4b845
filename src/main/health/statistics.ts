import type { HealthSample, HealthState } from '../../contract/health.ts';

/** Nearest-rank percentile; null when there are fewer than `least` values. `share` is 0..1. */
export function percentile(values: readonly number[], share: number, least: number): number | null {
  if (values.length < Math.max(1, least)) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

/**
 * Share of observed time that was healthy. A look stands for the time until the next one, but never for more than 1.5
 * intervals: what the laptop did not see counts neither way.
 */
export function uptime(samples: readonly { at: number; state: HealthState }[], intervalMs: number, now: number): number | null {
  let observed = 0;
  let healthy = 0;
  samples.forEach((sample, index) => {
    if (sample.state === 'unobserved' || sample.state === 'unknown') return;
    const span = Math.min(Math.max(0, (samples[index + 1]?.at ?? now) - sample.at), intervalMs * 1.5);
    observed += span;
    if (sample.state === 'healthy') healthy += span;
  });
  if (observed > 0) return healthy / observed;
  const last = samples.findLast(({ state }) => state !== 'unobserved' && state !== 'unknown');
  return last === undefined ? null : Number(last.state === 'healthy');
}

const rank: Readonly<Record<HealthState, number>> = { unknown: 0, unobserved: 1, healthy: 2, degraded: 3, unhealthy: 4 };

/** Worst of what was observed; `unobserved` only when nothing was. */
function worst(samples: readonly HealthSample[]): HealthSample | undefined {
  return samples.reduce<HealthSample | undefined>((a, b) => (a === undefined || rank[b.state] > rank[a.state] ? b : a), undefined);
}

/**
 * At most `maxPoints` points of a history. Each stretch of time keeps its fastest and its slowest look and the worst state
 * seen in it, so that neither a spike nor a short outage is averaged away. `samples` are in order of time.
 */
export function downsample(samples: readonly HealthSample[], from: number, to: number, maxPoints: number): HealthSample[] {
  if (samples.length <= maxPoints) return [...samples];
  const buckets = Math.max(1, Math.floor(maxPoints / 2));
  const width = Math.max(1, (to - from + 1) / buckets);
  const grouped = Map.groupBy(samples, ({ at }) => Math.min(buckets - 1, Math.floor((at - from) / width)));
  return [...grouped.values()].flatMap((bucket) => {
    const said = worst(bucket);
    if (said === undefined) return [];
    const timed = bucket.filter(({ latencyMs }) => latencyMs !== undefined).sort((a, b) => (a.latencyMs ?? 0) - (b.latencyMs ?? 0));
    const kept = [...new Set(maxPoints === 1 ? [timed.at(-1) ?? said] : [timed[0] ?? said, timed.at(-1) ?? said])];
    const point = (sample: HealthSample): HealthSample => ({
      at: sample.at,
      state: said.state,
      ...(sample.latencyMs === undefined ? {} : { latencyMs: sample.latencyMs }),
      ...(said.reason === undefined ? {} : { reason: said.reason }),
    });
    return kept.sort((a, b) => a.at - b.at).map(point);
  });
}
