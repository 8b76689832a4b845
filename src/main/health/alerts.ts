import type { AlertView, HealthState } from '../../contract/health.ts';
import type { AlertDefinition } from '../stacks/schema.ts';
import type { Counter } from './counters.ts';
import { createCounter } from './counters.ts';
import { broken } from './expectations.ts';
import { percentile } from './statistics.ts';
import type { Look } from './types.ts';

/** What a rule may look at. */
export interface ProbeFacts {
  readonly title: string;
  readonly settled: HealthState;
  readonly words: string;
  readonly failures: number;
  readonly successes: number;
  /** Latencies of observed looks since a time. */
  latencies(from: number): number[];
}

type State = AlertView['state'];
type Verdict = { readonly state: State; readonly detail: string };

/** One rule and what it holds at the moment. */
export interface Alert {
  view(): AlertView;
  /** Takes a new look of the rule's probe into account; answers the flip (`ok` ↔ `firing`) if it made one. */
  update(look: Look, facts: ProbeFacts, at: number): { readonly from: State; readonly to: State } | undefined;
}

const minutes = (ms: number): string =>
  ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1000} s`;

function judgeShare(rule: Extract<AlertDefinition['rule'], { kind: 'metric-share' }>, counter: Counter): Verdict {
  const growth = counter.growth(rule.label, rule.matches);
  if (growth === undefined) return { state: 'unknown', detail: 'two scrapes are needed; there is one so far' };
  const total = Math.round(growth.total);
  if (total < rule.min_count)
    return { state: 'unknown', detail: `only ${total} in ${minutes(rule.window)}: fewer than ${rule.min_count} are too few to judge` };
  const share = growth.matched / growth.total;
  const words = `${(share * 100).toFixed(1)} % of ${total} have ${rule.label} ${rule.matches} (limit ${(rule.above * 100).toFixed(1)} %, last ${minutes(rule.window)})`;
  return { state: share > rule.above ? 'firing' : 'ok', detail: words };
}

function judge(rule: AlertDefinition['rule'], look: Look, facts: ProbeFacts, at: number, counter: Counter | undefined): Verdict {
  if (look.state === 'unobserved') return { state: 'unobserved', detail: look.words };
  switch (rule.kind) {
    case 'probe-state': {
      if (facts.settled === 'unknown' || facts.settled === 'unobserved') return { state: facts.settled, detail: facts.words };
      return { state: facts.settled === rule.is ? 'firing' : 'ok', detail: `${facts.title} is ${facts.settled}: ${facts.words}` };
    }
    case 'probe-json': {
      if (look.json === undefined) return { state: 'unknown', detail: `${facts.title} gave no JSON: ${look.words}` };
      const words = broken(rule.json, look.json);
      return words === undefined ? { state: 'ok', detail: `${rule.json.path} is as it should be` } : { state: 'firing', detail: words };
    }
    case 'probe-p95': {
      const values = facts.latencies(at - rule.window);
      const p95 = percentile(values, 0.95, rule.min_samples);
      if (p95 === null)
        return { state: 'unknown', detail: `${values.length} of ${rule.min_samples} looks that are needed in ${minutes(rule.window)}` };
      return {
        state: p95 > rule.above ? 'firing' : 'ok',
        detail: `p95 is ${Math.round(p95)} ms over ${values.length} looks (limit ${rule.above} ms, last ${minutes(rule.window)})`,
      };
    }
    default:
      return counter === undefined ? { state: 'unknown', detail: 'nothing was scraped' } : judgeShare(rule, counter);
  }
}

/**
 * A rule evaluated on the laptop. What rests on single bodies (`probe-json`) needs as many of them in a row as the probe's
 * own thresholds say; the others rest on settled states and windows already.
 */
export function createAlert(definition: AlertDefinition, now: number): Alert {
  const { rule } = definition;
  const counter = rule.kind === 'metric-share' ? createCounter(rule.metric, rule.window) : undefined;
  let state: State = 'unknown';
  let since = now;
  let detail = 'not looked yet';
  let judged: 'ok' | 'firing' | undefined;
  let streak = 0;

  const show = (next: State, at: number): void => {
    if (next !== state) since = at;
    state = next;
  };

  return {
    view: () => ({
      id: definition.id,
      title: definition.title,
      severity: definition.severity,
      state,
      since,
      detail: detail.slice(0, 2000),
    }),
    update(look, facts, at) {
      if (look.metrics !== undefined) counter?.add(at, look.metrics);
      const verdict = judge(rule, look, facts, at, counter);
      detail = verdict.detail;
      if (verdict.state === 'unknown' || verdict.state === 'unobserved') {
        streak = 0;
        show(verdict.state, at);
        return undefined;
      }
      const needed = rule.kind !== 'probe-json' ? 1 : verdict.state === 'firing' ? facts.failures : facts.successes;
      streak = verdict.state === judged ? 0 : streak + 1;
      if (judged !== undefined && verdict.state !== judged && streak < needed) {
        show(judged, at);
        return undefined;
      }
      streak = 0;
      const from = judged;
      judged = verdict.state;
      show(judged, at);
      return from === judged || (from === undefined && judged === 'ok') ? undefined : { from: from ?? 'unknown', to: judged };
    },
  };
}
