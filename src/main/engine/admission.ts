import { Problem } from '../../contract/problem.ts';
import type { Plan, Preflight } from '../../contract/runs.ts';
import { checkTypedName, createConfirmations } from './confirm.ts';
import { targetOf } from './plan.ts';
import type { EngineOptions, StoredPlan } from './types.ts';

/** How long a preflight holds, in milliseconds. */
const PREFLIGHT_MS = 10 * 60_000;

/** Decides whether a plan may be carried out: fresh, looked at, confirmed. In memory only, so that a restart asks again. */
export function createAdmission(options: Pick<EngineOptions, 'environments' | 'stacks' | 'clock' | 'tokenSource'>) {
  const { environments, stacks, clock } = options;
  const confirmations = createConfirmations(clock, options.tokenSource);
  const preflights = new Map<string, Preflight>();

  /** @throws Problem `plan-stale` when what the plan was made for is not what is there now */
  function checkFresh({ plan, recipe }: StoredPlan): void {
    const environment = environments.get(plan.environmentId);
    const stale = (what: string) =>
      new Problem('plan-stale', `${what} has changed since this plan was made.`, { hint: 'Make the plan again and look at it.' });
    if (environment.revision !== recipe.environmentRevision || targetOf(environment) !== recipe.target || environment.tier !== plan.tier) {
      throw stale(`The environment ${environment.name}`);
    }
    if (stacks.get(recipe.stackId).hash !== recipe.stackHash) throw stale(`The stack ${recipe.stackId}`);
  }

  function checkPreflight(plan: Plan): void {
    const last = preflights.get(plan.id);
    const refuse = (message: string, hint = 'Run the preflight.') => new Problem('preflight-blocked', message, { hint });
    if (last === undefined) throw refuse('There was no preflight of this plan.');
    if (!last.ok) {
      const why = last.items.find(({ verdict }) => verdict === 'block') ?? last.items.find(({ verdict }) => verdict === 'unknown');
      throw refuse(why?.detail ?? 'The preflight did not pass.', 'Clear what blocks it, then run the preflight again.');
    }
    if (clock() - last.at > PREFLIGHT_MS) throw refuse('The preflight is older than ten minutes.');
  }

  return {
    checkFresh,
    remember: (preflight: Preflight): void => void preflights.set(preflight.planId, preflight),

    /** Binds a person's yes to one plan. @throws Problem `plan-stale`, `preflight-blocked`, `confirmation-required`, `confirmation-wrong` */
    confirm(stored: StoredPlan, planHash: string, typedName: string | undefined): { token: string; expiresAt: number } {
      const { plan } = stored;
      if (plan.hash !== planHash)
        throw new Problem('plan-stale', 'What was confirmed is not this plan.', { hint: 'Look at the plan again.' });
      checkFresh(stored);
      checkPreflight(plan);
      checkTypedName(plan.requiresTypedName, environments.get(plan.environmentId).name, typedName);
      return confirmations.issue(plan);
    },

    /** Uses a confirmation up, and looks once more at all it was given for. */
    admit(stored: StoredPlan, token: string): void {
      confirmations.redeem(stored.plan, token);
      checkFresh(stored);
      checkPreflight(stored.plan);
    },
  };
}
