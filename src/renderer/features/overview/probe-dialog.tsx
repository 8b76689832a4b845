import { useEffect, useMemo, useState } from 'react';
import type { Environment } from '../../../contract/environments.ts';
import type { HealthSample, ProbeView } from '../../../contract/health.ts';
import { createLoadable, useLoadable } from '../../app/loadable.ts';
import { useClient } from '../../app/services.tsx';
import { LatencyChart } from '../../ui/chart.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Skeleton } from '../../ui/empty.tsx';
import { Choice } from '../../ui/field.tsx';
import { formatDuration, formatLatency, plural } from '../../ui/format.ts';
import { healthLooks, Mark, Pill } from '../../ui/marks.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { Ago, Exact, useZone } from '../../ui/time.tsx';
import { historySeries, historyWords } from './history.ts';

const HOUR = 3_600_000;
const POINTS = 600;
const spans = [
  { value: '1', title: '1 hour', ms: HOUR },
  { value: '24', title: '24 hours', ms: 24 * HOUR },
  { value: '168', title: '7 days', ms: 168 * HOUR },
  { value: '4320', title: '180 days', ms: 4320 * HOUR },
] as const;

/** The looks at which the state changed, newest first. */
export function changesOf(samples: readonly HealthSample[]): HealthSample[] {
  return samples.filter((sample, place) => place === 0 || sample.state !== samples[place - 1]?.state).reverse();
}

/** A probe with its history: what it asked, what it saw, when that changed. */
export function ProbeDialog({ environment, probe, onClose }: { environment: Environment; probe: ProbeView; onClose: () => void }) {
  const client = useClient();
  const zone = useZone();
  const [span, setSpan] = useState<(typeof spans)[number]['value']>('24');
  const length = spans.find(({ value }) => value === span)?.ms ?? HOUR;
  const history = useMemo(
    () =>
      createLoadable((signal) => {
        const to = Date.now();
        return client.health.history(
          { environmentId: environment.id, probeId: probe.id, from: to - length, to, maxPoints: POINTS },
          { signal },
        );
      }),
    [client, environment.id, probe.id, length],
  );
  const { data, problem } = useLoadable(history);
  const newest = probe.last?.at;
  useEffect(() => {
    // A new look came in: the chart goes on. Long spans do not change by one look.
    if (newest !== undefined && length === HOUR) void history.refresh();
  }, [newest, history, length]);
  const series = useMemo(() => historySeries(data ?? [], probe.intervalMs), [data, probe.intervalMs]);
  const changes = useMemo(() => changesOf(data ?? []).slice(0, 40), [data]);

  return (
    <Dialog onClose={onClose} size="large" title={probe.title} description={probe.target}>
      <div className="stack stack-4">
        <div className="row row-wrap">
          <Pill look={healthLooks[probe.state]} />
          <span className="break">{probe.summary}</span>
        </div>
        <p className="faint">
          Looked at every {formatDuration(probe.intervalMs)}. {plural(probe.failureThreshold, 'bad look')} in a row make it unhealthy,{' '}
          {plural(probe.successThreshold, 'good one', 'good ones')} healthy again.
        </p>
        <Choice label="Latency" value={span} onValue={setSpan} options={spans} />
        <div className="chart-box">
          {problem !== undefined ? (
            <ProblemView problem={problem} onRetry={() => void history.refresh()} />
          ) : data === undefined ? (
            <Skeleton lines={6} label="Loading history" />
          ) : (
            <LatencyChart series={series} zone={zone} spanMs={length} label={`Latency of ${probe.title}. ${historyWords(data)}`} />
          )}
        </div>
        {data !== undefined && <p className="faint">{historyWords(data)} Gaps are time in which this laptop could not look.</p>}
        {Object.keys(probe.facts).length > 0 && (
          <dl className="facts">
            {Object.entries(probe.facts).map(([name, value]) => (
              <div key={name} className="facts-pair">
                <dt>{name}</dt>
                <dd className="mono">{value}</dd>
              </div>
            ))}
          </dl>
        )}
        <section className="stack">
          <h3>Changes in this span</h3>
          {changes.length === 0 && <p className="muted">None.</p>}
          <ul className="changes">
            {changes.map((sample) => (
              <li key={sample.at}>
                <span className="nowrap">
                  <Exact at={sample.at} />
                </span>
                <Mark look={healthLooks[sample.state]} />
                <span className="muted break">
                  {sample.reason ?? (sample.latencyMs === undefined ? '' : formatLatency(sample.latencyMs))}
                </span>
                <span className="faint nowrap">
                  <Ago at={sample.at} />
                </span>
              </li>
            ))}
          </ul>
        </section>
      </div>
    </Dialog>
  );
}
