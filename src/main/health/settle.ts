import type { HealthState } from '../../contract/health.ts';

type Observed = 'healthy' | 'degraded' | 'unhealthy';
const severity: Readonly<Record<Observed, number>> = { healthy: 0, degraded: 1, unhealthy: 2 };

/** What is settled, and what speaks against it. */
export interface Settled {
  readonly state: HealthState;
  readonly since: number;
  /** The last settled state that was observed: what an unobserved stretch goes back to. */
  readonly observed: Observed | undefined;
  /** Looks in a row that were all worse, or all better, than `observed`. */
  readonly streak: { readonly direction: 'worse' | 'better'; readonly states: readonly Observed[] } | undefined;
}

export const notLookedYet = (at: number): Settled => ({ state: 'unknown', since: at, observed: undefined, streak: undefined });

/**
 * Takes one look into account. A change needs `failures` worse looks in a row, or `successes` better ones, and goes to what
 * all of them agree on (the mildest of the worse, the worst of the better). The first look ever settles at once: there is
 * nothing it could flap against. An unobserved look shows at once and changes nothing beneath it.
 */
export function settle(
  before: Settled,
  look: { state: Exclude<HealthState, 'unknown'>; at: number },
  thresholds: { failures: number; successes: number },
): Settled {
  const { at } = look;
  const show = (state: HealthState, observed: Observed | undefined, streak: Settled['streak']): Settled => ({
    state,
    since: state === before.state ? before.since : at,
    observed,
    streak,
  });
  if (look.state === 'unobserved') return show('unobserved', before.observed, undefined);
  if (before.observed === undefined) return show(look.state, look.state, undefined);
  const difference = severity[look.state] - severity[before.observed];
  if (difference === 0) return show(before.observed, before.observed, undefined);
  const direction = difference > 0 ? 'worse' : 'better';
  const states = [...(before.streak?.direction === direction ? before.streak.states : []), look.state];
  const needed = direction === 'worse' ? thresholds.failures : thresholds.successes;
  if (states.length < needed) return show(before.observed, before.observed, { direction, states });
  const agreed = states.reduce((a, b) => ((direction === 'worse') === severity[b] < severity[a] ? b : a));
  return show(agreed, agreed, undefined);
}
