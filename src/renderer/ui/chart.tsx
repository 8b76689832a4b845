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

/** A latency chart. Redrawn when the theme or the size changes; gaps stay gaps. */
export function LatencyChart({ series, zone, height = 180, label }: { series: Series; zone: Zone; height?: number; label: string }) {
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
          scales: { y: { range: (_plot, _min, max) => [0, Math.max(10, max * 1.15)] } },
          axes: [
            { stroke: ink, font, grid, ticks: grid, values: '{HH}:{mm}', space: 64, size: 28 },
            { stroke: ink, font, grid, ticks: grid, size: 60, values: (_plot, splits) => splits.map((ms) => formatLatency(ms)) },
          ],
          series: [
            {},
            {
              stroke: colour(element, '--accent'),
              width: 1.5,
              fill: colour(element, '--bg-selected'),
              spanGaps: false,
              points: { show: false },
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
  }, [series, zone, height]);
  return <div ref={box} className="chart" role="img" aria-label={label} style={{ height }} />;
}
