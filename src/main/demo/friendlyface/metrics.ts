const lowBuckets = [0.1, 0.5, 1];
const highBuckets = [0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60];

class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count += 1;
    this.#bounds.forEach((bound, i) => {
      if (value <= bound) this.#counts[i] = (this.#counts[i] ?? 0) + 1;
    });
  }

  lines(name: string, labels: string): string[] {
    const join = (extra: string) => `{${[labels, extra].filter((part) => part !== '').join(',')}}`;
    const own = labels === '' ? '' : `{${labels}}`;
    return [
      ...this.#bounds.map(
        (bound, i) =>
          `${name}_bucket${join(`le="${Number.isInteger(bound) ? bound.toFixed(1) : bound}"`)} ${(this.#counts[i] ?? 0).toFixed(1)}`,
      ),
      `${name}_bucket${join('le="+Inf"')} ${this.#count.toFixed(1)}`,
      `${name}_count${own} ${this.#count.toFixed(1)}`,
      `${name}_sum${own} ${this.#sum}`,
    ];
  }
}

/**
 * The metrics of prometheus-fastapi-instrumentator with its default settings: status codes are grouped (`2xx`, `4xx`),
 * so a 429 cannot be told from a 404 here and must be read from the log; unmatched paths are counted as handler `none`;
 * `/metrics` itself is not counted.
 */
export function createMetrics() {
  const startedAt = Date.now() / 1000;
  const totals = new Map<string, number>();
  const low = new Map<string, Histogram>();
  const high = new Histogram(highBuckets);

  return {
    record(handler: string, method: string, status: number, seconds: number): void {
      if (handler === '/metrics') return;
      const key = `handler="${handler}",method="${method}",status="${Math.floor(status / 100)}xx"`;
      totals.set(key, (totals.get(key) ?? 0) + 1);
      const lowKey = `handler="${handler}",method="${method}"`;
      const histogram = low.get(lowKey) ?? new Histogram(lowBuckets);
      low.set(lowKey, histogram);
      histogram.observe(seconds);
      high.observe(seconds);
    },

    text(): string {
      const cpu = process.cpuUsage();
      const memory = process.memoryUsage();
      return [
        '# HELP process_virtual_memory_bytes Virtual memory size in bytes.',
        '# TYPE process_virtual_memory_bytes gauge',
        `process_virtual_memory_bytes ${memory.rss + memory.external}`,
        '# HELP process_resident_memory_bytes Resident memory size in bytes.',
        '# TYPE process_resident_memory_bytes gauge',
        `process_resident_memory_bytes ${memory.rss}`,
        '# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.',
        '# TYPE process_start_time_seconds gauge',
        `process_start_time_seconds ${startedAt}`,
        '# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.',
        '# TYPE process_cpu_seconds_total counter',
        `process_cpu_seconds_total ${(cpu.user + cpu.system) / 1e6}`,
        '# HELP http_requests_total Total number of requests by method, status and handler.',
        '# TYPE http_requests_total counter',
        ...[...totals].map(([labels, count]) => `http_requests_total{${labels}} ${count.toFixed(1)}`),
        '# HELP http_request_duration_highr_seconds Latency with many buckets but no API specific labels. Made for more accurate percentile calculations.',
        '# TYPE http_request_duration_highr_seconds histogram',
        ...high.lines('http_request_duration_highr_seconds', ''),
        '# HELP http_request_duration_seconds Latency with only few buckets by handler. Made to be only used if aggregation by handler is important.',
        '# TYPE http_request_duration_seconds histogram',
        ...[...low].flatMap(([labels, histogram]) => histogram.lines('http_request_duration_seconds', labels)),
        '',
      ].join('\n');
    },
  };
}

/** The metrics of the service. */
export type Metrics = ReturnType<typeof createMetrics>;
