import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { sha256 } from '../../../engine/canonical.ts';
import { toProblem } from '../../../engine/words.ts';
import { jobState, look, mustRun } from '../job.ts';
import { done, failed, RemotePath, unknown } from '../tools.ts';
import { isRunningSteadily, Name, observed, runningFacts, settled, viewWords, wantedServices } from './common.ts';
import type { ComposeProject } from './compose-project.ts';
import type { Former } from './formers.ts';
import { formerFacts, formers, given, NONE, parseFormers, replaced, untouched, wrongImage } from './formers.ts';
import { findImage, ImageName, shortId } from './images.ts';
import { isDown } from './life.ts';
import type { ServiceView } from './observe.ts';
import { serviceShape } from './ref.ts';
import { composeBack, containerBack, meanings, otherEnvironments, replaceCompose, replaceContainer } from './replace-scripts.ts';

const Port = z.string().regex(/^[0-9a-fA-F.:[\]]*\d+(\/(tcp|udp))?$/, 'such as 127.0.0.1:8000:8000');
const Volume = z.string().regex(/^[A-Za-z0-9/][^\p{Cc}]{0,1022}$/u, 'such as /srv/data:/data');
const Network = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/, 'the name of a network');

/** What a new container is made of. Of a compose project its file says that: only for kind `container`. */
export const containerShape = {
  ports: z.array(Port).max(50).default([]),
  volumes: z.array(Volume).max(50).default([]),
  env_file: z.union([z.literal(''), RemotePath]).default(''),
  network: z.union([z.literal(''), Network]).default(''),
  restart: z.enum(['no', 'always', 'unless-stopped', 'on-failure']).default('unless-stopped'),
};

const Replacing = z.strictObject({
  ...serviceShape,
  ...containerShape,
  image: z.union([z.literal(''), ImageName]).default(''),
  grace_seconds: z.int().min(1).max(3600).default(30),
});
/** Input of the actions that put a new container in the place of another. */
export type Replacing = z.infer<typeof Replacing>;

/** `recreate`: as the project's file says now. `pin`: with another image. `build`: built first. */
export type How = 'recreate' | 'pin' | 'build';

const hint = 'Look at the log of the service, or revert: the former image is kept.';
/** One mark for all tries of a step of a run, forwards and back. */
const markOf = (context: ActionContext) => sha256(context.stepKey.replace(/-(undo)?\d+$/, '')).slice(0, 16);

/** Options of `docker run`. */
export function runOptions(input: Replacing): string[] {
  return [
    ...['--restart', input.restart],
    ...(input.network === '' ? [] : ['--network', input.network]),
    ...(input.env_file === '' ? [] : ['--env-file', input.env_file]),
    ...input.ports.flatMap((port) => ['--publish', port]),
    ...input.volumes.flatMap((volume) => ['--volume', volume]),
  ];
}

/** Ids of what is to end: what others need ends last. */
const ending = (view: ServiceView) =>
  view.lives
    .filter((life) => life.id !== '' && !isDown(life))
    .map(({ id }) => id)
    .reverse()
    .join(' ');

function composeArgs(
  context: ActionContext,
  input: Replacing,
  view: ServiceView,
  list: readonly Former[],
  how: How,
  wanted: { tag: string; id: string },
) {
  const services = view.project === undefined ? [] : wantedServices(view.project, input);
  return [
    ...[
      input.project_dir,
      input.compose_file,
      String(input.grace_seconds),
      markOf(context),
      view.project?.version ?? '',
      how,
      input.service,
      ending(view),
    ],
    ...services.flatMap(({ name }) => {
      const former = list.find((one) => one.name === name);
      return [
        ...[name, given(former?.image ?? NONE), given(former?.tag ?? NONE)],
        ...[how === 'pin' ? wanted.tag : '', how === 'pin' ? wanted.id : '', given(former?.container ?? NONE)],
      ];
    }),
  ];
}

/** Puts new containers in the place of the present ones, gracefully, and looks that they stay up. The way back is secured first. */
export async function replaceService(context: ActionContext, input: Replacing, how: How): Promise<ActionOutcome> {
  let view: ServiceView;
  let wanted = { tag: '', id: '' };
  try {
    view = await observed(context, input);
    if (input.image !== '') {
      const found = await findImage(await context.session(), input.image);
      if (found === undefined)
        return failed(
          new Problem('not-found', `The image ${input.image} is not on the host.`, {
            hint: 'Nothing was changed; nothing is pulled here.',
          }),
        );
      wanted = { tag: input.image, id: found.id };
    }
    if (context.recorded['former'] === undefined) context.record({ ...formerFacts(formers(view)), image: wanted.id });
    // A tag that leads elsewhere since an earlier try would change what is put in place.
    const meant = context.recorded['image'] ?? wanted.id;
    if (meant !== wanted.id)
      return failed(
        new Problem(
          'verification-failed',
          `${input.image} was image ${shortId(meant)} when this run began, and is ${shortId(wanted.id)} now.`,
        ),
      );
  } catch (error) {
    return failed(toProblem(error));
  }
  try {
    const list = context.recorded['former'] === undefined ? formers(view) : parseFormers(context.recorded['former']);
    const former = list[0];
    const aside = `${input.container}-before-${markOf(context).slice(0, 8)}`;
    const result = await mustRun(context, {
      name: 'replace',
      meanings,
      hint,
      ...(input.kind === 'container'
        ? {
            script: replaceContainer,
            args: [
              ...[
                input.container,
                aside,
                given(former?.container ?? NONE),
                markOf(context),
                String(input.grace_seconds),
                wanted.tag,
                wanted.id,
              ],
              ...runOptions(input),
            ],
          }
        : { script: replaceCompose, args: composeArgs(context, input, view, list, how, wanted) }),
    });
    if ('outcome' in result) return result.outcome;
    const after = await settled(context, input, view.project);
    if (after instanceof Problem) return failed(after);
    if (!replaced(after, list))
      return failed(new Problem('verification-failed', `The former container is still there. ${viewWords(after)}`, { hint }));
    const wrong = wanted.id === '' ? undefined : wrongImage(after, wanted.id);
    if (wrong !== undefined)
      return failed(
        new Problem('verification-failed', `${wrong.name} runs image ${shortId(wrong.image?.id ?? '')}, not ${shortId(wanted.id)}.`, {
          hint,
        }),
      );
    return done(changeWords(input, list, after), { ...runningFacts(after), ...formerFacts(list) });
  } catch (error) {
    return unknown(toProblem(error));
  }
}

function changeWords(input: Replacing, list: readonly Former[], view: ServiceView): string {
  const changes = view.lives.flatMap((life) => {
    const former = list.find(({ name }) => name === (life.service ?? input.container));
    const now = life.image?.id ?? '';
    if (former === undefined || former.image === NONE) return [`${life.name} is new`];
    return former.image === now
      ? [`${life.name} has the same image as before`]
      : [`${life.name}: image ${shortId(former.image)} before, ${shortId(now)} now`];
  });
  return `${Name(input)} was re-created (${changes.join('; ')}): ${viewWords(view)}`;
}

/** Is the new one in place? What was begun and not finished is `partly`: a resume does it again, a revert undoes it. */
export async function probeReplaced(context: ActionContext, input: Replacing): Promise<ProbeOutcome> {
  if ((await jobState(context, 'replace')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const view = await observed(context, input);
  const text = context.recorded['former'];
  if (text === undefined) return { found: 'not-done', observed: `It was never begun. ${viewWords(view)}` };
  const list = parseFormers(text);
  if (untouched(view, list)) return { found: 'not-done', observed: `The former containers are as they were. ${viewWords(view)}` };
  const output = { ...runningFacts(view), ...formerFacts(list) };
  const wanted = context.recorded['image'] ?? '';
  if (!replaced(view, list) || (wanted !== '' && wrongImage(view, wanted) !== undefined))
    return { found: 'partly', observed: viewWords(view), output };
  const steady = await isRunningSteadily(context, input, view.project);
  return steady
    ? { found: 'done', observed: changeWords(input, list, view), output }
    : { found: 'partly', observed: viewWords(view), output };
}

/** Puts the former ones back: a plain container is the very same one again; a project's gets its former image and environment. */
export async function putBack(context: ActionContext, input: Replacing, output: Facts, how: How): Promise<ActionOutcome> {
  try {
    const list = parseFormers(output['former']);
    const former = list[0];
    const before = await observed(context, input);
    const aside = `${input.container}-before-${markOf(context).slice(0, 8)}`;
    const result = await mustRun(context, {
      name: 'back',
      meanings,
      hint: 'Look at the containers on the host by hand; nothing of the former ones was removed.',
      ...(input.kind === 'container'
        ? {
            script: containerBack,
            args: [
              ...[input.container, aside, given(former?.container ?? NONE), markOf(context), String(input.grace_seconds)],
              ...[former?.policy ?? 'no', former === undefined || former.was === 'down' ? 'no' : 'yes'],
            ],
          }
        : { script: composeBack, args: composeArgs(context, input, before, list, how, { tag: '', id: '' }) }),
    });
    if ('outcome' in result) return result.outcome;
    const found = await isBack(context, input, output, before.project);
    return found.found === 'done'
      ? done(found.observed)
      : failed(new Problem('verification-failed', `It is not as it was before. ${found.observed}`, { hint }));
  } catch (error) {
    return unknown(toProblem(error));
  }
}

/** Services of a project that run in another environment than the one that was kept for the way back. */
async function otherEnvironment(context: ActionContext, view: ServiceView): Promise<string[]> {
  const pairs = view.lives.flatMap(({ service, id }) => (service === undefined || id === '' ? [] : [service, id]));
  const end = await look(await context.session(), { script: otherEnvironments, args: [markOf(context), ...pairs] }, { timeoutMs: 30_000 });
  if (end.exitCode !== 0) throw new Problem('remote-command-failed', 'Whether the former environment is back can’t be told.');
  return end.stdout.split('\n').filter((line) => line !== '');
}

/** Do the former images (of a plain container: the former container) run again, steadily? */
export async function isBack(context: ActionContext, input: Replacing, output: Facts, known?: ComposeProject): Promise<ProbeOutcome> {
  if ((await jobState(context, 'back')).state === 'running') return { found: 'unknown', observed: 'The host is still at it.' };
  const list = parseFormers(output['former']);
  const view = await observed(context, input, known);
  const right = list.every((former) => {
    const lives = view.lives.filter((life) => (life.service ?? life.name.replace(/^container /, '')) === former.name);
    if (input.kind === 'container')
      return lives.every(
        (life) => (life.id || NONE) === former.container && (former.container === NONE || (former.was === 'down') === isDown(life)),
      );
    return (
      former.image === NONE || (lives.length > 0 && lives.every((life) => life.image?.id === former.image && life.state === 'running'))
    );
  });
  if (!right) return { found: 'not-done', observed: viewWords(view) };
  const other = input.kind === 'compose' ? await otherEnvironment(context, view) : [];
  if (other.length > 0)
    return { found: 'not-done', observed: `The environment of ${other.join(', ')} is not the former one. ${viewWords(view)}` };
  // What crashed again and again before does so again: that is what it was.
  const expected = list.every(({ was }) => was !== 'looped') && list.some(({ was }) => was === 'ran');
  if (expected && !(await isRunningSteadily(context, input, view.project))) return { found: 'not-done', observed: viewWords(view) };
  return { found: 'done', observed: `As before: ${viewWords(view)}` };
}
