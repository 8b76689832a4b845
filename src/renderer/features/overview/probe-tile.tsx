import type { ProbeView } from '../../../contract/health.ts';
import { formatDuration, formatLatency, formatShare } from '../../ui/format.ts';
import { healthLooks, Mark } from '../../ui/marks.tsx';
import { Sparkline } from '../../ui/sparkline.tsx';
import { Ago } from '../../ui/time.tsx';

const FACTS_SHOWN = 3;

/** One measured number with its name; a dash where nothing was measured, so that nothing moves when it is. */
function Figure({ name, value, title }: { name: string; value: string | undefined; title?: string }) {
  return (
    <div className="figure" title={title}>
      <dt>{name}</dt>
      <dd>{value ?? '–'}</dd>
    </div>
  );
}

/** A probe: how it stands and why, what it measured, what it read. Opens its history. */
export function ProbeTile({ probe, onOpen }: { probe: ProbeView; onOpen: () => void }) {
  const look = healthLooks[probe.state];
  const latency = probe.last?.latencyMs;
  const facts = Object.entries(probe.facts).slice(0, FACTS_SHOWN);
  return (
    <li className={`tile tile-${probe.state}`}>
      <div className="tile-head">
        <h3 className="truncate">
          <button type="button" className="tile-open" onClick={onOpen}>
            {probe.title}
          </button>
        </h3>
        <Mark look={look} />
      </div>
      <code className="faint truncate" title={probe.target}>
        {probe.target}
      </code>
      <p className="tile-summary" title={probe.summary}>
        {probe.summary}
      </p>
      <Sparkline samples={probe.recent} />
      <dl className="figures">
        <Figure name="Latency" value={latency === undefined ? undefined : formatLatency(latency)} />
        <Figure
          name="p95, 1 h"
          value={probe.p95Ms === null ? undefined : formatLatency(probe.p95Ms)}
          title={probe.p95Ms === null ? 'Fewer than 20 observed looks in the last hour' : 'Over the observed looks of the last hour'}
        />
        <Figure
          name="Up, 24 h"
          value={probe.uptime === null ? undefined : formatShare(probe.uptime)}
          title="Share of the observed time that was healthy; unobserved time is left out"
        />
      </dl>
      <div className="tile-facts">
        {facts.map(([name, value]) => (
          <span key={name} className="truncate" title={`${name}: ${value}`}>
            <span className="faint">{name}</span> {value}
          </span>
        ))}
      </div>
      <p className="tile-foot faint">
        {look.word} since <Ago at={probe.since} /> · every {formatDuration(probe.intervalMs)}
      </p>
    </li>
  );
}
