import { z } from 'zod';
import type { PlanCommand, PreflightItem } from '../../../../contract/runs.ts';
import type { ActionContext, SurveyItem } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { list, observed, servicePreflight, wantedServices } from './common.ts';
import { composeFit } from './compose-fit.ts';
import { findImage, ImageName, imageSpace, localImages, repository, shortId } from './images.ts';
import type { ServiceView } from './observe.ts';
import { checkRef, composeCommand, serviceShape, shown } from './ref.ts';
import type { How, Replacing } from './replace.ts';
import { containerShape, isBack, probeReplaced, putBack, replaceService, runOptions } from './replace.ts';
import { stopCommands } from './start-stop.ts';

const maybeImage = z.union([z.literal(''), ImageName]).default('');
const shape = { ...serviceShape, ...containerShape, grace_seconds: z.int().min(1).max(3600).default(30) };
type Issues = Parameters<typeof checkRef>[1];

/** Only what docker runs can be re-created, and a plain container only from an image that is told. */
function checkReplacing(input: Replacing, context: Issues): void {
  checkRef(input, context);
  const issue = (name: string, message: string) => context.addIssue({ code: 'custom', path: [name], message });
  if (input.kind !== 'container' && input.kind !== 'compose') issue('kind', 'only a container or a compose project can be re-created');
  if (input.kind === 'container' && input.image === '') issue('image', 'needed for a container');
}

const RecreateInput = z.strictObject({ ...shape, image: maybeImage }).superRefine((input, context) => {
  checkReplacing(input, context);
  if (input.kind === 'compose' && input.image !== '')
    context.addIssue({
      code: 'custom',
      path: ['image'],
      message: 'the project’s file says that; to run another image use image.redeploy@1',
    });
});
const RebuildInput = z.strictObject({ ...shape, image: z.literal('').default('') }).superRefine((input, context) => {
  checkRef(input, context);
  if (input.kind !== 'compose') context.addIssue({ code: 'custom', path: ['kind'], message: 'only a compose project can be rebuilt' });
});
const RedeployInput = z.strictObject({ ...shape, image: z.union([z.literal(''), ImageName]) }).superRefine((input, context) => {
  checkReplacing(input, context);
  if (input.image === '') context.addIssue({ code: 'custom', path: ['image'], message: 'the image to run' });
  if (input.kind === 'compose' && input.service === '')
    context.addIssue({ code: 'custom', path: ['service'], message: 'one service: they do not share an image' });
});

const outputs = ['pid', 'instance', 'image', 'former', 'former_image', 'former_tag'];

function commands(input: Replacing, how: How): PlanCommand[] {
  const stop = stopCommands(input, input.grace_seconds);
  if (input.kind === 'container')
    return [
      ...stop,
      ...shown(
        `docker update --restart=no -- ${input.container}; docker rename -- ${input.container} ${input.container}-before-<mark of the run>  (kept for the way back)`,
        [
          'docker run --detach --pull never --name',
          input.container,
          '--label quarterdeck.run=<mark>',
          ...runOptions(input),
          '--',
          input.image,
        ].join(' '),
        `docker inspect -- ${input.container}`,
      ),
    ];
  const up = ['up', '-d', '--no-build', '--force-recreate', ...(input.service === '' ? [] : ['--no-deps'])];
  return [
    ...shown('docker tag <each former image> quarterdeck-kept:<its id>  (kept for the way back)'),
    ...(how === 'build' ? shown(composeCommand(input, 'build')) : []),
    ...stop,
    ...shown(
      how === 'pin'
        ? `${composeCommand(input, ...up)}  (with an override outside the project's folder: image: ${input.image})`
        : composeCommand(input, ...up),
      'docker inspect <its containers>',
    ),
  ];
}

function backCommands(input: Replacing, how: How): PlanCommand[] {
  if (input.kind === 'container')
    return shown(
      `docker kill --signal <its stop signal, or SIGTERM> -- ${input.container}; docker rm -- ${input.container}  (the new one)`,
      `docker rename -- ${input.container}-before-<mark of the run> ${input.container}; docker update --restart=<as before>; docker start -- ${input.container}`,
    );
  return shown(
    ...(how === 'build' ? ['docker tag <each former image> <its tag>'] : []),
    `${composeCommand(input, 'up', '-d', '--no-build', '--force-recreate')}  (with an override outside the project's folder: former image and environment)`,
  );
}

async function imageItems(context: ActionContext, input: Replacing, how: How, view: ServiceView): Promise<PreflightItem[]> {
  const session = await context.session();
  const items: PreflightItem[] = [];
  if (input.image !== '') {
    const found = await findImage(session, input.image);
    const runs = view.lives.some(({ image }) => image?.id === found?.id);
    items.push({
      id: 'image',
      title: 'Image',
      verdict: found === undefined ? 'block' : runs && how === 'pin' ? 'warn' : 'pass',
      detail:
        found === undefined
          ? `${input.image} is not on the host, and nothing is pulled here.`
          : `${input.image} is ${shortId(found.id)}, made ${found.created.slice(0, 16).replace('T', ' ')}.${runs && how === 'pin' ? ' It runs already.' : ''}`,
    });
  } else if (how === 'recreate' && view.project !== undefined) {
    const moved: string[] = [];
    for (const { name, image } of wantedServices(view.project, input)) {
      const life = view.lives.find(({ service }) => service === name);
      const now = image === undefined || life?.image === undefined ? undefined : await findImage(session, image);
      if (now !== undefined && now.id !== life?.image?.id) moved.push(`${name} (${shortId(life?.image?.id ?? '')} → ${shortId(now.id)})`);
    }
    items.push({
      id: 'image',
      title: 'Image',
      verdict: moved.length > 0 ? 'warn' : 'pass',
      detail:
        moved.length > 0 ? `This changes what runs: the tag leads to another image by now for ${list(moved)}.` : 'The same images as now.',
    });
  }
  return items;
}

async function preflight(context: ActionContext, input: Replacing, how: How): Promise<PreflightItem[]> {
  const { items, view } = await servicePreflight(context, input, { stops: true, makes: how === 'recreate' });
  // A plain container that is not there is made.
  const own = items.map((item) => (item.id === 'service' && item.verdict === 'block' ? { ...item, verdict: 'warn' as const } : item));
  const rest = [...(input.kind === 'compose' ? [await composeFit(context)] : []), ...(await imageItems(context, input, how, view))];
  if (how !== 'build') return [...own, ...rest];
  const session = await context.session();
  let bytes = 0;
  for (const { image } of view.lives) bytes += image === undefined ? 0 : ((await findImage(session, image.id))?.bytes ?? 0);
  return [...own, ...rest, await imageSpace(context, Math.max(bytes, 64 << 20))];
}

/** The images of its repository that are on the host, newest first. */
async function survey(context: ActionContext, given: Readonly<Record<string, unknown>>): Promise<SurveyItem[]> {
  const Ref = z.object(serviceShape).safeParse(Object.fromEntries(Object.entries(given).filter(([key]) => key in serviceShape)));
  if (!Ref.success) return [];
  const view = await observed(context, Ref.data);
  const now = view.lives.find(({ image }) => image !== undefined)?.image;
  if (now === undefined) return [];
  const images = await localImages(await context.session(), repository(now.tag));
  return [
    {
      parameter: 'image',
      title: `Images of ${repository(now.tag)} on the host`,
      detail: `Runs now: ${now.tag}, ${shortId(now.id)}.`,
      choices: images.map(({ tag, id, created }) => ({
        value: tag,
        label: `${tag} · ${shortId(id)} · ${created.slice(0, 16)}${id === now.id ? ' · runs now' : ''}`,
      })),
    },
  ];
}

const make = (id: string, title: string, input: z.ZodType<Replacing>, how: How) =>
  defineAction<Replacing>({
    id,
    title,
    effect: 'destructive',
    input,
    outputs,
    describe: (given) => commands(given, how),
    preflight: (context, given) => preflight(context, given, how),
    ...(how === 'pin' ? { survey } : {}),
    execute: (context, given) => replaceService(context, given, how),
    probe: probeReplaced,
    undo: {
      title: 'Put the former one back',
      describe: (given) => backCommands(given, how),
      execute: (context, given, output) => putBack(context, given, output, how),
      probe: (context, given, output) => isBack(context, given, output),
    },
  });

/** `service.recreate@1`: a new container from the same definition, which loads a changed environment. */
export const recreateAction = make('service.recreate@1', 'Re-create the service', RecreateInput, 'recreate');
/** `service.rebuild@1`: built from its sources, then re-created. */
export const rebuildAction = make('service.rebuild@1', 'Rebuild the service', RebuildInput, 'build');
/** `image.redeploy@1`: another image that is on the host already, usually the previous one. */
export const redeployAction = make('image.redeploy@1', 'Run another image', RedeployInput, 'pin');
