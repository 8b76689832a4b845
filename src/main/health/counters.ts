import type { MetricSample } from './prometheus.ts';
import { seriesKey } from './prometheus.ts';

interface Scrape {
  readonly at: number;
  readonly values: ReadonlyMap<string, { readonly value: number; readonly labels: Readonly<Record<string, string>> }>;
}

/** How much a counter grew over a window, in all and where a label matches. */
export interface Growth {
  readonly total: number;
  readonly matched: number;
  /** From the first to the last scrape taken into account, in milliseconds. */
  readonly spanMs: number;
}

/** `429`, or with stars: `5*`. */
export function labelMatches(value: string | undefined, pattern: string): boolean {
  if (value === undefined) return false;
  const parts = pattern.split('*');
  if (parts.length === 1) return value === pattern;
  const [first = '', ...rest] = parts;
  if (!value.startsWith(first)) return false;
  let at = first.length;
  for (const [index, part] of rest.entries()) {
    const last = index === rest.length - 1;
    const found = last ? (value.endsWith(part) ? value.length - part.length : -1) : value.indexOf(part, at);
    if (found < at) return false;
    at = found + part.length;
  }
  return true;
}

/** Keeps the scrapes of one counter for as long as its rule looks back. */
export function createCounter(metric: string, windowMs: number) {
  let scrapes: Scrape[] = [];

  return {
    add(at: number, samples: readonly MetricSample[]): void {
      const own = samples.filter(({ name, value }) => name === metric && Number.isFinite(value));
      const next: Scrape = {
        at,
        values: new Map(own.map((sample) => [seriesKey(sample), { value: sample.value, labels: sample.labels }])),
      };
      // The newest scrape before the window stays: the growth inside the window begins there, unless a gap lies between.
      const firstInside = scrapes.findIndex((scrape) => scrape.at >= at - windowMs);
      const from = firstInside < 0 ? scrapes.length - 1 : Math.max(0, firstInside - 1);
      scrapes = [...scrapes.slice(Math.max(0, from)).filter((scrape) => scrape.at >= at - windowMs * 1.5), next];
    },

    /**
     * Growth over the window; undefined with fewer than two scrapes. A value lower than before means that the process
     * started anew: it counts from zero. A series that was not there before counts from zero too.
     */
    growth(label: string, matches: string): Growth | undefined {
      const first = scrapes[0];
      const last = scrapes.at(-1);
      if (first === undefined || last === undefined || first === last) return undefined;
      let total = 0;
      let matched = 0;
      for (const [index, scrape] of scrapes.entries()) {
        const before = scrapes[index - 1];
        if (before === undefined) continue;
        for (const [key, { value, labels }] of scrape.values) {
          const earlier = before.values.get(key)?.value ?? 0;
          const grown = value < earlier ? value : value - earlier;
          total += grown;
          if (labelMatches(Object.hasOwn(labels, label) ? labels[label] : undefined, matches)) matched += grown;
        }
      }
      return { total, matched, spanMs: last.at - first.at };
    },
  };
}

export type Counter = ReturnType<typeof createCounter>;
