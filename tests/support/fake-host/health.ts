import type { AlertView, HealthSample, HealthSnapshot, HealthState, ProbeView } from '../../../src/contract/health.ts';

const MINUTE = 60_000;

function samples(count: number, everyMs: number, base: number, stateAt: (age: number) => HealthState): HealthSample[] {
  const now = Date.now();
  return Array.from({ length: count }, (_, place) => {
    const age = count - place;
    const state = stateAt(age);
    const wave = base * (1 + 0.25 * Math.sin(age / 3) + (0.35 * ((age * 7919) % 13)) / 13);
    return state === 'unobserved'
      ? { at: now - age * everyMs, state }
      : {
          at: now - age * everyMs,
          state,
          latencyMs: state === 'healthy' ? wave : wave * 4,
          ...(state === 'healthy' ? {} : { reason: 'Slower than 1 s.' }),
        };
  });
}

function probe(
  id: string,
  title: string,
  target: string,
  state: HealthState,
  summary: string,
  base: number,
  more: Partial<ProbeView> = {},
): ProbeView {
  const recent = samples(60, 15_000, base, (age) =>
    age > 22 && age < 29 ? 'unobserved' : age < 5 && state !== 'unknown' ? state : 'healthy',
  );
  const last = recent.at(-1);
  return {
    id,
    title,
    target,
    state,
    since: Date.now() - 9 * MINUTE,
    summary,
    failureThreshold: 3,
    successThreshold: 2,
    intervalMs: 15_000,
    p95Ms: base * 1.5,
    uptime: state === 'healthy' ? 1 : 0.9931,
    recent: state === 'unknown' ? [] : recent,
    facts: {},
    ...(last === undefined || state === 'unknown' ? {} : { last }),
    ...more,
  };
}

const alert = (id: string, title: string, severity: AlertView['severity'], state: AlertView['state'], detail: string): AlertView => ({
  id,
  title,
  severity,
  state,
  since: Date.now() - 9 * MINUTE,
  detail,
});

/** A snapshot in the given state: what is wrong, what is well, what could not be seen. */
export function snapshotOf(environmentId: string, overall: HealthState): HealthSnapshot {
  const bad = overall === 'unhealthy';
  const blind = overall === 'unobserved';
  const state = (when: HealthState): HealthState => (blind ? 'unobserved' : overall === 'unknown' ? 'unknown' : when);
  const well = blind ? 'This laptop could not look: the tunnel is down.' : 'Answers as it should.';
  return {
    environmentId,
    at: Date.now(),
    overall,
    summary: bad
      ? 'Chain integrity is unhealthy: the event chain is broken at entry 18,204; restore the last backup that is known to be good.'
      : blind
        ? 'Nothing was observed for 4 minutes: the tunnel is down. This says nothing about the deployment.'
        : overall === 'unknown'
          ? 'Not looked yet.'
          : 'All 5 probes are healthy; no alert is firing.',
    probes: [
      probe('health', 'Service', 'GET /health', state('healthy'), well, 42, {
        facts: { Version: '0.1.0', Events: '18,204', Storage: 'sqlite' },
      }),
      probe(
        'deep',
        'Deep health',
        'GET /health/deep',
        state(bad ? 'degraded' : 'healthy'),
        bad ? 'The chain check says “error”. Answered 503 in 1.9 s.' : well,
        180,
        { facts: { Events: '18,204', Leaves: '18,204' } },
      ),
      probe(
        'chain',
        'Chain integrity',
        'GET /chain/integrity',
        state(bad ? 'unhealthy' : 'healthy'),
        bad ? 'The event chain is broken; restore the last backup that is known to be good.' : well,
        310,
        { facts: { Events: '18,204' } },
      ),
      probe(
        'metrics',
        'Traffic',
        'GET /metrics',
        state('healthy'),
        blind ? well : '12.4 requests a second, 0.2 % answered 5xx, none 429.',
        18,
        { p95Ms: null },
      ),
      probe('disk', 'Backup disk', 'df /srv/friendlyface/backups', state('healthy'), blind ? well : '61.2 GB of 120 GB free (51 %).', 9, {
        facts: { Free: '61.2 GB', Used: '49 %' },
        intervalMs: 60_000,
      }),
    ],
    alerts: [
      alert('service-down', 'Service down', 'critical', blind ? 'unobserved' : 'ok', ''),
      alert(
        'chain-broken',
        'Data integrity violation',
        'critical',
        bad ? 'firing' : blind ? 'unobserved' : 'ok',
        bad ? 'Chain integrity has been unhealthy for 9 min.' : '',
      ),
      alert(
        'slow',
        'Performance degradation',
        'warning',
        bad ? 'firing' : 'ok',
        bad ? 'p95 of Service is 612 ms over 10 min; the threshold is 500 ms.' : '',
      ),
      alert('rate-limit-spike', 'Potential abuse (429 spike)', 'warning', 'unknown', 'Fewer than 20 requests in 5 min.'),
    ],
  };
}

/** History with a night in which the laptop slept. */
export function historyOf(from: number, to: number, points: number): HealthSample[] {
  const step = (to - from) / points;
  return Array.from({ length: points }, (_, place): HealthSample => {
    const at = Math.round(from + place * step);
    const share = place / points;
    if (share > 0.32 && share < 0.45) return { at, state: 'unobserved' };
    const slow = share > 0.8 && share < 0.84;
    return {
      at,
      state: slow ? 'degraded' : 'healthy',
      latencyMs: (slow ? 900 : 45) * (1 + 0.3 * Math.sin(place / 5)),
      ...(slow ? { reason: 'Slower than 1 s.' } : {}),
    };
  });
}
