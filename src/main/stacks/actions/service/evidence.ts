import { Problem } from '../../../../contract/problem.ts';
import type { ActionContext } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import { pause } from '../tools.ts';
import type { Life } from './life.ts';
import { endWords, isUp, lifeWords } from './life.ts';
import { logEnd } from './log-end.ts';
import type { ServiceView } from './observe.ts';
import { observe } from './observe.ts';
import type { ServiceRef } from './ref.ts';

/** While a container runs nobody tells how its last life ended: a crash loop is looked at until it is between two lives. */
const LOOKS = 25;
const LOOK_MS = 150;

/** True when it has ended without being asked. */
export const byItself = (life: Life) =>
  life.state === 'restarting' || (!isUp(life) && life.state !== 'starting' && life.state !== 'stopping');

async function between(context: ActionContext, ref: ServiceRef, view: ServiceView): Promise<ServiceView> {
  let last = view;
  for (let looks = 0; looks < LOOKS && !last.lives.some((life) => life.end !== undefined && !isUp(life)); looks += 1) {
    const looping = last.lives.some(({ restarts, state }) => (restarts ?? 0) > 0 || state !== 'running');
    if (!looping) return view;
    await pause(LOOK_MS);
    last = await observe(await context.session(), ref, { known: view.project });
  }
  return last;
}

/** Why it does not stay up, as far as the host tells: exit code, signal, memory, and the last words of its log. */
export async function doesNotStay(context: ActionContext, ref: ServiceRef, seen: ServiceView, message: string): Promise<Problem> {
  const view = await between(context, ref, seen).catch(() => seen);
  const ill =
    view.lives.find(byItself) ?? view.lives.find(({ health }) => health === 'unhealthy') ?? view.lives.find((life) => !isUp(life));
  const life = ill ?? view.lives.find(({ restarts }) => (restarts ?? 0) > 0) ?? view.lives[0];
  const lines = life === undefined ? [] : await logEnd(await context.session(), ref.kind, life.id).catch(() => []);
  for (const line of lines) context.say(`${line}\n`);
  // Two streams of one container come in either order: the last line alone may be the less telling one.
  const last = lines.length === 0 ? undefined : lines.slice(-3).join(' / ');
  const how = life === undefined ? '' : ` ${lifeWords(life)}.${life.said === life.state ? '' : ` The host says: ${life.said}.`}`;
  return new Problem('verification-failed', `${message}${how}${last === undefined ? '' : ` Its log ends with: ${plainLine(last, 400)}`}`, {
    hint: 'Look at its log, or revert.',
    detail: {
      exitCode: life?.end?.exitCode ?? null,
      signal: life?.end?.signal ?? null,
      outOfMemory: life?.end?.outOfMemory ?? null,
      ended: endWords(life?.end),
      restarts: life?.restarts ?? null,
      log: lines.map((line) => plainLine(line, 300)),
    },
  });
}
