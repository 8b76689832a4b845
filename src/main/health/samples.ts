import type { HealthSample, HealthState } from '../../contract/health.ts';
import type { Store } from '../store/store.ts';

const DAY = 86_400_000;
const KEPT_DAYS = 180;
const EXACT_DAYS = 7;
const BUCKET_MS = 300_000;
const WATERMARK = 'health-compacted-to';

const letters = { healthy: 'h', degraded: 'd', unhealthy: 'u', unobserved: 'o' } as const;
const states: Readonly<Record<string, HealthState>> = { h: 'healthy', d: 'degraded', u: 'unhealthy', o: 'unobserved' };

interface Row {
  at: number;
  state: string;
  latency_us: number | null;
  reason: string | null;
}

const fromRow = (row: Row): HealthSample => ({
  at: row.at,
  state: states[row.state] ?? 'unknown',
  ...(row.latency_us === null ? {} : { latencyMs: row.latency_us / 1000 }),
  ...(row.reason === null ? {} : { reason: row.reason }),
});

/** Every look of every probe, on disk. */
export interface Samples {
  add(environmentId: string, probeId: string, sample: HealthSample): void;
  /** In order of time, both ends included. */
  range(environmentId: string, probeId: string, from: number, to: number): HealthSample[];
  /** The newest `count`, oldest first. */
  newest(environmentId: string, probeId: string, count: number): HealthSample[];
  /** Latencies of observed looks since `from`, in milliseconds. */
  latencies(environmentId: string, probeId: string, from: number): number[];
  /** Deletes what is older than 180 days; of what is older than 7 days keeps of every 5 minutes the worst, slowest and fastest look. */
  compact(now: number): void;
}

/** Opens the samples of a store. */
export function createSamples(store: Store): Samples {
  const insert = store.prepare(
    'INSERT OR REPLACE INTO health_samples (environment_id, probe_id, at, state, latency_us, reason) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const range = store.prepare<[string, string, number, number], Row>(
    'SELECT at, state, latency_us, reason FROM health_samples WHERE environment_id = ? AND probe_id = ? AND at BETWEEN ? AND ? ORDER BY at',
  );
  const newest = store.prepare<[string, string, number], Row>(
    'SELECT at, state, latency_us, reason FROM health_samples WHERE environment_id = ? AND probe_id = ? ORDER BY at DESC LIMIT ?',
  );
  const latencies = store.prepare<[string, string, number], { latency_us: number }>(
    "SELECT latency_us FROM health_samples WHERE environment_id = ? AND probe_id = ? AND at >= ? AND latency_us IS NOT NULL AND state <> 'o'",
  );
  const probes = store.prepare<[], { environment_id: string; probe_id: string }>(
    'SELECT DISTINCT environment_id, probe_id FROM health_samples',
  );
  const expire = store.prepare('DELETE FROM health_samples WHERE environment_id = ? AND probe_id = ? AND at < ?');
  const thin = store.prepare(`
    WITH ranked AS (
      SELECT at,
        row_number() OVER (PARTITION BY at / ${BUCKET_MS} ORDER BY instr('ohdu', state) DESC, at) AS worst,
        row_number() OVER (PARTITION BY at / ${BUCKET_MS} ORDER BY latency_us DESC, at) AS slowest,
        row_number() OVER (PARTITION BY at / ${BUCKET_MS} ORDER BY latency_us IS NULL, latency_us, at) AS fastest
      FROM health_samples WHERE environment_id = @environment AND probe_id = @probe AND at >= @from AND at < @to
    )
    DELETE FROM health_samples WHERE environment_id = @environment AND probe_id = @probe
      AND at IN (SELECT at FROM ranked WHERE worst > 1 AND slowest > 1 AND fastest > 1)`);
  const readMark = store.prepare<[string], { value: string }>('SELECT value FROM settings WHERE name = ?');
  const saveMark = store.prepare(
    'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  );

  return {
    add(environmentId, probeId, { at, state, latencyMs, reason }) {
      if (state === 'unknown') return;
      insert.run(environmentId, probeId, at, letters[state], latencyMs === undefined ? null : Math.round(latencyMs * 1000), reason ?? null);
    },
    range: (environmentId, probeId, from, to) => range.all(environmentId, probeId, from, to).map(fromRow),
    newest: (environmentId, probeId, count) => newest.all(environmentId, probeId, count).reverse().map(fromRow),
    latencies: (environmentId, probeId, from) => latencies.all(environmentId, probeId, from).map((row) => row.latency_us / 1000),
    compact(now) {
      // Whole buckets only, so that doing it again later changes nothing.
      const to = Math.floor((now - EXACT_DAYS * DAY) / BUCKET_MS) * BUCKET_MS;
      const from = Number(readMark.get(WATERMARK)?.value ?? 0);
      for (const { environment_id: environment, probe_id: probe } of probes.all()) {
        store.transaction(() => {
          expire.run(environment, probe, now - KEPT_DAYS * DAY);
          if (to > from) thin.run({ environment, probe, from, to });
        })();
      }
      if (to > from) saveMark.run(WATERMARK, String(to));
    },
  };
}
