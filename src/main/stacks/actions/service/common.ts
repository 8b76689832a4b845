import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { ActionContext } from '../../../engine/action.ts';
import { look } from '../job.ts';
import { pause } from '../tools.ts';
import type { ComposeProject } from './compose-project.ts';
import { dependents } from './compose-project.ts';
import { doesNotStay } from './evidence.ts';
import { isDown, isUp, lifeWords } from './life.ts';
import type { ServiceView } from './observe.ts';
import { observe } from './observe.ts';
import type { ServiceRef } from './ref.ts';
import { serviceName } from './ref.ts';

/** Looks at the same life this often, this far apart in milliseconds, before it counts as running. */
const STEADY_LOOKS = 3;
const STEADY_MS = 250;
/** How long a state on its way to another one is waited for, in milliseconds. */
const PASSING_MS = 60_000;

/** `a, b and c`. */
export const list = (words: readonly string[]) =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`;

/** How a service stands, in one line. */
export const viewWords = (view: ServiceView) => `${view.lives.map(lifeWords).join('; ')}.`;

/** Observes with the context's own session. @throws Problem */
export const observed = async (context: ActionContext, ref: ServiceRef, known?: ComposeProject) =>
  observe(await context.session(), ref, { signal: context.signal, known });

/** True when each part runs, or has ended well where it was meant to. */
export const allRun = (view: ServiceView) => view.lives.every(isUp);
/** True when nothing of it runs, and nothing will start it by itself. */
export const allDown = (view: ServiceView) => view.lives.every(isDown);
/** Ids of what runs, in the order in which it starts. Facts carry them as one text. */
export const runningIds = (view: ServiceView) => view.lives.filter((life) => !isDown(life) && life.id !== '').map(({ id }) => id);

/** The text of a fact as a list. */
export const words = (fact: string | undefined) => (fact ?? '').split(' ').filter((word) => word !== '');

/**
 * Waits for what is on its way (starting, stopping), then looks a few times more: what a command started and what is gone again a moment
 * later does not run. @throws Problem when it can't be told
 */
export async function settled(context: ActionContext, ref: ServiceRef, known?: ComposeProject): Promise<ServiceView | Problem> {
  const begun = performance.now();
  let view = await observed(context, ref, known);
  while (view.lives.some(({ state }) => state === 'starting' || state === 'stopping') && performance.now() - begun < PASSING_MS) {
    await pause(STEADY_MS);
    view = await observed(context, ref, view.project);
  }
  for (let looks = 1; looks < STEADY_LOOKS; looks += 1) {
    const trouble = view.lives.find((life) => !isUp(life));
    if (trouble !== undefined) return doesNotStay(context, ref, view, 'It was started, and does not run.');
    await pause(STEADY_MS);
    const next = await observed(context, ref, view.project);
    const changed = next.lives.find((life, index) => life.instance !== view.lives[index]?.instance);
    if (changed !== undefined) return doesNotStay(context, ref, next, 'It restarts by itself.');
    view = next;
  }
  const trouble = view.lives.find((life) => !isUp(life));
  return trouble === undefined ? view : doesNotStay(context, ref, view, 'It was started, and does not run.');
}

/** Facts of a service that runs, as actions put them out. */
export function runningFacts(view: ServiceView): Record<string, string> {
  const [first] = view.lives;
  return {
    pid: first?.pid ?? '',
    instance: first?.instance ?? '',
    image: first?.image?.id ?? '',
  };
}

const imageScript = `command -v docker >/dev/null 2>&1 || exit 41
for image; do docker image inspect --format '{{.Id}}' -- "$image" >/dev/null 2>&1 || printf '%s\\n' "$image"; done
docker version --format '{{.Server.APIVersion}}' >/dev/null || exit 45
`;

/** Which of these images are not on the host. @throws Problem when that can't be told */
export async function missingImages(context: ActionContext, images: readonly string[]): Promise<string[]> {
  if (images.length === 0) return [];
  const end = await look(await context.session(), { script: imageScript, args: images }, { timeoutMs: 30_000 });
  if (end.exitCode !== 0) throw new Problem('remote-command-failed', 'The engine does not tell which images it has.');
  return end.stdout.split('\n').filter((line) => line !== '');
}

/** What of a project is meant: one service, or all. */
export const wantedServices = (project: ComposeProject, ref: ServiceRef) =>
  ref.service === '' ? project.services : project.services.filter(({ name }) => name === ref.service);

/** What runs now, and who else notices. Throws when it can't be told, which stops the run. */
export async function servicePreflight(
  context: ActionContext,
  ref: ServiceRef,
  what: { readonly stops: boolean; readonly makes: boolean },
): Promise<{ readonly items: PreflightItem[]; readonly view: ServiceView }> {
  const view = await observed(context, ref);
  const items: PreflightItem[] = [];
  const absent = view.lives.some(({ state }) => state === 'absent') && (ref.kind !== 'compose' || !what.makes);
  const odd = view.lives.some(({ state }) => state === 'unclear' || state === 'paused');
  const looping = view.lives.some(({ state }) => state === 'restarting');
  items.push({
    id: 'service',
    title: ref.kind === 'process' ? 'Service control' : 'Runs now',
    verdict: absent && ref.kind !== 'compose' ? 'block' : absent || odd || looping ? 'warn' : 'pass',
    detail: `${viewWords(view)}${looping ? ' It crashes again and again.' : ''}`,
  });
  if (view.project === undefined) return { items, view };
  items.push({
    id: 'compose',
    title: 'Compose file',
    verdict: view.project.unset.length > 0 ? 'warn' : 'pass',
    detail:
      view.project.unset.length > 0
        ? `Valid, and nobody sets ${list(view.project.unset)}: compose puts nothing in their place.`
        : `Valid; it has ${list(view.project.services.map(({ name }) => name))}.`,
  });
  if (what.stops && ref.service !== '') {
    const others = dependents(view.project, ref.service);
    items.push({
      id: 'dependents',
      title: 'Needed by',
      verdict: others.length > 0 ? 'warn' : 'pass',
      detail: others.length > 0 ? `While it is away, ${list(others)} will miss it.` : `No other service says that it needs ${ref.service}.`,
    });
  }
  if (what.makes) {
    const images = wantedServices(view.project, ref).flatMap(({ image }) => image ?? []);
    const missing = await missingImages(context, images);
    items.push({
      id: 'images',
      title: 'Images',
      verdict: missing.length > 0 ? 'block' : 'pass',
      detail:
        missing.length > 0
          ? `Not on the host, and nothing is pulled here: ${list(missing)}.`
          : `On the host: ${list(images) || 'those compose has named itself'}.`,
    });
  }
  return { items, view };
}

/** A short text for the run page: `the container web` with a capital. */
export const Name = (ref: ServiceRef) => {
  const name = serviceName(ref);
  return name.charAt(0).toUpperCase() + name.slice(1);
};

/** True when it is seen to run for some looks in a row. */
export const isRunningSteadily = async (context: ActionContext, ref: ServiceRef, known?: ComposeProject) =>
  !((await settled(context, ref, known)) instanceof Problem);
