/** One sample of the Prometheus text format. */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const MAX_SAMPLES = 50_000;
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;

function parseValue(text: string): number | undefined {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(text)) return Number.NaN;
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

/** Reads `{a="b",c="d"}` from its opening brace; undefined when it is not well-formed. */
function parseLabels(line: string, from: number): { labels: Record<string, string>; end: number } | undefined {
  const labels: Record<string, string> = {};
  let at = from + 1;
  for (;;) {
    while (line[at] === ' ' || line[at] === ',' || line[at] === '\t') at += 1;
    if (line[at] === '}') return { labels, end: at + 1 };
    const name = /^[a-zA-Z_][a-zA-Z0-9_]*/.exec(line.slice(at, at + 200))?.[0];
    if (name === undefined) return undefined;
    at += name.length;
    while (line[at] === ' ') at += 1;
    if (line[at] !== '=') return undefined;
    at += 1;
    while (line[at] === ' ') at += 1;
    if (line[at] !== '"') return undefined;
    let value = '';
    for (at += 1; line[at] !== '"'; at += 1) {
      if (at >= line.length) return undefined;
      if (line[at] !== '\\') value += line[at];
      else {
        at += 1;
        value += line[at] === 'n' ? '\n' : (line[at] ?? '');
      }
    }
    at += 1;
    Object.defineProperty(labels, name, { value, enumerable: true, configurable: true, writable: true });
  }
}

/**
 * Reads the Prometheus text exposition format (0.0.4; OpenMetrics' extras are skipped). A line that is not well-formed is
 * counted in `bad` and left out: one odd metric must not hide the others. At most 50,000 samples are kept.
 */
export function parseMetrics(text: string): { samples: MetricSample[]; bad: number } {
  const samples: MetricSample[] = [];
  let bad = 0;
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const name = NAME.exec(line)?.[0];
    const afterName = name === undefined ? '' : line.slice(name.length).trimStart();
    const at = line.length - afterName.length;
    const labels = afterName.startsWith('{') ? parseLabels(line, at) : { labels: {}, end: at };
    const value = labels === undefined ? undefined : parseValue(line.slice(labels.end).trim().split(/\s+/, 1)[0] ?? '');
    if (name === undefined || labels === undefined || value === undefined) {
      bad += 1;
      continue;
    }
    if (samples.length >= MAX_SAMPLES) break;
    samples.push({ name, labels: labels.labels, value });
  }
  return { samples, bad };
}

/** What identifies a series: its name and its labels in a fixed order. */
export function seriesKey(sample: MetricSample): string {
  return JSON.stringify([sample.name, ...Object.entries(sample.labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
