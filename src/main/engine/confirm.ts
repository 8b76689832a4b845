import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Problem } from '../../contract/problem.ts';
import type { Plan } from '../../contract/runs.ts';

/** How long a confirmation holds, in milliseconds. */
export const CONFIRMATION_MS = 5 * 60_000;

/** @throws Problem `confirmation-required` or `confirmation-wrong`. The name must be equal to the letter: that is what makes one look. */
export function checkTypedName(required: boolean, name: string, typed: string | undefined): void {
  if (!required) return;
  if (typed === undefined || typed === '') throw new Problem('confirmation-required', `Type the environment's name, ${name}, to confirm.`);
  if (typed !== name)
    throw new Problem('confirmation-wrong', `What was typed is not the environment's name (${name}).`, {
      hint: 'Look again which environment this is.',
    });
}

const same = (a: string, b: string) => timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());

/** Single-use tokens, each bound to one plan hash. In memory only: a restart asks again. */
export function createConfirmations(clock: () => number, tokenSource = () => randomBytes(24).toString('base64url')) {
  const open = new Map<string, { token: string; hash: string; expiresAt: number }>();
  return {
    issue(plan: Plan): { token: string; expiresAt: number } {
      const given = { token: tokenSource(), hash: plan.hash, expiresAt: clock() + CONFIRMATION_MS };
      open.set(plan.id, given);
      return { token: given.token, expiresAt: given.expiresAt };
    },
    /** Uses the token up. @throws Problem `confirmation-required` when it is not the one, was used, or is too old */
    redeem(plan: Plan, token: string): void {
      const given = open.get(plan.id);
      if (given === undefined || !same(given.token, token) || given.hash !== plan.hash)
        throw new Problem('confirmation-required', 'This plan is not confirmed, or its confirmation was used already.');
      open.delete(plan.id);
      if (clock() > given.expiresAt)
        throw new Problem('confirmation-required', 'The confirmation is older than five minutes.', { hint: 'Confirm again.' });
    },
  };
}
