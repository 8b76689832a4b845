import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Zone } from './format.ts';
import { formatLatency } from './format.ts';

/** Points over time, in milliseconds of Unix time; null is a gap. */
export interface Series {
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
}

function colour(element: HTMLElement, token: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${token})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

const DAY = 86_400_000;
/** Up to so many points each is drawn: a line needs two, and one alone would be nothing to see. */
const FEW = 60;

interface LatencyChartProps {
  readonly series: Series;
  readonly zone: Zone;
  /** What the time axis covers, up to now, in milliseconds; also where there are no points. */
  readonly spanMs: number;
  readonly height?: number;
  readonly label: string;
}

/** A latency chart. Redrawn when the theme or the size changes; gaps stay gaps. */
export function LatencyChart({ series, zone, spanMs, height = 180, label }: LatencyChartProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    let plot: uPlot | undefined;
    const draw = (): void => {
      plot?.destroy();
      const ink = colour(element, '--text-3');
      const grid = { stroke: colour(element, '--line'), width: 1 };
      const font = '11px system-ui, sans-serif';
      const data: uPlot.AlignedData = [series.times.map((at) => at / 1000), [...series.values]];
      plot = new uPlot(
        {
          width: Math.max(120, element.clientWidth),
          height,
          legend: { show: false },
          cursor: { y: false, drag: { x: false, y: false } },
          tzDate: (seconds) => (zone === 'utc' ? uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') : new Date(seconds * 1000)),
          scales: {
            x: { range: () => [(Date.now() - spanMs) / 1000, Date.now() / 1000] },
            y: { range: (_plot, _min, max) => [0, Math.max(10, max * 1.15)] },
          },
          axes: [
            { stroke: ink, font, grid, ticks: grid, values: spanMs > DAY ? '{DD} {MMM}' : '{HH}:{mm}', space: 64, size: 28 },
            { stroke: ink, font, grid, ticks: grid, size: 60, values: (_plot, splits) => splits.map((ms) => formatLatency(ms)) },
          ],
          series: [
            {},
            {
              stroke: colour(element, '--accent'),
              width: 1.5,
              fill: colour(element, '--bg-selected'),
              spanGaps: false,
              points: { show: series.times.length <= FEW, size: 4 },
            },
          ],
        },
        data,
        element,
      );
    };
    draw();
    const size = new ResizeObserver(() => plot?.setSize({ width: Math.max(120, element.clientWidth), height }));
    size.observe(element);
    const theme = new MutationObserver(draw);
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    const system = window.matchMedia('(prefers-color-scheme: dark)');
    system.addEventListener('change', draw);
    return () => {
      size.disconnect();
      theme.disconnect();
      system.removeEventListener('change', draw);
      plot?.destroy();
    };
  }, [series, zone, spanMs, height]);
  return <div ref={box} className="chart" role="img" aria-label={label} style={{ height }} />;
}
