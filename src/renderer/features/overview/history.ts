import type { HealthSample } from '../../../contract/health.ts';
import type { Series } from '../../ui/chart.tsx';
import { plural } from '../../ui/format.ts';

/** Samples as a series with gaps: where nothing was observed, and where no look was made for far longer than usual. */
export function historySeries(samples: readonly HealthSample[], intervalMs: number): Series {
  const times: number[] = [];
  const values: (number | null)[] = [];
  let before: number | undefined;
  const allowed = Math.max(intervalMs * 4, medianStep(samples) * 4);
  for (const { at, latencyMs, state } of samples) {
    if (before !== undefined && at - before > allowed) {
      times.push(before + 1);
      values.push(null);
    }
    times.push(at);
    values.push(state === 'unobserved' ? null : (latencyMs ?? null));
    before = at;
  }
  return { times, values };
}

/** Long spans are thinned out by the host: what counts as a hole depends on how far the points stand apart. */
function medianStep(samples: readonly HealthSample[]): number {
  const steps = samples.slice(1).map((sample, place) => sample.at - (samples[place]?.at ?? sample.at));
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 0;
}

/** What the looks of a span were, in words for those who do not see the chart. */
export function historyWords(samples: readonly HealthSample[]): string {
  const observed = samples.filter(({ state }) => state !== 'unobserved' && state !== 'unknown');
  const bad = observed.filter(({ state }) => state === 'unhealthy' || state === 'degraded').length;
  const missed = samples.length - observed.length;
  if (samples.length === 0) return 'Nothing was recorded in this span.';
  return `${plural(samples.length, 'look')}: ${observed.length - bad} healthy, ${bad} not healthy, ${missed} unobserved.`;
}
