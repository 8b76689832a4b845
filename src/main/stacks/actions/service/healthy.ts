import { z } from 'zod';
import type { ActionContext, ActionOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { HttpPath } from '../../schema.ts';
import { done, failed, pause } from '../tools.ts';
import { Name, observed, runningFacts, viewWords } from './common.ts';
import { byItself, doesNotStay } from './evidence.ts';
import { endWords, isUp, lifeWords } from './life.ts';
import type { ServiceView } from './observe.ts';
import { checkRef, composeCommand, serviceShape, shown } from './ref.ts';

const maybeUrl = z.union([z.literal(''), z.string().regex(/^https?:\/\/[^\s/]+$/, 'such as http://127.0.0.1:8000')]).default('');

/**
 * Healthy: `times` good looks in a row, `every_ms` apart, at the same instance with the same restart count. A look is good when it runs, its
 * container's own health check (where it has one) says healthy, and what is asked for answers: a GET of `base_url` and `path`, or a connection to `port`.
 */
const Input = z
  .strictObject({
    ...serviceShape,
    base_url: maybeUrl,
    path: z.union([z.literal(''), HttpPath]).default(''),
    expect_status: z.int().min(100).max(599).default(200),
    /** On the host's 127.0.0.1; 0 for none. */
    port: z.int().min(0).max(65_535).default(0),
    times: z.int().min(1).max(50).default(3),
    every_ms: z.int().min(50).max(60_000).default(1000),
    within_ms: z.int().min(1000).max(1_800_000).default(60_000),
    /** Restarts by itself that are let pass while it comes up. */
    max_restarts: z.int().min(0).max(20).default(0),
  })
  .superRefine((input, context) => {
    checkRef(input, context);
    if ((input.base_url === '') !== (input.path === ''))
      context.addIssue({ code: 'custom', path: [input.path === '' ? 'path' : 'base_url'], message: 'base_url and path belong together' });
  });
type Input = z.infer<typeof Input>;

/** What is not good about it at this moment; undefined when all is. */
async function complaint(context: ActionContext, input: Input, view: ServiceView): Promise<string | undefined> {
  const ill = view.lives.find((life) => !isUp(life) || (life.health !== 'none' && life.health !== 'healthy' && life.oneShot !== true));
  if (ill !== undefined) return lifeWords(ill);
  const unseen = view.lives.find((life) => life.unseen);
  if (unseen !== undefined) return `its control says that it runs as process ${unseen.pid}, and there is no such process`;
  if (input.path !== '') {
    const outcome = await context.http.request({
      method: 'GET',
      url: `${input.base_url}${input.path}`,
      timeoutMs: 5000,
      maxBytes: 1 << 20,
    });
    if (outcome.outcome !== 'done') return `GET ${input.path}: ${outcome.problem.message}`;
    if (outcome.status !== input.expect_status) return `GET ${input.path} answers ${outcome.status}, not ${input.expect_status}`;
  }
  if (input.port > 0) {
    try {
      (await (await context.session()).forwardTcp('127.0.0.1', input.port)).destroy();
    } catch (error) {
      return `nothing takes a connection to port ${input.port}: ${toProblem(error).message}`;
    }
  }
  return undefined;
}

const notHealthy = async (...said: Parameters<typeof doesNotStay>): Promise<ActionOutcome> => failed(await doesNotStay(...said));

const restartsOf = (view: ServiceView) => view.lives.reduce((sum, { restarts }) => sum + (restarts ?? 0), 0);
const instanceOf = (view: ServiceView) => view.lives.map(({ instance }) => instance).join('|');

async function execute(context: ActionContext, input: Input): Promise<ActionOutcome> {
  const begun = performance.now();
  let view = await observed(context, input);
  const restartsAtFirst = restartsOf(view);
  let instance = instanceOf(view);
  let lives = 1;
  let good = 0;
  let last = '';
  for (;;) {
    const restarted = Math.max(restartsOf(view) - restartsAtFirst, lives - 1);
    const looping = view.lives.filter(byItself);
    const how = looping.map(
      (life) =>
        `${life.name} ${life.state === 'restarting' ? 'crashes again and again' : `is ${life.state}`}, ${endWords(life.end) || life.said}`,
    );
    if (restarted > input.max_restarts)
      return await notHealthy(context, input, view, `It restarts by itself (${restarted} times while it was looked at).`);
    // Between two crashes there is nothing to wait for but the next one, unless some are let pass.
    const over = looping.some(({ state }) => state !== 'restarting') || (looping.length > 0 && input.max_restarts === 0);
    if (over) return await notHealthy(context, input, view, `It does not stay up: ${how.join('; ')}.`);
    const wrong = await complaint(context, input, view);
    good = wrong === undefined ? good + 1 : 0;
    last = wrong ?? last;
    context.progress({ done: good, total: input.times, unit: 'items' });
    if (good >= input.times) break;
    if (performance.now() - begun > input.within_ms)
      return await notHealthy(context, input, view, `Not healthy after ${Math.round(input.within_ms / 1000)} s: ${last}.`);
    await pause(input.every_ms);
    view = await observed(context, input, view.project);
    if (instanceOf(view) !== instance) {
      instance = instanceOf(view);
      lives += 1;
      good = 0;
    }
  }
  const how = [input.path === '' ? '' : `GET ${input.path}`, input.port === 0 ? '' : `port ${input.port}`].filter((text) => text !== '');
  const checked = how.length > 0 || view.lives.some(({ health }) => health !== 'none');
  return done(
    `${Name(input)} is ${checked ? `healthy ${input.times} times in a row` : `seen to run ${input.times} times in a row (it has no health check)`}: ${viewWords(view)}`,
    { ...runningFacts(view), restarts: String(restartsOf(view)) },
  );
}

/** `service.healthy@1`. */
export const healthyAction = defineAction<Input>({
  id: 'service.healthy@1',
  title: 'See that it is healthy',
  effect: 'read',
  input: Input,
  outputs: ['pid', 'instance', 'image', 'restarts'],
  describe: (input) => {
    const often = `(${input.times} times in a row, ${input.every_ms} ms apart, the same instance)`;
    const look = {
      process: `${input.control} status`,
      systemd: `systemctl show -- ${input.unit}`,
      container: `docker inspect -- ${input.container}`,
      compose: `${composeCommand(input, 'ps', '-a', '-q')}; docker inspect`,
    }[input.kind];
    return [
      ...shown(`${look}  ${often}`),
      ...(input.path === '' ? [] : [{ kind: 'http' as const, text: `GET ${input.base_url}${input.path}  ${often}` }]),
      ...(input.port === 0 ? [] : shown(`connect to 127.0.0.1:${input.port}  ${often}`)),
    ];
  },
  execute,
  probe: async () => ({ found: 'not-done', observed: 'Looking again is harmless.' }),
  undo: 'nothing-to-undo',
});
