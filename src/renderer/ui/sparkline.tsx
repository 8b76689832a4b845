import type { HealthSample } from '../../contract/health.ts';

const WIDTH = 240;
const HEIGHT = 36;
const STRIP = 5;
const PLACES = 60;
/** The line keeps off the upper edge: a single look stands near the middle. */
const HEADROOM = 1.25;

/**
 * Splits samples into runs that have a latency: an unobserved look is a gap, never a line drawn across.
 * Places are counted from the right, so that the newest look always stands at the same place.
 */
export function sparkRuns(samples: readonly HealthSample[], places = PLACES): { points: [number, number][][]; max: number } {
  const shown = samples.slice(-places);
  const max = Math.max(1, ...shown.map((sample) => (sample.latencyMs ?? 0) * HEADROOM));
  const points: [number, number][][] = [];
  let open: [number, number][] | undefined;
  shown.forEach((sample, place) => {
    if (sample.latencyMs === undefined || sample.state === 'unobserved') {
      open = undefined;
      return;
    }
    const at: [number, number] = [places - shown.length + place, sample.latencyMs / max];
    if (open === undefined) {
      open = [at];
      points.push(open);
    } else open.push(at);
  });
  return { points, max };
}

/** Latencies as a line, states as a strip below it. Its words are said by the tile. */
export function Sparkline({ samples }: { samples: readonly HealthSample[] }) {
  const { points } = sparkRuns(samples);
  const step = WIDTH / PLACES;
  const top = 2;
  const bottom = HEIGHT - STRIP - 4;
  const x = (place: number): number => (place + 0.5) * step;
  const y = (share: number): number => bottom - share * (bottom - top);
  const shown = samples.slice(-PLACES);
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
      <rect className="spark-track" x={0.5} y={HEIGHT - STRIP} width={Math.max(0, (PLACES - shown.length) * step - 1)} height={STRIP} />
      {points.map((run) => {
        const line = run.map(([place, share], index) => `${index === 0 ? 'M' : 'L'}${x(place).toFixed(1)} ${y(share).toFixed(1)}`).join('');
        const first = run[0]?.[0] ?? 0;
        const last = run.at(-1)?.[0] ?? 0;
        return (
          <g key={first}>
            {run.length > 1 && (
              <path className="spark-area" d={`${line}L${x(last).toFixed(1)} ${bottom}L${x(first).toFixed(1)} ${bottom}Z`} />
            )}
            <path
              className={run.length > 1 ? 'spark-line' : 'spark-line spark-dot'}
              d={run.length > 1 ? line : `${line}h0.1`}
              vectorEffect="non-scaling-stroke"
            />
          </g>
        );
      })}
      {shown.map((sample, place) => (
        <rect
          key={sample.at}
          className={`spark-${sample.state}`}
          x={(PLACES - shown.length + place) * step + 0.5}
          y={HEIGHT - STRIP}
          width={step - 1}
          height={STRIP}
        />
      ))}
    </svg>
  );
}
